"""Finishing of one complex while the model folds the next: the mirror of :mod:`foldcp.predict.ahead`.

In a process of its own, because writing mmCIF and scoring are Python, which a thread could run only in turns
with the model. At most one complex is there at a time, so that memory stays bounded; who comes next waits.

The process is expendable, but not what it holds: if it dies with a complex, that complex alone has failed. It
costs some seconds and some 600 MB (half of them biotite's dictionary of components), so it is started only
when finishing complexes in their turn has cost more, and after a death complexes are finished in their turn
until that is so again.
"""

import importlib
import pickle
import threading
import time
import traceback
from collections.abc import Callable
from queue import Empty, SimpleQueue

from foldcp.errors import FoldcpError
from foldcp.predict import writer
from foldcp.predict.child import BEATS, Child, Inbox, Parent, picklable
from foldcp.predict.finishing import Finished, Unfinished, finish
from foldcp.predict.ranks.silence import Silence

Ended = Callable[[Exception | None], None]
"""Told how a complex has ended: None if it is done."""

WORTH = 10.0
"""Seconds of computing that finishing in turn must have cost before the process is started: about twice what
its start costs. Not seconds of the clock: where a machine has too much to do, more processes are no help."""
_SILENCE = 600.0
"""Seconds without a word after which the process counts as hung. Scoring may hold Python's lock for long."""
_TICK = 1.0
"""Seconds between two looks at how long it has been silent."""
_GRACE = 10.0
"""Seconds that the complex at work gets when all must end: hours may have gone into it."""


class FinisherError(FoldcpError):
    """The process that was finishing a complex is gone, or hangs.

    Attributes
    ----------
    cause
        `killed` or `hung`.
    """

    def __init__(self, message: str, cause: str) -> None:
        super().__init__(message)
        self.cause = cause


class Behind:
    """Finishing, in the background where it is worth it."""

    def __init__(self) -> None:
        self._seconds_in_turn = 0.0
        self._child: Child | None = None
        self._inbox: Inbox = SimpleQueue()
        self._waiting: threading.Thread | None = None
        self._lost: Exception | None = None  # what went wrong in that thread
        self._dropping = threading.Lock()

    def get_ready(self) -> None:
        """Start the process if it is worth it by now, so that it is there when something has been folded."""
        if self._seconds_in_turn < WORTH or self._child is not None:
            return
        self._inbox = SimpleQueue()
        # Nothing that it does needs many threads, or a GPU.
        variables = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
        self._child = Child("foldcp.predict.behind", [], variables, self._inbox)

    def finish(self, work: Unfinished, ended: Ended) -> None:
        """Finish a complex after the one before it: in the background, if the process runs, else now."""
        try:
            self._join()
        except BaseException:
            writer.discard(work.staged)
            raise
        if self._child is not None and self._child.popen.poll() is not None:
            self._drop()  # it died of nothing that this complex has to do with
        if self._child is None:
            started = time.process_time()
            ended(_error_of(work))
            self._seconds_in_turn += time.process_time() - started
        else:
            self._child.send(pickle.dumps(work, pickle.HIGHEST_PROTOCOL))
            arguments = (self._inbox, work, ended)
            self._waiting = threading.Thread(
                target=self._await, args=arguments, daemon=True, name="finishing"
            )
            self._waiting.start()
        if self._lost is not None:  # not before this complex is finished, which has no part in it
            self.wait()

    def wait(self) -> None:
        """Wait until the complex in the background has ended and that has been told.

        Raises
        ------
        Exception
            If its end could not be understood, or not be told.
        """
        self._join()
        lost, self._lost = self._lost, None
        if lost is not None:
            raise lost

    def linger(self, seconds: float | None = None) -> None:
        """Give the complex in the background a moment, or so long, to end. Safe in a signal handler."""
        self._join(_GRACE if seconds is None else seconds)

    def close(self) -> None:
        """End the process. What it is at gets a moment to end; nobody is told of it if it does not."""
        self.linger()
        self._drop()
        self._join()
        if self._lost is not None:  # something else ends this process, and must not be hidden
            traceback.print_exception(self._lost)

    def _join(self, seconds: float | None = None) -> None:
        # Not by an event, which a signal handler could not wait for while the program does.
        if self._waiting is not None:
            self._waiting.join(seconds)

    def _drop(self) -> bool:
        """End the process; return whether nobody else has done so."""
        with self._dropping:
            child, self._child, self._seconds_in_turn = self._child, None, 0.0
        if child is not None:
            child.end(10)
        return child is not None

    def _await(self, inbox: Inbox, work: Unfinished, ended: Ended) -> None:
        try:
            error = _answer(inbox)
            if isinstance(error, FinisherError):
                closed = not self._drop()
                writer.discard(work.staged)
                if closed:
                    return
            ended(error)
        except Exception as lost:  # for who waits: this thread can tell nobody
            self._lost = self._lost or lost


def _answer(inbox: Inbox) -> Exception | None:
    """Return what the process has to say of the complex it is at, or how it failed."""
    silence = Silence(_SILENCE, _SILENCE)
    while not silence.is_too_long():
        try:
            _, content = inbox.get(timeout=_TICK)
        except Empty:
            continue
        if content is None:
            message = "the process that wrote its files was killed; often the machine has run out of memory"
            return FinisherError(message, "killed")
        silence.end()
        message = pickle.loads(content)
        if isinstance(message, Finished):
            return message.error
    message = f"the process that wrote its files has been silent for {_SILENCE:g} s"
    return FinisherError(message, "hung")


def _error_of(work: Unfinished) -> Exception | None:
    try:
        finish(work)
    except Exception as error:
        return error
    return None


def main() -> None:
    """Finish whatever the parent sends, until it ends."""
    parent = Parent.from_arguments()
    parent.beat(_SILENCE / BEATS)
    # Boltz's writer takes seconds to import: now, not while the first complex waits.
    importlib.import_module("boltz.data.write.mmcif")
    while True:
        error = _error_of(pickle.loads(parent.receive()))
        if error is not None:
            error.add_note("".join(traceback.format_exception(error)))  # which no pickle keeps
        parent.send(Finished(error and picklable(error)))


if __name__ == "__main__":
    main()

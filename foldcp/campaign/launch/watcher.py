"""A small process beside each job's own, which ends it when it hangs.

On a mesh, ranks are watched by the process that keeps them (`foldcp.predict.ranks`). That process, which
without a mesh is the one that folds, has only the scheduler above it, to whom work and silence look alike. So
it sends beats from a thread: when none comes for long, it is stopped, or something in it holds Python's lock.
Its attempts are closed then, with the cause `hung`, and it is killed; what is left of its list is submitted
again. A thread beats on while a GPU computes in vain or a filesystem does not answer: such a job ends at its
time limit.
"""

import contextlib
import os
import pickle
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue

from foldcp.predict.child import BEATS, Child, Parent
from foldcp.predict.ranks.messages import PATIENCE
from foldcp.predict.ranks.silence import Silence

_TICK = 1.0
"""Seconds between two looks."""
_LAST_WORDS = 60.0
"""Seconds that closing the attempts of a process may take before it is killed without."""


@contextlib.contextmanager
def watched(spec: Path, patience: float = PATIENCE.total_seconds()) -> Iterator[None]:
    """Have this process watched, which works on the shard in a file, and ended when it hangs.

    Parameters
    ----------
    spec
        File written by :meth:`foldcp.predict.shard.ShardSpec.write`.
    patience
        Seconds of silence that mean it hangs. Minutes, because this process also parses molecules, and that
        may hold Python's lock for long.
    """
    child = Child("foldcp.campaign.launch.watcher", [], {}, SimpleQueue())
    child.send(pickle.dumps((spec, patience)))
    over = threading.Event()

    def beat() -> None:
        while not over.wait(patience / BEATS):
            child.send(b"")

    threading.Thread(target=beat, daemon=True, name="beat").start()
    try:
        yield
    finally:
        over.set()
        child.end(10)


def main() -> None:
    """Watch the parent until it ends, or hangs."""
    pid = os.getppid()
    parent = Parent.from_arguments()
    spec, patience = pickle.loads(parent.receive())
    silence = Silence(patience, patience)
    while not silence.is_too_long():
        time.sleep(min(_TICK, patience / BEATS))
        if parent.was_heard():
            silence.end()
    _end(pid, spec, patience)


def _end(pid: int, spec: Path, patience: float) -> None:
    """Close the attempts of a process that hangs, and kill it, whatever becomes of the closing."""
    # The disk may be full, or not answer: a process that is stopped would hold its GPUs for ever.
    timer = threading.Timer(_LAST_WORDS, os.kill, (pid, signal.SIGKILL))
    timer.daemon = True
    timer.start()
    try:
        os.kill(pid, signal.SIGSTOP)  # so that it does not wake up and say otherwise
        _close(spec, f"its process has been silent for {patience:g} s, and was killed")
    finally:
        os.kill(pid, signal.SIGKILL)


def _close(spec: Path, message: str) -> None:
    # Not before they are needed: these take most of the memory that a watcher would have.
    from foldcp.campaign.launch.ends import End
    from foldcp.campaign.launch.settle import close_open
    from foldcp.predict.outcomes import Outcome
    from foldcp.predict.shard import ShardSpec

    close_open(ShardSpec.read(spec), End(Outcome.CRASHED, message, "hung"))


if __name__ == "__main__":
    main()

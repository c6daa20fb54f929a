"""The driver's side of a mesh: start ranks, hand them jobs, and end them all when one fails."""

import contextlib
import pickle
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from types import TracebackType
from typing import Any, TypeVar

from foldcp.errors import FoldcpError
from foldcp.predict.memory import Place
from foldcp.predict.outcomes import KeeperError, Outcome, RankError
from foldcp.predict.ranks import keys
from foldcp.predict.ranks.local import LocalRanks
from foldcp.predict.ranks.messages import (
    PATIENCE,
    SILENCE,
    Failure,
    Message,
    Order,
    Ready,
    Result,
    Said,
    Say,
    Work,
)
from foldcp.predict.ranks.silence import Silence
from foldcp.predict.ranks.world import World

_M = TypeVar("_M", Ready, Result)

_TICK = 0.5
"""Seconds between two looks at what is not a pipe: memory of the ranks, failures at other keepers."""
_GRACE = 5.0
"""Seconds to wait for the cause, when all that is known is that ranks have lost one another."""
_KEEPER_ANSWERS = 180
"""Seconds in which every keeper must have started its processes; the first time it has torch to import."""


def say_on_stderr(text: str) -> None:
    """Print a line of progress."""
    print(text, file=sys.stderr, flush=True)


class Ranks:
    """A mesh of ranks, started at the first job and again after a failure.

    Parameters
    ----------
    shape
        Rows and columns of the mesh.
    build
        Function at the top level of a module. Every rank calls `build(mesh, device, *args)` once, with its
        :class:`foldcp.mesh.Mesh` and its device (`cpu`, `cuda:3`), and gets its `work`. For each job every
        rank calls `work(job, say)`; `say` takes lines of progress, of which those of rank 0 are passed on.
    args
        Further arguments of `build`; they are pickled.
    device
        `auto`, `cpu` or `cuda`.
    threads
        CPU threads of each rank; None shares out the cores.
    world
        The processes that keep the ranks; default: those that this one was started with.
    say
        Takes lines of progress; default: print to standard error.
    patience
        How long a message between ranks may take.
    silence
        Seconds without a word after which a rank or a keeper counts as hung.

    Attributes
    ----------
    device, device_name
        `cpu` or `cuda`, and the model of rank 0's GPU or `cpu`, as soon as the ranks have started.
    places
        Where each rank computes, as soon as the ranks have started.
    peaks
        Peak memory of each rank in the last job, in bytes; None where nobody saw it. Of a job that failed,
        only that of the rank that failed.

    Raises
    ------
    UsageError
        If the ranks cannot be shared out evenly to the processes.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        build: Callable[..., Work],
        args: tuple[Any, ...] = (),
        device: str = "auto",
        threads: int | None = None,
        world: World | None = None,
        say: Say = say_on_stderr,
        patience: timedelta = PATIENCE,
        silence: float = SILENCE,
    ) -> None:
        self._order = Order(shape, build, args, device, threads, patience, silence)
        self._world = world or World.current()
        self._world.share(shape)
        self._say = say
        self._generation: _Generation | None = None
        self.device, self.device_name = "", ""
        self.places: list[Place] = []
        self.peaks: list[int | None] = []

    def start(self) -> None:
        """Start the ranks, unless they run already, and wait until each has built its work.

        Raises
        ------
        FoldcpError
            What `build` raised.
        RankError
            If a rank failed otherwise, or died.
        """
        self._running()

    def run(self, job: Any) -> Any:
        """Let the ranks work on a job, and return what rank 0 made of it.

        Parameters
        ----------
        job
            Anything that can be pickled. It goes to rank 0, which sends it on to the others.

        Raises
        ------
        FoldcpError
            What a rank raised, if it is an error that the user can mend.
        RankError
            If a rank ran out of memory, met numbers that are not finite, failed otherwise, died or hangs. All
            ranks are ended then; the next job starts new ones.
        KeeperError
            If a process that keeps ranks hangs or is gone. No further job can run.
        """
        self.peaks = []
        generation = self._running()
        with self._together():
            generation.give(pickle.dumps(job, pickle.HIGHEST_PROTOCOL))
            result = self._await(generation, Result)
        self.peaks = result.peaks
        return result.value

    def close(self) -> None:
        """End the ranks."""
        if self._generation is not None:
            self._generation.stop()
            self._generation = None

    def __enter__(self) -> "Ranks":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _running(self) -> "_Generation":
        if self._generation is not None and self._generation.has_failed():
            self.close()  # one died between two jobs, which is not the fault of the next
        if self._generation is None:
            self._generation = _Generation(self._order, self._world)
            with self._together():
                ready = self._await(self._generation, Ready)
            self.device, self.device_name, self.places = ready.device, ready.device_name, ready.places
        return self._generation

    @contextlib.contextmanager
    def _together(self) -> Iterator[None]:
        """End all ranks if anything goes wrong: a failure, or Ctrl-C here."""
        try:
            yield
        except BaseException:
            self.close()
            raise

    def _await(self, generation: "_Generation", kind: type[_M]) -> _M:
        """Return the next message of a kind; raise the error of a rank that fails instead."""
        while not generation.failed:
            for message in generation.receive(_TICK):
                if isinstance(message, kind):
                    return message
                if isinstance(message, Said):
                    self._say(message.text)
        raise self._error(self._cause(generation))

    def _cause(self, generation: "_Generation") -> Failure:
        """Return the failure that led to the others."""
        deadline = time.monotonic() + _GRACE
        while all(failure.consequence for failure in generation.failed) and time.monotonic() < deadline:
            generation.receive(_TICK)
        return min(generation.failed, key=lambda f: (f.consequence, f.outcome is not Outcome.OOM))

    def _error(self, failure: Failure) -> FoldcpError:
        self.peaks = [None] * self._order.size
        self.peaks[failure.rank] = failure.peak_bytes
        if failure.error is not None:
            return failure.error
        if failure.trace:
            self._say(failure.trace)
        place = divmod(failure.rank, self._order.shape[1])
        kind = RankError if failure.keeper is None else KeeperError
        message = _explain(failure, place)
        return kind(message, failure.rank, place, failure.outcome, failure.peak_bytes, failure.cause)


class _Generation:
    """One start of a mesh: the ranks kept here, and those of the other keepers."""

    def __init__(self, order: Order, world: World) -> None:
        self._world, self._name = world, str(world.next_generation())
        self._turn = self._reported = 0
        self._share, self._silence = world.share(order.shape), order.silence
        self._keepers = [_Keeper(number, order.silence) for number in range(1, world.n_keepers)]
        self.failed: list[Failure] = []
        world.post(keys.start(self._name), order)
        self._local = LocalRanks(order, self._name, world)
        try:
            self._meet_keepers()
        except BaseException:
            self.stop()
            raise

    def give(self, job: bytes) -> None:
        """Give the ranks a job."""
        self._turn += 1
        self._world.post(keys.job(self._name, self._turn))
        self._local.send(job)

    def receive(self, seconds: float) -> list[Message]:
        """Return what rank 0 has to say, waiting at most so long; failures of any rank go to `failed`."""
        messages = self._local.receive(seconds)
        while self._world.n_keepers > 1 and self._world.has(keys.failure(self._name, self._reported + 1)):
            self._reported += 1
            messages.append(self._world.read(keys.failure(self._name, self._reported)))
        messages += self._silent_keepers()
        self.failed += [message for message in messages if isinstance(message, Failure)]
        return [message for message in messages if not isinstance(message, Failure)]

    def has_failed(self) -> bool:
        """Return whether a rank has failed up to now."""
        self.receive(0)
        return bool(self.failed)

    def stop(self) -> None:
        """Kill all ranks."""
        self._local.kill()
        self._world.post(keys.stop(self._name))

    def _meet_keepers(self) -> None:
        if silent := self._world.silent(partial(keys.acknowledged, self._name), _KEEPER_ANSWERS):
            message = f"did not start its ranks within {_KEEPER_ANSWERS} s; did it end?"
            self.failed.append(self._keeper_failure(silent[0], message, "node_failure"))

    def _silent_keepers(self) -> list[Failure]:
        message = f"has been silent for {self._silence:g} s"
        beats = [self._world.store.add(keys.beats(self._name, keeper.number), 0) for keeper in self._keepers]
        silent = [k.number for k, count in zip(self._keepers, beats, strict=True) if k.is_silent(count)]
        return [self._keeper_failure(number, message, "hung") for number in silent]

    def _keeper_failure(self, keeper: int, message: str, cause: str) -> Failure:
        text = f"process {keeper} of {self._world.n_keepers}, which keeps it, {message}"
        return Failure(keeper * self._share, Outcome.CRASHED, text, cause, None, keeper=keeper)


class _Keeper:
    """Another keeper, seen from the driver."""

    def __init__(self, number: int, silence: float) -> None:
        self.number, self._beats = number, 0
        self._silence = Silence(silence, silence)

    def is_silent(self, beats: int) -> bool:
        """Return whether it has been silent for too long; `beats` is its count by now."""
        if beats != self._beats:
            self._beats = beats
            self._silence.end()
        return self._silence.is_too_long()


def _explain(failure: Failure, place: tuple[int, int]) -> str:
    who = f"rank {failure.rank} (row {place[0]}, column {place[1]})"
    peak = "unknown" if failure.peak_bytes is None else f"{failure.peak_bytes / 2**30:.2f} GiB"
    if failure.outcome is Outcome.OOM:
        return f"{who} ran out of memory, peak {peak} ({failure.message})"
    if failure.consequence:
        how = "waited in vain for" if failure.cause == "hung" else "lost"
        doubt = "which may hang" if failure.cause == "hung" else "whose machine may have failed"
        return f"{who}, peak {peak}: {how} another rank, {doubt} ({failure.message})"
    return f"{who}, peak {peak}: {failure.message}"

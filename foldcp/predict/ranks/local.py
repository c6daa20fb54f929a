"""The ranks that one keeper starts, watches and kills."""

import contextlib
import dataclasses
import os
import pickle
import re
import signal
import subprocess
import time
from pathlib import Path
from queue import Empty, SimpleQueue

from foldcp.predict import memory
from foldcp.predict.child import Beat, Child, Inbox
from foldcp.predict.outcomes import Outcome
from foldcp.predict.ranks.messages import START, Failure, Message, Order, Seat
from foldcp.predict.ranks.silence import Silence
from foldcp.predict.ranks.world import World

_LAST_WORDS = 1.0
"""Seconds for what a dead rank has said to arrive."""
_KILLING = 10.0
"""Seconds to wait for the end of killed ranks, all together."""


class LocalRanks:
    """The ranks of one generation that this process keeps.

    Parameters
    ----------
    order
        What to start.
    generation
        Prefix of the generation's keys.
    world
        Decides which ranks are this keeper's.
    """

    def __init__(self, order: Order, generation: str, world: World) -> None:
        count = world.share(order.shape)
        threads = order.threads or max(1, len(os.sched_getaffinity(0)) // count)
        first = Seat(world.keeper * count, world.local * count, world.host, world.store.port, generation)
        self._inbox: Inbox = SimpleQueue()
        self._processes: list[_Process] = []
        try:
            for number in range(count):
                seat = dataclasses.replace(first, rank=first.rank + number, local=first.local + number)
                self._processes.append(_Process(order, seat, threads, self._inbox))
        except BaseException:
            self.kill()
            raise

    def send(self, job: bytes) -> None:
        """Hand a pickled job to the first rank."""
        self._processes[0].child.send(job)

    def receive(self, seconds: float) -> list[Message]:
        """Return what the ranks have to say, waiting at most so long.

        A rank that died or has been silent for too long is a `Failure`.
        """
        dead = [process for process in self._processes if process.watch()]
        for process in dead:
            process.child.settle(_LAST_WORDS)
        by_child = {process.child: process for process in self._processes}
        read = [by_child[child].read(content) for child, content in self._arrived(0 if dead else seconds)]
        # Dead, and the pipe silent instead of closed: a child of the rank still holds it.
        ends = [process.examine(process in dead) for process in self._processes]
        return [message for message in (*read, *ends) if message is not None]

    def kill(self) -> None:
        """Kill the ranks."""
        for process in self._processes:
            process.child.popen.kill()
        deadline = time.monotonic() + _KILLING
        for process in self._processes:
            process.child.end(deadline - time.monotonic())

    def _arrived(self, seconds: float) -> list[tuple[Child, bytes | None]]:
        found = []
        with contextlib.suppress(Empty):
            found.append(self._inbox.get(seconds > 0, seconds or None))
            while True:
                found.append(self._inbox.get_nowait())
        return found


class _Process:
    """One rank, seen from its keeper."""

    def __init__(self, order: Order, seat: Seat, threads: int, inbox: Inbox) -> None:
        self._rank, self._kills, self._limit = seat.rank, _kernel_kills(), order.silence
        self._silence = Silence(order.silence, START.total_seconds())
        self._peak: int | None = None
        self._over = False
        variables: dict[str, str] = {}
        if order.threads is not None or "OMP_NUM_THREADS" not in os.environ:
            variables["OMP_NUM_THREADS"] = str(threads)
        # The number only shows who is who in a list of processes.
        self.child = Child("foldcp.predict.ranks.rank", [str(seat.rank)], variables, inbox)
        self.child.send(pickle.dumps((order, seat)))

    def watch(self) -> bool:
        """Remember the peak memory, which dies with the process; return whether it has just died."""
        pid = self.child.popen.pid
        self._peak = memory.resident_peak_bytes(Path(f"/proc/{pid}")) or self._peak
        return not self._over and self.child.popen.poll() is not None

    def read(self, content: bytes | None) -> Message | None:
        """Return a message that has arrived; None ends the pipe. Nothing is news after a failure."""
        self._silence.end()
        if self._over:
            return None
        message: Message = self._death() if content is None else pickle.loads(content)
        self._over = isinstance(message, Failure)
        return None if isinstance(message, Beat) else message

    def examine(self, dead: bool) -> Failure | None:
        """Return what has become of a process that has not said so itself."""
        too_long = self._silence.is_too_long()
        if self._over or not (dead or too_long):
            return None
        self._over = True
        if dead:
            return self._death()
        message = f"has been silent for {self._limit:g} s"
        return Failure(self._rank, Outcome.CRASHED, message, "hung", self._peak)

    def _death(self) -> Failure:
        try:
            code = self.child.popen.wait(10)
        except subprocess.TimeoutExpired:
            return self._killed("closed its pipe")
        if code >= 0:
            return self._killed(f"ended with exit code {code}")
        if code == -signal.SIGKILL and _kernel_kills() > self._kills:
            message = "the kernel killed it for host memory"
            return Failure(self._rank, Outcome.OOM, message, Outcome.OOM, self._peak)
        hint = "; often the machine has run out of memory" if code == -signal.SIGKILL else ""
        return self._killed(f"was killed by {_signal(code)}{hint}")

    def _killed(self, message: str) -> Failure:
        return Failure(self._rank, Outcome.CRASHED, message, "killed", self._peak)


def _signal(code: int) -> str:
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def _kernel_kills() -> int:
    """Return how many processes the kernel has killed for want of memory since this machine started."""
    with contextlib.suppress(OSError):
        if found := re.search(r"^oom_kill (\d+)", Path("/proc/vmstat").read_text(), re.MULTILINE):
            return int(found[1])
    return 0

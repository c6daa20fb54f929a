"""The ranks that one keeper starts, watches and kills."""

import contextlib
import dataclasses
import os
import pickle
import re
import signal
import subprocess
import sys
from multiprocessing import Pipe
from multiprocessing.connection import wait
from pathlib import Path

from foldcp.predict import memory
from foldcp.predict.outcomes import Outcome
from foldcp.predict.ranks.messages import Failure, Message, Order, Seat
from foldcp.predict.ranks.world import World


class LocalRanks:
    """The ranks of one generation that this process keeps.

    Not by `multiprocessing`, which runs the main program's file again in each child: a rank is a fresh
    interpreter that runs :mod:`foldcp.predict.ranks.rank`.

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
        self._processes: list[_Process] = []
        try:
            for number in range(count):
                seat = dataclasses.replace(first, rank=first.rank + number, local=first.local + number)
                self._processes.append(_Process(order, seat, threads))
        except BaseException:
            self.kill()
            raise

    def send(self, job: bytes) -> None:
        """Hand a pickled job to the first rank."""
        # Of a rank that died before it took the whole job, `receive` tells.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._processes[0].pipe.send_bytes(job)

    def receive(self, seconds: float) -> list[Message]:
        """Return what the ranks have to say, waiting at most so long; a rank that died is a `Failure`."""
        living = [process for process in self._processes if not process.over]
        ready = wait([process.pipe for process in living], seconds)
        return [process.read() for process in living if process.watch() or process.pipe in ready]

    def kill(self) -> None:
        """Kill the ranks."""
        for process in self._processes:
            process.popen.kill()
        for process in self._processes:
            process.end()


class _Process:
    """One rank, seen from its keeper."""

    def __init__(self, order: Order, seat: Seat, threads: int) -> None:
        self._rank, self._kills = seat.rank, _kernel_kills()
        self._peak: int | None = None
        self.over = False
        self.pipe, theirs = Pipe()
        program = [sys.executable, "-P", "-m", "foldcp.predict.ranks.rank"]
        with theirs:
            self.popen = subprocess.Popen(
                [*program, str(theirs.fileno()), str(seat.rank)],
                stdin=subprocess.DEVNULL,
                stdout=2,  # the driver's standard output is for results
                pass_fds=[theirs.fileno()],
                env=_environment(order, threads),
                start_new_session=True,  # a terminal sends Ctrl-C to all of a session's foreground processes
            )
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.pipe.send_bytes(pickle.dumps((order, seat)))

    def watch(self) -> bool:
        """Remember the peak memory, which dies with the process; return whether it is dead."""
        self._peak = memory.resident_peak_bytes(Path(f"/proc/{self.popen.pid}")) or self._peak
        return self.popen.poll() is not None

    def read(self) -> Message:
        """Return the next message, or the `Failure` of a process that ended without one."""
        message: Message
        try:
            # Dead, and the pipe silent instead of closed: a child of the rank still holds it.
            gone = self.popen.poll() is not None and not self.pipe.poll()
            message = self._death() if gone else pickle.loads(self.pipe.recv_bytes())
        except (EOFError, OSError):
            message = self._death()
        self.over = isinstance(message, Failure)
        return message

    def end(self) -> None:
        """Wait for the end of the killed process and close the pipe."""
        # A process inside a driver call may be slow to die; there is nothing more to do about it.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.popen.wait(10)
        self.pipe.close()

    def _death(self) -> Failure:
        try:
            code = self.popen.wait(10)
        except subprocess.TimeoutExpired:
            return Failure(self._rank, Outcome.CRASHED, "closed its pipe", self._peak)
        if code >= 0:
            return Failure(self._rank, Outcome.CRASHED, f"ended with exit code {code}", self._peak)
        if code == -signal.SIGKILL and _kernel_kills() > self._kills:
            return Failure(self._rank, Outcome.OOM, "the kernel killed it for host memory", self._peak)
        hint = "; often the machine has run out of memory" if code == -signal.SIGKILL else ""
        return Failure(self._rank, Outcome.CRASHED, f"was killed by {_signal(code)}{hint}", self._peak)


def _environment(order: Order, threads: int) -> dict[str, str]:
    # The driver's own path of modules, so that the rank finds what the driver found.
    own = {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUNBUFFERED": "1"}
    if order.threads is not None or "OMP_NUM_THREADS" not in os.environ:
        own["OMP_NUM_THREADS"] = str(threads)
    return {**os.environ, **own}


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

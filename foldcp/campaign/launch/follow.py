"""Following the jobs of one bin: live progress, and cancellation."""

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import NoReturn

from foldcp.campaign.launch.ends import FINISHED, INTERRUPTED
from foldcp.campaign.launch.launchers import Launcher
from foldcp.campaign.launch.progress import Progress, Say
from foldcp.campaign.launch.settle import close_open, settle
from foldcp.predict.shard import ShardSpec


def follow(launcher: Launcher, specs: list[ShardSpec], say: Say, settled: Callable[[int], None]) -> None:
    """Wait until every job has ended, and see that each complex has its outcome.

    Interrupted (Ctrl-C, SIGTERM, an error), it cancels the jobs and closes the attempts they were at.

    Parameters
    ----------
    launcher
        Has the jobs.
    specs
        Their shards, in the order of the jobs.
    say
        Where progress goes.
    settled
        Told the place of each job whose complexes have their outcomes.
    """
    progress = Progress(specs, say)
    left = set(range(len(specs)))
    try:
        while left:
            time.sleep(launcher.interval)
            for place, end in launcher.poll().items():
                settle(specs[place], end)
                settled(place)
                left.remove(place)
                if end is not FINISHED:
                    say(f"job of shard {specs[place].shard} ended early: {end.message}")
            for line in launcher.news():
                say(line)
            progress.report(len(specs) - len(left), launcher.waits())
    except BaseException:
        launcher.cancel()
        for place in left:
            close_open(specs[place], INTERRUPTED)
            settled(place)
        raise


@contextlib.contextmanager
def terminated_as_interrupt() -> Iterator[None]:
    """Let SIGTERM end what is inside as Ctrl-C does, so that its jobs are cancelled."""

    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        raise SystemExit(128 + number)

    if threading.current_thread() is not threading.main_thread():
        yield  # signals arrive in the main thread only
        return
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)

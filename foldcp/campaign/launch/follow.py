"""Following the jobs of one bin: live progress, cancellation, and an outcome for every complex they leave."""

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

from foldcp.campaign.launch.ends import FINISHED, INTERRUPTED, End
from foldcp.campaign.launch.launchers import Launcher
from foldcp.campaign.launch.progress import Progress, Say, attempts_of
from foldcp.predict.ledger import Ledger
from foldcp.predict.markers import is_done
from foldcp.predict.outcomes import Outcome
from foldcp.predict.shard import ShardSpec, planned


def follow(launcher: Launcher, specs: list[ShardSpec], say: Say) -> set[str]:
    """Wait until every job has ended, and return the complexes that deserve another job.

    Interrupted (Ctrl-C, SIGTERM, an error), it cancels the jobs and closes the attempts they were at.
    """
    progress = Progress(specs, say)
    ended, again = 0, set()
    try:
        with _terminated_as_interrupt():
            while ended < len(specs):
                time.sleep(launcher.interval)
                for place, end in launcher.poll().items():
                    ended += 1
                    again |= settle(specs[place], end)
                    if end is not FINISHED:
                        say(f"job of shard {specs[place].shard} ended early: {end.message}")
                progress.report(ended)
    except BaseException:
        launcher.cancel()
        for spec in specs:
            _close_open(spec, INTERRUPTED)
        raise
    return again


def settle(spec: ShardSpec, end: End) -> set[str]:
    """Give every complex of an ended job its outcome, and return those that deserve another job.

    A complex with a valid marker is done, whatever became of its job. One whose attempt never ended, or whose
    turn never came, takes the outcome of the job.
    """
    done = _close_open(spec, end)
    ended = {name: a for name, a in attempts_of([spec]).items() if a.get("outcome") != Outcome.PREEMPTED}
    lost = [target for target in spec.targets if target.id not in done.union(ended)]
    # A list worked through with a gap in it: preempted there, and never run again.
    outcome, message = end.outcome or Outcome.PREEMPTED, end.message or "the job was preempted"
    with _ledger_of(spec) as ledger:
        for target in lost:
            ledger.never_started(outcome, f"not reached: {message}", **planned(target))
    suspects = {name for name, attempt in ended.items() if attempt.get("died")}
    return suspects.union(target.id for target in lost) if end.again else set()


def _close_open(spec: ShardSpec, end: End) -> set[str]:
    """Close the attempts that a job was at when it ended, and return the complexes that are done."""
    done = {t.id for t in spec.targets if is_done(spec.predictions / t.id, t.run_key)}
    found = attempts_of([spec])
    with _ledger_of(spec) as ledger:
        for name, attempt in found.items():
            if "outcome" in attempt:
                continue
            if name in done:
                ledger.finish(attempt["attempt"], Outcome.DONE)
            else:
                ledger.finish(attempt["attempt"], end.outcome or Outcome.CRASHED, end.message, died=end.died)
    return done


@contextlib.contextmanager
def _ledger_of(spec: ShardSpec) -> Iterator[Ledger]:
    ledger = Ledger(spec.ledger, f"{spec.writer()}-follower", **spec.common())
    try:
        yield ledger
    finally:
        ledger.close()


@contextlib.contextmanager
def _terminated_as_interrupt() -> Iterator[None]:
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

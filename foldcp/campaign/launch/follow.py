"""Following the jobs of one bin: live progress, cancellation, and an outcome for every complex they leave."""

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import NoReturn

from foldcp.campaign.launch.ends import FINISHED, INTERRUPTED, End
from foldcp.campaign.launch.launchers import Launcher
from foldcp.campaign.launch.progress import Progress, Say, attempts_of
from foldcp.predict.ledger import Ledger
from foldcp.predict.markers import is_done
from foldcp.predict.outcomes import Outcome
from foldcp.predict.retries import NOT_REACHED
from foldcp.predict.shard import ShardSpec, planned

_GOES_ON = {Outcome.PREEMPTED, Outcome.TIMEOUT}
"""Ends of attempts after which the job itself runs again; that it never did is known only by its own end."""


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
            progress.report(len(specs) - len(left))
    except BaseException:
        launcher.cancel()
        for place in left:
            _close_open(specs[place], INTERRUPTED)
            settled(place)
        raise


def settle(spec: ShardSpec, end: End) -> None:
    """Give every complex of an ended job its outcome.

    A complex with a valid marker is done, whatever became of its job. One whose attempt never ended takes the
    outcome of the job; so does one whose turn never came, but if the job ended at another complex, that is
    not counted against it.
    """
    done, blamed = _close_open(spec, end)
    goes_on = set() if end == FINISHED else _GOES_ON - {end.outcome}
    ended = {name for name, a in attempts_of([spec]).items() if a.get("outcome") not in goes_on}
    # A list worked through with a gap in it: preempted before it, and never run again.
    outcome, message = end.outcome or Outcome.PREEMPTED, end.message or "the job was preempted"
    cause = end.cause or str(outcome)
    if blamed or ended:
        cause = NOT_REACHED
    elif cause == Outcome.OOM:  # before the first complex: no other way to fold one would help
        cause = "killed"
    with _ledger_of(spec) as ledger:
        for target in spec.targets:
            if target.id not in done and target.id not in ended:
                ledger.never_started(outcome, f"not reached: {message}", cause, **planned(target))


def _close_open(spec: ShardSpec, end: End) -> tuple[set[str], bool]:
    """Close the attempts a job was at when it ended; return what is done, and whether one took the blame."""
    done = {t.id for t in spec.targets if is_done(spec.predictions / t.id, t.run_key)}
    blamed = False
    with _ledger_of(spec) as ledger:
        for name, attempt in attempts_of([spec]).items():
            if "outcome" in attempt:
                continue
            if name in done:
                ledger.finish(attempt["attempt"], Outcome.DONE)
            else:
                outcome = end.outcome or Outcome.CRASHED
                ledger.finish(attempt["attempt"], outcome, end.message, end.cause or "killed")
                blamed = True
    return done, blamed


@contextlib.contextmanager
def _ledger_of(spec: ShardSpec) -> Iterator[Ledger]:
    ledger = Ledger(spec.ledger, f"{spec.writer()}-follower", **spec.common())
    try:
        yield ledger
    finally:
        ledger.close()


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

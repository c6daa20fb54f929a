"""What the end of a job makes of its complexes: an outcome for every one that it leaves."""

import contextlib
from collections.abc import Iterator

from foldcp.campaign.launch.ends import FINISHED, End
from foldcp.campaign.launch.progress import attempts_of
from foldcp.predict.ledger import Ledger
from foldcp.predict.markers import is_done
from foldcp.predict.outcomes import Outcome
from foldcp.predict.retries import NOT_REACHED
from foldcp.predict.shard import ShardSpec, planned

_GOES_ON = {Outcome.PREEMPTED, Outcome.TIMEOUT}
"""Ends of attempts after which the job itself runs again; that it never did is known only by its own end."""


def settle(spec: ShardSpec, end: End) -> None:
    """Give every complex of an ended job its outcome.

    A complex with a valid marker is done, whatever became of its job. One whose attempt never ended takes the
    outcome of the job; so does one whose turn never came, but if the job ended at another complex, that is
    not counted against it.
    """
    done, blamed = close_open(spec, end)
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


def close_open(spec: ShardSpec, end: End) -> tuple[set[str], bool]:
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
                message = end.message or "its end was never recorded"
                ledger.finish(attempt["attempt"], outcome, message, end.cause or "killed")
                blamed = True
    return done, blamed


@contextlib.contextmanager
def _ledger_of(spec: ShardSpec) -> Iterator[Ledger]:
    ledger = Ledger(spec.ledger, f"{spec.writer()}-follower", **spec.common())
    try:
        yield ledger
    finally:
        ledger.close()

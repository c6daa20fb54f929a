"""Which complexes deserve another try: limits by what ended the tries before. Imports no torch.

Every ended attempt has a *cause*: its outcome, or something finer (`killed`, `cancelled`, `hung`, ...). What
comes from outside the complex is worth another try, a limited number of times. What the complex would only
meet again is tried once in each run of the campaign.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime

from foldcp.predict.ledger import Attempt
from foldcp.predict.outcomes import Outcome

NOT_REACHED = "not_reached"
"""The job ended at another complex before this one's turn came."""
INTERRUPTED = "interrupted"
"""The campaign was stopped."""
BLAMELESS = {NOT_REACHED, INTERRUPTED}
"""Never counted: each follows from something that is, or from the user."""


def cause_of(attempt: Attempt) -> str:
    """Return what ended an attempt."""
    return attempt.get("cause") or str(attempt["outcome"])


def exhausted(attempts: Iterable[Attempt], limits: Mapping[str, int]) -> str | None:
    """Return why a complex has had all its tries, or None while it has some left.

    Parameters
    ----------
    attempts
        All ended attempts at the complex with the same run key, since the last pardon.
    limits
        Tries by cause (config: predict.attempts).
    """
    counts = Counter(cause_of(attempt) for attempt in attempts)
    for cause, limit in limits.items():
        if counts[cause] >= limit:
            times = "once" if counts[cause] == 1 else f"{counts[cause]} times"
            return f"ended by {cause.replace('_', ' ')} {times}, and predict.attempts.{cause} is {limit}"
    return None


def may_try(attempts: Iterable[Attempt], limits: Mapping[str, int], since: datetime) -> bool:
    """Return whether a complex that is not done may be tried (again).

    Out of memory is no hindrance here: such a complex is tried another way (`foldcp.campaign.ladder`).

    Parameters
    ----------
    attempts
        All ended attempts at the complex with the same run key, since the last pardon.
    limits
        Tries by cause.
    since
        Start of this run of the campaign: what has no limit is tried once in each run.
    """
    attempts = list(attempts)
    if exhausted(attempts, limits):
        return False
    free = BLAMELESS | set(limits) | {Outcome.OOM}
    return all(cause_of(a) in free or a["submitted_at"] < since for a in attempts)

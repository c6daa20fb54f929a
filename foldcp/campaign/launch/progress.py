"""Progress of one bin, read from the ledger while its jobs write."""

import time
from collections import Counter
from collections.abc import Callable, Mapping

from foldcp.predict.ledger import Attempt, attempts, latest
from foldcp.predict.outcomes import Outcome
from foldcp.predict.shard import ShardSpec

Say = Callable[[str], None]

_REFRESH = 2.0
"""Seconds between two readings of the ledger."""
_HEARTBEAT = 60.0
"""Seconds after which progress is reported although nothing has changed."""


class Progress:
    """One line on the state of a bin whenever it changes: done, failed, running, time left.

    Parameters
    ----------
    specs
        Shards submitted.
    say
        Where the line goes.
    """

    def __init__(self, specs: list[ShardSpec], say: Say) -> None:
        self._specs, self._say = specs, say
        self._targets = {target.id: target for spec in specs for target in spec.targets}
        self._said = time.monotonic()
        self._due = self._said + _REFRESH
        self._shown = ""

    def report(self, jobs_ended: int, waits: str = "") -> None:
        """Say what has changed in the ledger, if it is time to look; `waits` says why jobs have not begun."""
        now = time.monotonic()
        everything_ended = jobs_ended == len(self._specs)
        if now < self._due and not everything_ended:
            return
        found = attempts_of(self._specs)
        # A long ledger on a slow filesystem: spend no more than a twentieth of the time on reading it.
        self._due = time.monotonic() + max(_REFRESH, 20 * (time.monotonic() - now))
        counts = Counter(_state(attempt) for attempt in found.values())
        line = (
            f"{_bar(counts['done'] + counts['failed'], len(self._targets))} "
            f"{counts['done']}/{len(self._targets)} done, {counts['failed']} failed, "
            f"{counts['running']} running; {jobs_ended}/{len(self._specs)} jobs ended"
        )
        if line != self._shown or now - self._said >= _HEARTBEAT:
            self._shown, self._said = line, now
            more = f"; {waits}" if waits else ""  # no news by itself: reasons come and go in a busy queue
            self._say(line + more + ("" if everything_ended else self._time_left(found)))

    def _time_left(self, found: Mapping[str, Attempt]) -> str:
        ended = [a for a in found.values() if a.get("wall_seconds") and "outcome" in a]
        if not ended:
            return ""
        left = sum(
            t.predicted_seconds for t in self._targets.values() if "outcome" not in found.get(t.id, {})
        )
        return f"; about {duration(left * pace(ended) / max(1, len(found) - len(ended)))} left"


def _bar(ended: int, planned: int, width: int = 20) -> str:
    """Return a bar of text: lines are all that survives in a log, and in Snakemake's output."""
    filled = width * ended // planned
    return f"[{'#' * filled}{'.' * (width - filled)}]"


def pace(ended: list[Attempt]) -> float:
    """Return measured over predicted seconds of ended attempts; 1 where nothing was predicted or measured."""
    measured = sum(a.get("wall_seconds") or 0.0 for a in ended)
    predicted = sum(a.get("predicted_seconds") or 0.0 for a in ended)
    return measured / predicted if measured and predicted else 1.0


def duration(seconds: float) -> str:
    """Return a duration in words: 40 s, 12 min, 3.5 h."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def hours(value: float) -> str:
    """Return rank-hours in words: 0, < 0.01, 0.25, 12.5 (a rank is a GPU, or a CPU process)."""
    if 0 < value < 0.01:
        return "< 0.01"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value else "0"


def _state(attempt: Attempt) -> str:
    if "outcome" not in attempt:
        return "running"
    return "done" if attempt["outcome"] == Outcome.DONE else "failed"


def attempts_of(specs: list[ShardSpec]) -> dict[str, Attempt]:
    """Return the last attempt at each complex of `specs` since it was submitted."""
    shards = {target.id: (target.run_key, spec.submitted_at) for spec in specs for target in spec.targets}
    return latest(
        attempt
        for attempt in attempts(specs[0].ledger, specs[0].bin)
        if (wanted := shards.get(attempt["complex_id"]))
        and attempt["run_key"] == wanted[0]
        and attempt["submitted_at"] >= wanted[1]
    )

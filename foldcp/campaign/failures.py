"""Failed complexes as their user wants them: what happened, what was tried, and what helps."""

import dataclasses
from collections.abc import Sequence

from foldcp.predict.ledger import Attempt
from foldcp.predict.retries import cause_of

_LOG = "the jobs' logs in logs/predict/{bin} say more"
_AGAIN = "`foldcp retry` gives it new tries"
_HELPS = {
    "oom": "raise plan.max_ranks, or plan for GPUs with more memory (plan.gpu)",
    "never_started": f"mend what its message names; then {_AGAIN}",
    "timeout": "raise predict.slurm.time_margin, then `foldcp retry`",
    "killed": f"often host memory: raise predict.slurm.mem_gb; {_LOG}; {_AGAIN}",
    "hung": f"look at the machines it ran on; {_AGAIN}",
    "cancelled": _AGAIN,
    "preempted": f"use a partition or QOS that is preempted less; {_AGAIN}",
    "node_failure": f"once the machine is back, {_AGAIN}",
    "bad_input": "correct its row, sequences or ligands: it is folded again when they have changed",
    "numerical": "set predict.precision to fp32, or take another seed",
    "crashed": f"{_LOG}; once the reason is mended, {_AGAIN}",
    "disk_full": f"free some space; {_AGAIN}",
    "interrupted": f"nothing is wrong with it; {_AGAIN}",
    "not_reached": f"its turn never came, for its job ended before; {_AGAIN}",
}


@dataclasses.dataclass(frozen=True)
class Failure:
    """A complex that is not predicted, and why.

    Attributes
    ----------
    complex_id, bin
        Complex, and its size bin in the plan.
    outcome, cause, message
        How its last attempt ended: the outcome class, something finer, and in words.
    tries
        How often it was started.
    ways
        Mesh and budget of these tries, in order, each once: ``1x2 small``.
    peak_bytes
        Largest peak memory of a rank that was measured; None if none was.
    predicted_peak_bytes
        What the plan expects for the way tried last.
    job_id, hosts
        Job of the last attempt, and the machines it ran on.
    final
        Whether the bin has ended; while it is at work, the complex may be tried again.
    """

    complex_id: str
    bin: str
    outcome: str
    cause: str
    message: str
    tries: int
    ways: tuple[str, ...]
    peak_bytes: int | None
    predicted_peak_bytes: int | None
    job_id: str | None
    hosts: tuple[str, ...]
    final: bool

    @property
    def helps(self) -> str:
        """What its user can do about it."""
        return _HELPS.get(self.cause, _HELPS[self.outcome]).format(bin=self.bin)


def failure_of(tried: Sequence[Attempt], bin: str, final: bool) -> Failure:
    """Return what became of a complex whose last attempt failed.

    Parameters
    ----------
    tried
        Its attempts since it was pardoned, oldest first.
    bin
        Its bin in the plan.
    final
        Whether that bin has ended.
    """
    last, started = tried[-1], [attempt for attempt in tried if "started_at" in attempt]
    peaks = [attempt["peak_bytes"] for attempt in started if attempt.get("peak_bytes")]
    ways = dict.fromkeys(f"{attempt['mesh']} {attempt.get('budget') or ''}".strip() for attempt in started)
    return Failure(
        complex_id=last["complex_id"],
        bin=bin,
        outcome=str(last["outcome"]),
        cause=cause_of(last),
        message=" ".join((last.get("message") or "no message").split()),
        tries=len(started),
        ways=tuple(ways),
        peak_bytes=max(peaks, default=None),
        predicted_peak_bytes=last.get("predicted_peak_bytes"),
        job_id=last.get("job_id"),
        hosts=tuple(last.get("hosts") or filter(None, [last.get("host")])),
        final=final,
    )

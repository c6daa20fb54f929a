"""Why jobs wait in SLURM, and which of them would wait for ever.

SLURM accepts jobs that it can never start, says why in one word, and keeps them. Such a word is told to the
user at once, with what to do, and again every hour. A job that still has one after an hour, in which it could
have been changed, is given up; one that somebody holds, or whose nodes may come back, is not.
"""

import math
import re
from collections import Counter
from collections.abc import Collection, Mapping

from foldcp.campaign.launch.slurm_commands import JobState

PATIENCE = 3600.0
"""Seconds that a job which can never start is waited for, and between two warnings of the same kind."""
_WAITING = {"PENDING", "REQUEUED", "REQUEUE_HOLD", "RESV_DEL_HOLD", "SPECIAL_EXIT"}
_REMEDIES = {
    # The first that fits counts. The words are those of https://slurm.schedmd.com/job_reason_codes.html
    "PartitionTimeLimit": "it asks for more time than its partition allows: choose another partition "
    "(predict.slurm.partition), or make jobs shorter (plan.shard_minutes, predict.slurm.time_margin)",
    "(Assoc|QOS)MaxWall.*": "it asks for more time than the account or QOS allows: choose another one "
    "(predict.slurm.account, qos), or make jobs shorter (plan.shard_minutes, predict.slurm.time_margin)",
    "PartitionNodeLimit": "it asks for more nodes than its partition has or allows, or they are down or "
    "drained: choose another partition (predict.slurm.partition), or smaller meshes (plan.max_ranks)",
    "(Assoc|QOS)Max.*PerJob.*|QOSMin.*": "it asks for more, or less, than the account or QOS allows a job: "
    "choose another one (predict.slurm.account, qos), or change what is asked for (plan.max_ranks, "
    "predict.slurm.cpus_per_task, mem_gb)",
    "BadConstraints|PartitionConfig": "no node has what it asks for: correct predict.slurm.constraint, gres, "
    "mem_gb or extra",
    "InvalidAccount|AccountNotAllowed": "its account may not be used there: correct predict.slurm.account",
    "InvalidQOS|QOSNotAllowed|QOSRule": "its QOS may not be used there: correct predict.slurm.qos",
    "DependencyNeverSatisfied": "it waits for a job that did not end as it should: let predict.slurm.extra "
    "name no dependency",
    "JobHeldUser": "it is held: let it go with `scontrol release`",
    "JobHeldAdmin": "an administrator holds it: ask yours",
    ".*requeued.*held.*": "SLURM holds it, often because a node could not start it: have a look at the node, "
    "then let it go with `scontrol release`",
}
_MAY_START = {"JobHeldUser", "JobHeldAdmin", "PartitionNodeLimit"}
"""Those of these reasons that others may take away: to cancel such a job is not for us to decide."""


def remedy(reason: str) -> str | None:
    """Return what is wrong with a job that waits for this reason, and what to do; None if it will pass."""
    return next((words for pattern, words in _REMEDIES.items() if re.fullmatch(pattern, reason)), None)


def reason_of(state: JobState) -> str:
    """Return why a job waits, in SLURM's words; empty if it does not wait, or SLURM has not said yet."""
    if state.state not in _WAITING or state.reason in ("None", "(null)"):
        return ""
    # Words of one kind come with lists: ReqNodeNotAvail, UnavailableNodes:node7
    return state.reason.partition(",")[0]


def summary(reasons: Collection[str]) -> str:
    """Return one phrase on jobs that wait, given the reason of each; empty if none waits."""
    if not reasons:
        return ""
    counts = sorted(Counter(reasons).items(), key=lambda item: (-item[1], item[0]))
    one = len(reasons) == 1
    words = ", ".join(f"{reason} {count}" for reason, count in counts)
    return f"{len(reasons)} {'job waits' if one else 'jobs wait'} ({words})"


def warnings(reasons: Collection[str]) -> dict[str, str]:
    """Return a sentence for each reason among those of waiting jobs that somebody must do something about."""
    return {
        reason: f"{count} {'job' if count == 1 else 'jobs'} cannot start: {words} (SLURM's reason: {reason})"
        for reason, count in sorted(Counter(reasons).items())
        if (words := remedy(reason))
    }


class Waits:
    """The waiting jobs of one bin, as SLURM's answers tell of them one after another."""

    def __init__(self) -> None:
        self._reasons: dict[str, str] = {}
        self._since: dict[str, float] = {}  # when a job was first seen with a reason that never passes
        self._at = 0.0
        self._told: dict[str, float] = {}  # when a reason was last told

    def update(self, jobs: Mapping[str, JobState], at: float) -> None:
        """Take the states of this bin's jobs, from an answer at the time `at` of the monotonic clock."""
        self._at = at
        self._reasons = {job: reason for job, state in jobs.items() if (reason := reason_of(state))}
        stuck = {j for j, reason in self._reasons.items() if remedy(reason) and reason not in _MAY_START}
        self._since = {job: self._since.get(job, at) for job in stuck}

    def summary(self) -> str:
        """Return one phrase on the jobs that wait; empty if none does."""
        return summary(list(self._reasons.values()))

    def news(self) -> list[str]:
        """Return what is to be said of jobs that cannot start, each reason at once and then every hour."""
        found = warnings(list(self._reasons.values()))
        due = [reason for reason in found if self._at - self._told.get(reason, -math.inf) >= PATIENCE]
        self._told |= dict.fromkeys(due, self._at)
        return [f"{found[reason]}; {_what_follows(reason)}" for reason in due]

    def hopeless(self) -> dict[str, str]:
        """Return the jobs that have been waited for in vain for long enough, with their reasons."""
        return {job: self._reasons[job] for job, since in self._since.items() if self._at - since >= PATIENCE}

    def forget(self, job_ids: Collection[str]) -> None:
        """Count these jobs no more."""
        for job in job_ids:
            self._reasons.pop(job, None)
            self._since.pop(job, None)


def _what_follows(reason: str) -> str:
    if reason in _MAY_START:
        return "it is waited for"
    return f"left so, it is given up after {PATIENCE / 60:.0f} min"

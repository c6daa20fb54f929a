"""How the job of a shard ended, and what that makes of the complexes it left undone."""

import dataclasses
import re

from foldcp.predict.outcomes import Outcome
from foldcp.predict.retries import INTERRUPTED as _INTERRUPTED

_MEMORY_WORDS = ("out of memory", "memoryerror")
_KERNEL_WORDS = ("oom-kill", "oom_kill", "oom killed")
"""What SLURM prints when the kernel ends a process for want of memory; ours print other words, and go on."""
_ERROR = re.compile(r"^[\w.]*(?:Error|Exception|Exit|Interrupt)\b.*", re.MULTILINE)
_LOST = ("CUDA error", "RankError:", "KeeperError:", "cannot meet")
"""Errors of a machine, not of foldcp: a lost GPU or process. The next job gets others."""


@dataclasses.dataclass(frozen=True)
class End:
    """How a job ended.

    Attributes
    ----------
    outcome, message
        What becomes of the complexes that it left undone. None: it worked through its list.
    cause
        What ended it, finer than the outcome; it decides on another try (:mod:`foldcp.predict.retries`).
    """

    outcome: Outcome | None = None
    message: str = ""
    cause: str = ""


FINISHED = End()
INTERRUPTED = End(Outcome.CRASHED, "the campaign was interrupted", _INTERRUPTED)


def killed(message: str, log: str) -> End:
    """Return the end of a job whose process died without a word; `log` is the end of what it printed."""
    if any(words in log.lower() for words in _KERNEL_WORDS):
        return End(Outcome.OOM, f"{message}; its log speaks of memory running out", "oom")
    return End(Outcome.CRASHED, f"{message}; often the machine has run out of memory", "killed")


def never_started(words: str, reason: str) -> End:
    """Return the end of a job that cannot start, given what is wrong with it and the scheduler's own word."""
    return End(
        Outcome.CRASHED, f"the job could not start: {words} (SLURM's reason: {reason})", "never_started"
    )


def failed(trace: str) -> End:
    """Return the end of a job that raised an exception outside of any complex; `trace` is its traceback."""
    # Not the last line: the messages of torch have several.
    last = found[-1] if (found := _ERROR.findall(trace)) else "no traceback"
    if "not requeued because: timed-out" in trace:
        message = "the job reached its time limit too often; raise slurm.time_margin"
        return End(Outcome.TIMEOUT, message, "timeout")
    if "'scontrol', 'requeue'" in last:
        # Preempted, submitit asks for another run; the signal that ends the job may hit that question too.
        message = "the job had to make way, and SLURM was not told to run it again"
        return End(Outcome.PREEMPTED, message, "preempted")
    if any(words in last.lower() for words in _MEMORY_WORDS):
        return End(Outcome.OOM, f"the job failed: {last}", "crashed")
    lost = any(words in last for words in _LOST)
    return End(Outcome.CRASHED, f"the job failed: {last}", "killed" if lost else "crashed")

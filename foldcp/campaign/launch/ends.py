"""How the job of a shard ended, and what that makes of the complexes it left undone."""

import dataclasses

from foldcp.predict.outcomes import Outcome
from foldcp.predict.retries import INTERRUPTED as _INTERRUPTED

_MEMORY_WORDS = ("out of memory", "oom-kill", "oom_kill", "memoryerror")


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
    if _speaks_of_memory(log):
        return End(Outcome.OOM, f"{message}; its log speaks of memory running out", "oom")
    return End(Outcome.CRASHED, f"{message}; often the machine has run out of memory", "killed")


def failed(trace: str) -> End:
    """Return the end of a job that raised an exception outside of any complex; `trace` is its traceback."""
    last = trace.strip().splitlines()[-1] if trace.strip() else "no traceback"
    if "not requeued because: timed-out" in trace:
        message = "the job reached its time limit too often; raise slurm.time_margin"
        return End(Outcome.TIMEOUT, message, "timeout")
    if "'scontrol', 'requeue'" in last:
        # Preempted, submitit asks for another run; the signal that ends the job may hit that question too.
        message = "the job had to make way, and SLURM was not told to run it again"
        return End(Outcome.PREEMPTED, message, "preempted")
    if _speaks_of_memory(last):
        return End(Outcome.OOM, f"the job failed: {last}", "crashed")
    # A lost GPU ends the job on purpose (foldcp.predict.shard); the next job gets a fresh one.
    return End(Outcome.CRASHED, f"the job failed: {last}", "killed" if "CUDA error" in last else "crashed")


def _speaks_of_memory(text: str) -> bool:
    return any(words in text.lower() for words in _MEMORY_WORDS)

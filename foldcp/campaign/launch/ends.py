"""How the job of a shard ended, and what that makes of the complexes it left undone."""

import dataclasses

from foldcp.predict.outcomes import Outcome

_MEMORY_WORDS = ("out of memory", "oom-kill", "oom_kill", "memoryerror")


@dataclasses.dataclass(frozen=True)
class End:
    """How a job ended.

    Attributes
    ----------
    outcome, message
        What becomes of the complexes that it left undone. None: it worked through its list.
    died
        Whether its process died at work, so that the complex it was at is a suspect.
    again
        Whether a new job may bring what is left to an end.
    """

    outcome: Outcome | None = None
    message: str = ""
    died: bool = False
    again: bool = False


FINISHED = End()
INTERRUPTED = End(Outcome.CRASHED, "the campaign was interrupted")


def killed(message: str, log: str) -> End:
    """Return the end of a job whose process died without a word; `log` is the end of what it printed."""
    if _speaks_of_memory(log):
        return End(Outcome.OOM, f"{message}; its log speaks of memory running out", died=True, again=True)
    return End(Outcome.CRASHED, f"{message}; often the machine has run out of memory", died=True, again=True)


def failed(trace: str) -> End:
    """Return the end of a job that raised an exception outside of any complex; `trace` is its traceback."""
    last = trace.strip().splitlines()[-1] if trace.strip() else "no traceback"
    if "not requeued because: timed-out" in trace:
        return End(Outcome.TIMEOUT, "the job reached its time limit too often; raise slurm.time_margin")
    if _speaks_of_memory(last):
        return End(Outcome.OOM, f"the job failed: {last}")
    # A lost GPU ends the job on purpose (foldcp.predict.shard); the next job gets a fresh one.
    return End(Outcome.CRASHED, f"the job failed: {last}", again="CUDA error" in last)


def _speaks_of_memory(text: str) -> bool:
    return any(words in text.lower() for words in _MEMORY_WORDS)

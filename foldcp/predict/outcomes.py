"""How an attempt at one complex can end, and which end an exception stands for. Imports no torch."""

from enum import StrEnum

from foldcp.errors import FoldcpError, InputError


class Outcome(StrEnum):
    """Typed end of an attempt, as the ledger records it."""

    DONE = "done"
    OOM = "oom"
    TIMEOUT = "timeout"
    PREEMPTED = "preempted"
    NODE_FAILURE = "node_failure"
    BAD_INPUT = "bad_input"
    NUMERICAL = "numerical"
    CRASHED = "crashed"


class NumericalError(FoldcpError):
    """The model produced numbers that are not finite."""


# torch raises a subclass of RuntimeError for CUDA memory, and a plain RuntimeError for the CPU's allocator
# and for the CUDA libraries, so their words are all there is to go by.
_MEMORY_WORDS = ("out of memory", "can't allocate memory", "cannot allocate memory", "alloc_failed")


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that memory ran out, on the GPU or on the host."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    words = str(error).lower()
    return isinstance(error, (RuntimeError, OSError)) and any(w in words for w in _MEMORY_WORDS)


def _one_line(error: BaseException, limit: int = 400) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def classify(error: BaseException) -> tuple[Outcome, str]:
    """Return how an attempt that raised `error` ended, and one line that says why in plain words."""
    if is_out_of_memory(error):
        return Outcome.OOM, f"not enough memory on this device for this complex ({_one_line(error, 160)})"
    if isinstance(error, InputError):
        return Outcome.BAD_INPUT, _one_line(error)
    if isinstance(error, NumericalError | FloatingPointError):
        return Outcome.NUMERICAL, _one_line(error)
    if isinstance(error, FoldcpError):
        return Outcome.CRASHED, _one_line(error)
    return Outcome.CRASHED, f"{type(error).__name__}: {_one_line(error)}"

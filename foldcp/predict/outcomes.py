"""How an attempt at one complex can end, and which end an exception stands for. Imports no torch."""

from enum import StrEnum

from foldcp.errors import FoldcpError, InputError, UnreadableError, is_out_of_memory


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


class RankError(FoldcpError):
    """A rank of a mesh failed or died, and all its ranks were ended with it.

    Attributes
    ----------
    rank, place
        The rank, and its row and column on the mesh.
    outcome
        How it ended.
    peak_bytes
        Its peak memory; None where nobody saw it.
    cause
        What became of it, finer than the outcome: `killed` (its process died), `hung` (it fell silent, or
        left the others waiting), `node_failure` (no more is known than that others lost it), or the outcome.
    """

    def __init__(
        self,
        message: str,
        rank: int,
        place: tuple[int, int],
        outcome: Outcome,
        peak_bytes: int | None,
        cause: str,
    ) -> None:
        super().__init__(message)
        self.rank, self.place, self.outcome, self.peak_bytes = rank, place, outcome, peak_bytes
        self.cause = cause


class KeeperError(RankError):
    """A process that keeps ranks is gone or silent: no mesh can start any more until all are started anew."""


def one_line(error: BaseException, limit: int = 400) -> str:
    """Return the message of an error on one line of at most `limit` characters."""
    text = " ".join(str(error).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def classify(error: BaseException) -> tuple[Outcome, str]:
    """Return how an attempt that raised `error` ended, and one line that says why in plain words."""
    if isinstance(error, RankError):
        return error.outcome, one_line(error)
    if is_out_of_memory(error):
        return Outcome.OOM, f"not enough memory on this device for this complex ({one_line(error, 160)})"
    # What cannot be read now says nothing about the input.
    if isinstance(error, InputError) and not isinstance(error, UnreadableError):
        return Outcome.BAD_INPUT, one_line(error)
    # torch's decompositions refuse what is not finite; their error is known by name, for torch is not here.
    if isinstance(error, NumericalError | FloatingPointError) or type(error).__name__ == "_LinAlgError":
        return Outcome.NUMERICAL, one_line(error)
    if isinstance(error, FoldcpError):
        return Outcome.CRASHED, one_line(error)
    return Outcome.CRASHED, f"{type(error).__name__}: {one_line(error)}"


def cause_of(error: BaseException) -> str:
    """Return what ended an attempt that raised `error`: its outcome, or something finer if it is known."""
    return getattr(error, "cause", None) or str(classify(error)[0])

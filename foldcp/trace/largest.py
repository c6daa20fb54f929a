"""The largest complex that fits a mesh: found by tracing, each guess better than the last."""

from collections.abc import Callable
from dataclasses import replace
from math import sqrt

from foldcp.errors import UsageError
from foldcp.trace.inference import HIDDEN, Case, Traced, trace

_CLOSE = 0.99
"""Share of the memory from which on a complex counts as the largest that fits."""
_TRIALS = 8


def largest(case: Case, limit: int, run: Callable[[Case], Traced] = trace) -> Traced:
    """Return the trace of the largest complex, like that of `case`, that fits `limit` bytes on every rank.

    Memory grows like N² and a little like N, so a guess from the square root of what is left converges fast.

    Parameters
    ----------
    case : Case
        Mesh, precision, budget, alignment, samples; atoms per token are kept, `n_tokens` is the first guess.
    limit : int
        Bytes of a GPU that may be used.
    run : callable
        How to trace a case.

    Raises
    ------
    UsageError
        If not even a few tokens fit.
    """
    best: Traced | None = None
    for _ in range(_TRIALS):
        traced = run(case)
        room = limit - traced.weights - HIDDEN
        if room <= 0:
            raise UsageError(f"{limit / 1e9:.1f} GB are less than weights and context alone: a larger GPU")
        if traced.activations <= room and (best is None or case.n_tokens > best.case.n_tokens):
            best = traced
        if best is traced and traced.activations >= _CLOSE * room:
            return traced
        # Aimed a little low, so that the next guess is likely to fit.
        factor = sqrt(room / traced.activations * (1 + _CLOSE) / 2)
        case = _scaled(case, factor)
    if best is None:
        raise UsageError(f"nothing fits {limit / 1e9:.1f} GB on a {case.mesh[0]}x{case.mesh[1]} mesh")
    return best


def _scaled(case: Case, factor: float) -> Case:
    n_tokens = max(*case.mesh, int(case.n_tokens * factor))
    return replace(case, n_tokens=n_tokens, n_atoms=round(n_tokens * case.n_atoms / case.n_tokens))

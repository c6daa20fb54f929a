"""The search for the largest complex that fits, on a machine whose memory is known by formula."""

import pytest

from foldcp.errors import UsageError
from foldcp.trace import HIDDEN, Case, Stage, Traced
from foldcp.trace.largest import largest

WEIGHTS, LIMIT = 2 * 10**9, 70 * 10**9
ROOM = LIMIT - WEIGHTS - HIDDEN


def measured(case):
    """1500 bytes per pair and 2 MB per token: N = 5900 and some fit."""
    peak = 1500 * case.pairs + 2_000_000 * case.n_tokens
    return Traced(case, WEIGHTS, (Stage("pairformer", 0, peak),), ())


@pytest.mark.parametrize("guess", [10, 300, 6000, 50_000])
@pytest.mark.parametrize("mesh", [(1, 1), (2, 4)])
def test_finds_what_fits_whatever_the_guess(guess, mesh):
    case = Case(n_tokens=guess, n_atoms=8 * guess, mesh=mesh)
    found = largest(case, LIMIT, measured)
    assert 0.99 * ROOM <= found.activations <= ROOM
    assert found.case.n_atoms == pytest.approx(8 * found.case.n_tokens, rel=0.01)


def test_a_gpu_smaller_than_the_weights_is_an_error():
    with pytest.raises(UsageError, match="less than weights"):
        largest(Case(n_tokens=100, n_atoms=800), HIDDEN, measured)

"""Distances in blocks against `torch.cdist` of all tokens."""

import pytest
import torch
from ops.cases import normal

from foldcp.ops.distances import distances

ALL = slice(None)


@pytest.mark.parametrize("n", [7, 25, 26, 61])
def test_blocks_of_any_shape_are_cut_from_one_matrix(n):
    x = 40 * normal(n, 3, seed=n)
    whole = distances(x, ALL, ALL)
    for rows, columns in ((slice(0, 1), ALL), (slice(3, 5), slice(1, 6)), (ALL, slice(n - 1, n))):
        assert torch.equal(distances(x, rows, columns), whole[rows, columns])
    # Squares of 1e4 are rounded to 1e-3 where they are expanded.
    torch.testing.assert_close(whole**2, torch.cdist(x, x) ** 2, rtol=1e-6, atol=5e-3)


def test_the_formula_of_cdist_is_taken_for_many_tokens():
    """Where they differ, the subtracted distances would put pairs into other bins than the serial model."""
    x = 40 * normal(61, 3, seed=0) + 1000
    far = ~torch.eye(61, dtype=torch.bool)
    serial, subtracted = torch.cdist(x, x), torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist")
    ours = distances(x, ALL, ALL)
    assert (ours - serial)[far].abs().max() < 0.1 * (subtracted - serial)[far].abs().max()

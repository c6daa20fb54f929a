"""The MSA module on tiles: parity with subsets of the alignment, and memory at the released widths."""

from unittest.mock import patch

import pytest
import torch
from boltz.model.layers.pair_averaging import PairWeightedAveraging
from boltz.model.modules.trunkv2 import MSAModule as Serial
from model.cases import compact_of, complex_batch
from ops.cases import build, normal, own, tile

from foldcp.layers.msa_module import MSAModule
from foldcp.mesh import Place, peak_live_bytes
from foldcp.ops import pair_averaging

D, DM, DS = 16, 12, 24
SEED = (3, 1)
TOLERANCE = 1e-5
"""fp32 rounding through two blocks of eight layers."""


def error(mesh, n_sequences, seed=SEED, **settings):
    layer = build(Serial, DM, D, DS, 2, 0.0, 0.0, 8, 3, num_subsampled_msa=4, **settings)
    batch = complex_batch(n_sequences=n_sequences)
    features, n = compact_of(batch), batch["asym_id"].shape[1]
    z, s_inputs = normal(n, n, D, seed=1), normal(n, DS, seed=2)
    mask = features.tokens.mask
    brick = MSAModule(layer)
    chosen = torch.tensor(brick._chosen(n_sequences, SEED))
    with torch.no_grad():
        with patch("torch.randperm", lambda length: chosen):
            expected = z + layer(z[None], s_inputs[None], batch)[0]
        place = Place.create(mesh, n, "small")
        tiles = own(z, mesh), s_inputs, features.alignment, own(mask[:, None] * mask, mesh)
        got = brick(*tiles, place, seed)
    return ((got - tile(expected, mesh)).abs().max() / expected.abs().max()).item()


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (3, 2)], ids=str)
@pytest.mark.parametrize("n_sequences", [1, 11])
def test_equal_to_serial(pool, shape, n_sequences):
    assert max(pool.run(error, shape, n_sequences)) < TOLERANCE


def test_a_subset_of_the_alignment(pool):
    """With Boltz's draw replaced by ours; another draw is another result."""

    def worst(seed):
        return max(pool.run(subset_error, (2, 2), seed))

    assert worst(SEED) < TOLERANCE
    assert worst((3, 2)) > 1e-3


def subset_error(mesh, seed):
    return error(mesh, 11, seed, subsample_msa=True)


def test_each_pass_takes_another_subset_and_a_short_alignment_is_taken_whole():
    brick = MSAModule(build(Serial, DM, D, DS, 1, 0.0, 0.0, 8, 3, subsample_msa=True, num_subsampled_msa=4))
    draws = [brick._chosen(11, (0, cycle)) for cycle in range(3)]
    assert draws[0] == brick._chosen(11, (0, 0))
    assert all(len(set(draw)) == 4 for draw in draws)
    assert len({tuple(draw) for draw in draws}) == 3
    assert brick._chosen(4, (0, 0)) == [0, 1, 2, 3]


def test_a_model_of_an_older_kind_reads_no_pairing(pool):
    assert max(pool.run(unpaired_error, (1, 2))) < TOLERANCE


def unpaired_error(mesh):
    return error(mesh, 5, use_paired_feature=False)


def averaging_peak(mesh, n, n_sequences):
    """Return peak live bytes per pair of pair-weighted averaging at the released widths."""
    layer = build(PairWeightedAveraging, 64, 128, 32, 8)
    z, ones = own(normal(n, n, 128, seed=1), mesh), own(torch.ones(n, n), mesh)
    m = own(normal(n_sequences, n, 64, seed=2), mesh)
    place = Place.create(mesh, n, "small")
    return peak_live_bytes(pair_averaging, layer, m, z, ones, n_sequences, place)[1] / ones.numel()


@pytest.mark.parametrize("shape", [(1, 1), (2, 2)], ids=str)
def test_an_alignment_deeper_than_the_complex_is_long_stays_within_the_budget(pool, shape):
    """The alignment itself is 4 times the budget here: nothing of its size is made besides."""
    assert max(pool.run(averaging_peak, shape, 128, 512)) < 256

"""Whole layers on tiles against the serial ones; memory and bytes at the released widths."""

import pytest
import torch
from boltz.model.layers import pairformer
from boltz.model.layers.outer_product_mean import OuterProductMean
from boltz.model.modules import trunkv2
from ops.cases import build, normal, own, random_mask, tile

from foldcp.errors import UsageError
from foldcp.layers import MSALayer, PairformerLayer
from foldcp.mesh import Budget, Mesh, Place, peak_live_bytes
from foldcp.ops import outer_product_mean

MESHES = [(1, 1), (1, 2), (2, 1), (2, 2), (1, 3), (2, 3), (3, 2)]
N, S, D, DM, DS = 31, 7, 16, 12, 24
TOLERANCE = 1e-5
"""fp32 rounding through seven sublayers summed in another order; the issue asks for 1e-4."""


def worst(pairs):
    return max(((got - expected).abs().max() / expected.abs().max()).item() for got, expected in pairs)


def pairformer_error(mesh, level, breakage=None):
    layer = build(pairformer.PairformerLayer, DS, D, 4, pairwise_head_width=8, pairwise_num_heads=3, v2=True)
    s, z, mask, pair_mask = (
        normal(N, DS, seed=1),
        normal(N, N, D, seed=2),
        random_mask(N, seed=3),
        random_mask(N, N, seed=4),
    )
    with torch.no_grad():
        s_out, z_out = layer(s[None], z[None], mask[None], pair_mask[None])
        place = Place.create(mesh, N, level)
        if breakage and mesh.everyone.index == 0:
            layer.tri_att_end.linear.weight[0] = 0
        s_got, z_got = PairformerLayer(layer)(s, own(z, mesh), mask, own(pair_mask, mesh), place)
    return worst([(s_got, s_out[0]), (z_got, tile(z_out[0], mesh))])


@pytest.mark.parametrize("shape", MESHES, ids=str)
def test_pairformer_layer(pool, shape):
    assert max(pool.run(pairformer_error, shape, "small")) < TOLERANCE


def bf16_error(mesh):
    """Return dtype and error of a pair tile kept in bf16, computed in fp32, against fp32 serial."""
    layer = build(pairformer.PairformerLayer, DS, D, 4, pairwise_head_width=8, pairwise_num_heads=3, v2=True)
    s, z, mask, ones = normal(N, DS, seed=1), normal(N, N, D, seed=2), torch.ones(N), torch.ones(N, N)
    with torch.no_grad():
        z_out = layer(s[None], z[None], mask[None], ones[None])[1][0]
        place = Place.create(mesh, N, "small")
        _, got = PairformerLayer(layer)(s, own(z, mesh).bfloat16(), mask, own(ones, mesh), place)
    expected = tile(z_out, mesh)
    return str(got.dtype), ((got.float() - expected).norm() / expected.norm()).item()


def test_a_tile_may_be_kept_in_bf16(pool):
    """Five roundings of 2^-9 each, of the residual stream only; serial bf16-mixed rounds every activation."""
    for dtype, error in pool.run(bf16_error, (2, 2)):
        assert dtype == "torch.bfloat16"
        assert 1e-4 < error < 1e-2


def msa_error(mesh, n_sequences, breakage=None):
    layer = build(trunkv2.MSALayer, DM, D, 0.15, 0.25, pairwise_head_width=8, pairwise_num_heads=3)
    m, z = normal(n_sequences, N, DM, seed=1), normal(N, N, D, seed=2)
    msa_mask, pair_mask = random_mask(n_sequences, N, seed=3), random_mask(N, N, seed=4)
    with torch.no_grad():
        z_out, m_out = layer(z[None], m[None], pair_mask[None], msa_mask[None])
        place = Place.create(mesh, N, "small")
        if breakage and mesh.everyone.index == 0:
            layer.outer_product_mean.proj_o.weight[0] = 0
        tiles = [own(x, mesh) for x in (z, m, pair_mask, msa_mask)]
        z_got, m_got = MSALayer(layer)(*tiles, n_sequences, place)
    pairs = [(z_got, tile(z_out[0], mesh)), (m_got, tile(m_out[0], mesh))]
    return worst([pair for pair in pairs if pair[0].numel()])


@pytest.mark.parametrize("shape", MESHES, ids=str)
@pytest.mark.parametrize("n_sequences", [S, 1])
def test_msa_layer(pool, shape, n_sequences):
    assert max(pool.run(msa_error, shape, n_sequences)) < TOLERANCE


def test_one_rank_with_another_weight_is_noticed(pool):
    assert max(pool.run(pairformer_error, (2, 2), "small", "weight")) > 1e-3
    assert max(pool.run(msa_error, (2, 2), S, "weight")) > 1e-3


def test_training_mode_is_refused():
    layer = build(pairformer.PairformerLayer, DS, D, 4, v2=True).train()
    mesh = Mesh.create(1, 1)
    with pytest.raises(UsageError, match="training"):
        PairformerLayer(layer)(*[torch.zeros(0)] * 4, Place(mesh, N, Budget(1)))


def released_layer(mesh, n, level):
    """Return peak live bytes per pair, bytes sent, and bytes of one tile, at the released widths."""
    layer = PairformerLayer(pairformer.PairformerLayer(384, 128, 16, v2=True).eval())
    rows, columns = mesh.rows(n), mesh.columns(n)
    pairs = (rows.stop - rows.start) * (columns.stop - columns.start)
    z, s = (
        normal(pairs, 128, seed=mesh.everyone.index).view(rows.stop - rows.start, -1, 128),
        normal(n, 384, seed=1),
    )
    place = Place.create(mesh, n, level)
    _, peak = peak_live_bytes(layer, s, z, torch.ones(n), torch.ones(z.shape[:2]), place)
    return peak / pairs, mesh.tally.total_bytes(), 4 * 128 * pairs


@pytest.mark.parametrize("shape", [(1, 1), (2, 2)], ids=str)
def test_memory_and_bytes_of_a_pairformer_layer(pool, shape):
    """The issue's limits at N = 512, here at N = 192; `benchmarks/pairformer_layer.py` measures 512.

    Tokens and weights' copies do not shrink with N², so a smaller N is the stricter test per pair. Sent on
    2×2: two transposes, two row and two column operands of triangle multiplication and one of each triangle
    attention make 8 tiles of 32 MiB at N = 512; the rest is biases. 330 MiB are 10.3 tiles.
    """
    measured = pool.run(released_layer, shape, 192, "small")
    assert max(per_pair for per_pair, _, _ in measured) <= 1000
    if shape == (2, 2):
        assert max(sent / tile_bytes for _, sent, tile_bytes in measured) <= 330 / 32


def test_a_larger_budget_takes_more_and_stays_within_it(pool):
    for level, per_pair in (("small", 256), ("medium", 1024)):
        measured = max(peak for peak, _, _ in pool.run(released_layer, (2, 2), 128, level))
        assert 512 + 0.3 * per_pair < measured <= 512 + 1.15 * per_pair


def released_outer_product(mesh, n, n_sequences):
    """Return peak live bytes of an outer product mean at the released widths."""
    layer = build(OuterProductMean, 64, 32, 128)
    z, m = own(normal(n, n, 128, seed=1), mesh), own(normal(n_sequences, n, 64, seed=2), mesh)
    place = Place.create(mesh, n, "small")
    mask = torch.ones(m.shape[:2])
    return peak_live_bytes(outer_product_mean, layer, m, mask, z, n_sequences, place)[1]


@pytest.mark.parametrize("shape", [(1, 1), (2, 2)], ids=str)
def test_memory_of_the_outer_product_mean(pool, shape):
    """100 MiB at N = 512 with 128 sequences is the limit; the same per pair here, N and S halved."""
    assert max(pool.run(released_outer_product, shape, 256, 64)) <= 100 * 2**20 / 4

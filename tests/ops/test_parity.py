"""Every operation on tiles against its serial Boltz-2 layer, in fp32, with random masks on every mesh."""

from itertools import pairwise

import pytest
import torch
from boltz.model.layers.triangular_attention.attention import (
    TriangleAttentionEndingNode,
    TriangleAttentionStartingNode,
)
from boltz.model.layers.triangular_mult import TriangleMultiplicationIncoming, TriangleMultiplicationOutgoing
from ops.cases import CASES, D, N, build, error, normal, pair_inputs, tile

from foldcp.mesh import Budget, Place
from foldcp.ops import online_softmax, triangle_attention, triangle_multiplication

MESHES = [(1, 1), (1, 2), (2, 1), (2, 2), (1, 3), (2, 3), (3, 2)]
TOLERANCE = 5e-6
"""Sums of at most 37 terms in another order: fp32 rounding (6e-8), a few of them; below 1e-6 as measured."""


@pytest.mark.parametrize("shape", MESHES, ids=str)
@pytest.mark.parametrize("name", CASES)
def test_equal_to_serial(pool, name, shape):
    for bytes_per_pair in (16, 100_000):  # as many blocks as there can be; one block
        assert max(pool.run(error, shape, name, bytes_per_pair)) < TOLERANCE


@pytest.mark.parametrize("name", CASES)
def test_the_comparison_notices_one_wrong_mask(pool, name):
    assert max(pool.run(error, (2, 2), name, 256, "mask")) > 1e-3


def gradients(mesh, operation, kind, args):
    """Return the relative error of the gradient of z against serial autograd (which knows only fp32)."""
    layer, (z, mask) = build(kind, *args), pair_inputs()
    weight = normal(N, N, D, seed=9)
    dense = z.clone().requires_grad_()
    ((dense + layer(dense[None], mask[None])[0]) * weight).sum().backward()
    expected = tile(dense.grad, mesh)

    mine = tile(z, mesh).clone().requires_grad_()
    place = Place(mesh, N, Budget(10_000))
    (operation(layer, mine, tile(mask, mesh), place) * tile(weight, mesh)).sum().backward()
    return ((mine.grad - expected).abs().max() / expected.abs().max()).item()


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (2, 3)], ids=str)
def test_triangles_differentiate_through_the_verbs(pool, shape):
    for kind in (TriangleMultiplicationOutgoing, TriangleMultiplicationIncoming):
        assert max(pool.run(gradients, shape, triangle_multiplication, kind, (D,))) < TOLERANCE
    for kind in (TriangleAttentionStartingNode, TriangleAttentionEndingNode):
        assert max(pool.run(gradients, shape, triangle_attention, kind, (D, 8, 3))) < TOLERANCE


def attention_inputs():
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(6, 2, n, 8, generator=generator) for n in (5, 9, 9))
    bias, mask = torch.randn(2, 5, 9, generator=generator), torch.ones(6, 9)
    mask[0], mask[1, :4], mask[2, 4:], mask[3, ::2] = (
        0,
        0,
        0,
        0,
    )  # none; only the second chunk; only the first; some
    return q, k, v, bias, mask


def in_chunks(q, k, v, bias, mask, edges=(0, 4, 9)):
    partial = None
    q, k, v = (torch.nn.functional.pad(x, (0, online_softmax.spare(torch.float32))) for x in (q, k, v))
    for a, b in pairwise(edges):
        now = online_softmax.attend(q, k[:, :, a:b], v[:, :, a:b], bias[:, :, a:b], mask[:, a:b], 1e9)
        partial = online_softmax.merge(partial, now)
    return partial.result()


def exact(q, k, v, bias, mask):
    return torch.softmax(q @ k.mT + bias + (1e9 * (mask - 1))[:, None, None], dim=-1) @ v


def test_chunks_of_keys_merge_exactly_even_where_all_are_masked():
    inputs = attention_inputs()
    with torch.no_grad():
        fused = in_chunks(*inputs)
    plain = in_chunks(*inputs)
    torch.testing.assert_close(fused, exact(*inputs), rtol=0, atol=1e-6)
    torch.testing.assert_close(plain, exact(*inputs), rtol=0, atol=1e-6)


def test_a_log_sum_exp_alone_would_not_do():
    """Twin: the merge by log-sum-exp weighs masked chunks of 4 and 5 keys the same."""
    q, k, v, bias, mask = attention_inputs()
    halves = [
        exact(q, k[:, :, a:b], v[:, :, a:b], bias[:, :, a:b], mask[:, a:b]) for a, b in ((0, 4), (4, 9))
    ]
    by_lse = (halves[0][0] + halves[1][0]) / 2  # -1e9 + log 4 and -1e9 + log 5 are the same number in fp32
    assert (by_lse - exact(q, k, v, bias, mask)[0]).abs().max() > 1e-2

"""Every operation's gradients, in fp64, against serial autograd: of its inputs and of the layer's parameters.

A tile's gradient is whole where the tile lives: the adjoints of the verbs bring home what other ranks used of
it. What every rank holds whole, which is the parameters and the token vectors, gets from each rank only that
rank's part: the gradient is their sum over the mesh, as in data parallelism.
"""

from collections.abc import Callable
from typing import NamedTuple
from unittest import mock

import pytest
from boltz.model.layers.attentionv2 import AttentionPairBias
from boltz.model.layers.outer_product_mean import OuterProductMean
from boltz.model.layers.pair_averaging import PairWeightedAveraging
from boltz.model.layers.transition import Transition
from boltz.model.layers.triangular_attention.attention import (
    TriangleAttentionEndingNode,
    TriangleAttentionStartingNode,
)
from boltz.model.layers.triangular_mult import TriangleMultiplicationIncoming, TriangleMultiplicationOutgoing
from ops.cases import build, normal, random_mask, tile
from torch import Tensor, nn

from foldcp.mesh import Budget, Place, all_reduce
from foldcp.ops import (
    outer_product_mean,
    pair_averaging,
    pair_bias_attention,
    transition,
    triangle_attention,
    triangle_multiplication,
)

N, S, D, DM, DS = 13, 5, 8, 6, 12  # N and S prime: every mesh but 1×1 has tiles of unequal size
MESHES = [(1, 1), (1, 2), (2, 2), (2, 3)]
TOLERANCE = 1e-12
"""fp64 rounding (1e-16) of sums of a few hundred terms; below 2e-13 as measured."""


class Problem(NamedTuple):
    """A serial layer with what goes in and how it is called, whole and on tiles."""

    layer: nn.Module
    inputs: list[Tensor]
    """Differentiated. Three dimensions: cut into tiles. Two: tokens, whole on every rank."""
    serial: Callable[..., Tensor]
    on_tiles: Callable[..., Tensor]
    """`(mesh, place, *tiles)`; the result is a tile, or of tokens the share `mesh.flat(N)`."""


def pairs():
    """Return z and a random mask without empty rows: there, fp64 has only 1e-7 beside Boltz's -1e9."""
    return normal(N, N, D, seed=1).double(), random_mask(N, N, seed=2).fill_diagonal_(1).double()


def triangle(operation, kind, *args):
    layer, (z, mask) = build(kind, *args).double(), pairs()
    return Problem(
        layer,
        [z],
        lambda z: z + layer(z[None], mask[None])[0],
        lambda mesh, place, z: operation(layer, z, tile(mask, mesh), place),
    )


def transition_problem():
    layer, (z, _) = build(Transition, D, 4 * D).double(), pairs()
    on_tiles = lambda mesh, place, z: transition(layer, z, place.budget)  # noqa: E731
    return Problem(layer, [z], lambda z: z + layer(z), on_tiles)


def outer_product_problem():
    layer, (z, _) = build(OuterProductMean, DM, 4, D).double(), pairs()
    m, mask = normal(S, N, DM, seed=3).double(), random_mask(S, N, seed=4).double()
    return Problem(
        layer,
        [m, z],
        lambda m, z: z + layer(m[None], mask[None])[0],
        lambda mesh, place, m, z: outer_product_mean(layer, m, tile(mask, mesh), z, S, place),
    )


def averaging_problem():
    layer, (z, mask) = build(PairWeightedAveraging, DM, D, 5, 3).double(), pairs()
    return Problem(
        layer,
        [normal(S, N, DM, seed=3).double(), z],
        lambda m, z: m + layer(m[None], z[None], mask[None], False)[0],
        lambda mesh, place, m, z: pair_averaging(layer, m, z, tile(mask, mesh), S, place),
    )


def bias_attention_problem():
    layer, (z, _) = build(AttentionPairBias, DS, D, 4).double(), pairs()
    mask = random_mask(N, seed=4).double()
    return Problem(
        layer,
        [normal(N, DS, seed=3).double(), z],
        lambda s, z: layer(s[None], z[None], mask[None], s[None])[0],
        lambda mesh, place, s, z: pair_bias_attention(layer, s, z, mask, place),
    )


PROBLEMS = {
    "triangle multiplication outgoing": lambda: triangle(
        triangle_multiplication, TriangleMultiplicationOutgoing, D
    ),
    "triangle multiplication incoming": lambda: triangle(
        triangle_multiplication, TriangleMultiplicationIncoming, D
    ),
    "triangle attention starting": lambda: triangle(
        triangle_attention, TriangleAttentionStartingNode, D, 4, 3
    ),
    "triangle attention ending": lambda: triangle(triangle_attention, TriangleAttentionEndingNode, D, 4, 3),
    "transition": transition_problem,
    "outer product mean": outer_product_problem,
    "pair-weighted averaging": averaging_problem,
    "attention with pair bias": bias_attention_problem,
}


def leaves(tensors):
    return [x.clone().requires_grad_() for x in tensors]


def part(x, mesh):
    """Return this rank's part of a result or of its weights in the loss."""
    return tile(x, mesh) if x.ndim == 3 else x[mesh.flat(len(x))]


@mock.patch.object(Tensor, "float", Tensor.double)
def errors(mesh, name, bytes_per_pair, summed):
    """Return the error of each gradient, by input and parameter, relative to its largest value.

    Boltz casts products and softmax to fp32, and so do we; here all stays in the precision of the comparison.
    """
    problem = PROBLEMS[name]()
    parameters = dict(problem.layer.named_parameters())
    whole = leaves(problem.inputs)
    out = problem.serial(*whole)
    weight = normal(*out.shape, seed=9).double()
    (out * weight).sum().backward()
    expected = {name: parameter.grad for name, parameter in parameters.items()}
    problem.layer.zero_grad(set_to_none=True)

    height, width = mesh.largest_tile(N)
    place = Place(mesh, N, Budget(bytes_per_pair * height * width))
    mine = leaves(tile(x, mesh) if x.ndim == 3 else x for x in problem.inputs)
    (problem.on_tiles(mesh, place, *mine) * part(weight, mesh)).sum().backward()

    held_whole = {name: (parameter.grad, expected[name]) for name, parameter in parameters.items()}
    tiles = {}
    for number, (x, dense) in enumerate(zip(mine, whole, strict=True)):
        if x.ndim == 3:
            tiles[f"input {number}"] = (x.grad, tile(dense.grad, mesh))
        else:
            held_whole[f"input {number}"] = (x.grad, dense.grad)
    if summed:
        held_whole = {k: (all_reduce(got, mesh, "everyone"), want) for k, (got, want) in held_whole.items()}
    return relative(tiles | held_whole)


def relative(compared):
    """Return the errors of pairs (got, wanted), relative to the largest value wanted.

    A norm's bias before a softmax moves all keys alike, so its true gradient is zero: the least scale is a
    thousandth of the problem's largest gradient.
    """
    least = 1e-3 * max(want.abs().max().item() for _, want in compared.values())
    return {
        k: (got - want).abs().max().item() / max(want.abs().max().item(), least)
        for k, (got, want) in compared.items()
    }


@pytest.mark.parametrize("shape", MESHES, ids=str)
@pytest.mark.parametrize("name", PROBLEMS)
def test_gradients_are_those_of_the_serial_layer(pool, name, shape):
    for bytes_per_pair in (16, 100_000):  # as many blocks as there can be; one block
        for by_tensor in pool.run(errors, shape, name, bytes_per_pair, True):
            assert max(by_tensor.values()) < TOLERANCE, by_tensor


@pytest.mark.parametrize("name", PROBLEMS)
def test_one_rank_alone_has_only_its_part_of_a_parameters_gradient(pool, name):
    """Twin: the same comparison, without the sum over the mesh, is far off."""
    for by_tensor in pool.run(errors, (2, 2), name, 256, False):
        assert max(by_tensor.values()) > 1e-2

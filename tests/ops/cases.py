"""Serial layers with live weights, whole inputs, and each operation beside its serial layer.

A case is a function `(mesh, budget, breakage) -> (tile, expected tile)`. `breakage` is None, or names what
the twin test breaks on purpose.
"""

import torch
from boltz.model.layers.attentionv2 import AttentionPairBias
from boltz.model.layers.outer_product_mean import OuterProductMean
from boltz.model.layers.pair_averaging import PairWeightedAveraging
from boltz.model.layers.transition import Transition
from boltz.model.layers.triangular_attention.attention import (
    TriangleAttentionEndingNode,
    TriangleAttentionStartingNode,
)
from boltz.model.layers.triangular_mult import TriangleMultiplicationIncoming, TriangleMultiplicationOutgoing

from foldcp.demo import initialisation
from foldcp.mesh import Budget, Place
from foldcp.ops import (
    outer_product_mean,
    pair_averaging,
    pair_bias_attention,
    transition,
    triangle_attention,
    triangle_multiplication,
)
from foldcp.ops.pair_bias_attention import whole_tokens

N, S, D, DM, DS = 37, 5, 16, 12, 24  # N and S prime: no mesh divides them


def build(kind, *args, **kwargs):
    """Return a serial layer, every parameter random: Boltz starts many at zero, which would hide errors."""
    with initialisation.skipped():
        layer = kind(*args, **kwargs).eval()
    randomize(layer)
    return layer


def randomize(layer):
    generator = torch.Generator().manual_seed(7)
    for parameter in layer.parameters():
        scale = parameter.shape[-1] ** -0.5 if parameter.ndim > 1 else 0.3
        parameter.data = torch.randn(parameter.shape, generator=generator) * scale + (parameter.ndim == 1)


def normal(*shape, seed):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def random_mask(*shape, seed):
    return (torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) < 0.7).float()


def pair_inputs():
    z, mask = normal(N, N, D, seed=1), random_mask(N, N, seed=2)
    mask[3], mask[:, 5] = 0, 0  # a fully masked row and column
    return z, mask


def tile(x, mesh):
    return x[mesh.rows(x.shape[0]), mesh.columns(x.shape[1])]


def own(x, mesh):
    """Return a copy of this rank's tile: at inference operations write into it."""
    return tile(x, mesh).clone()


def pair_case(operation, kind, *args):
    def case(mesh, budget, breakage):
        layer, (z, mask) = build(kind, *args), pair_inputs()
        expected = z + layer(z[None], mask[None])[0]
        mine = own(z, mesh)
        masked = own(mask, mesh)
        if breakage == "mask" and mesh.everyone.index == mesh.size - 1:
            masked.fill_(1)
        return operation(layer, mine, masked, Place(mesh, N, budget)), tile(expected, mesh)

    return case


def transition_case(mesh, budget, breakage):
    layer, (z, _) = build(Transition, D, 4 * D), pair_inputs()
    mine = own(z, mesh)
    if breakage:
        layer.fc3.weight.data[0] = 0
    got = transition(layer, mine, budget)
    layer = build(Transition, D, 4 * D)
    return got, tile(z + layer(z), mesh)


def outer_product_case(mesh, budget, breakage):
    layer, z = build(OuterProductMean, DM, 6, D), normal(N, N, D, seed=1)
    m, mask = normal(S, N, DM, seed=3), random_mask(S, N, seed=4)
    mask[:, 6] = 0
    expected = z + layer(m[None], mask[None])[0]
    mine = own(mask, mesh)
    if breakage == "mask" and mesh.everyone.index == mesh.size - 1:
        mine.fill_(1)
    place = Place(mesh, N, budget)
    return outer_product_mean(layer, own(m, mesh), mine, own(z, mesh), S, place), tile(expected, mesh)


def averaging_case(mesh, budget, breakage):
    layer, (z, mask) = build(PairWeightedAveraging, DM, D, 5, 3), pair_inputs()
    m = normal(S, N, DM, seed=3)
    expected = m + layer(m[None], z[None], mask[None], False)[0]
    mine = own(mask, mesh)
    if breakage == "mask" and mesh.everyone.index == mesh.size - 1:
        mine.fill_(1)
    place = Place(mesh, N, budget)
    return pair_averaging(layer, own(m, mesh), own(z, mesh), mine, S, place), tile(expected, mesh)


def bias_attention_case(mesh, budget, breakage):
    layer, (z, _) = build(AttentionPairBias, DS, D, 4), pair_inputs()
    s, mask = normal(N, DS, seed=3), random_mask(N, seed=4)
    expected = layer(s[None], z[None], mask[None], s[None])[0]
    if breakage == "mask" and mesh.everyone.index == mesh.size - 1:
        mask = torch.ones_like(mask)
    share = pair_bias_attention(layer, s, own(z, mesh), mask, Place(mesh, N, budget))
    return whole_tokens(share, N, mesh), expected


CASES = {
    "triangle multiplication outgoing": pair_case(triangle_multiplication, TriangleMultiplicationOutgoing, D),
    "triangle multiplication incoming": pair_case(triangle_multiplication, TriangleMultiplicationIncoming, D),
    "triangle attention starting": pair_case(triangle_attention, TriangleAttentionStartingNode, D, 8, 3),
    "triangle attention ending": pair_case(triangle_attention, TriangleAttentionEndingNode, D, 8, 3),
    "transition": transition_case,
    "outer product mean": outer_product_case,
    "pair-weighted averaging": averaging_case,
    "attention with pair bias": bias_attention_case,
}


def error(mesh, name, bytes_per_pair, breakage=None):
    """Return the largest difference from the serial layer, relative to its largest value."""
    height, width = mesh.largest_tile(N)
    with torch.no_grad():
        got, expected = CASES[name](mesh, Budget(bytes_per_pair * height * width), breakage)
    return ((got - expected).abs().max() / expected.abs().max()).item()

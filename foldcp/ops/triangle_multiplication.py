"""Triangle multiplication, in channel groups: channels are independent until the output norm.

Source: AlphaFold 3, supplementary algorithms 12 and 13; `boltz.model.layers.triangular_mult`.

Each direction is the same product of a row operand A and a column operand B, one of them transposed:

========  =======================  ============  ============
          formula                  A[I, k]       B[k, J]
========  =======================  ============  ============
outgoing  o_ij = Σ_k a_ik b_jk     a             transpose(b)
incoming  o_ij = Σ_k a_ki b_kj     transpose(a)  b
========  =======================  ============  ============
"""

from typing import TypeAlias

import torch
from boltz.model.layers.triangular_mult import TriangleMultiplicationIncoming, TriangleMultiplicationOutgoing
from torch import Tensor
from torch.nn.functional import linear

from foldcp.mesh import Budget, Mesh, Place, panels, transpose
from foldcp.mesh.cuts import blocks, size
from foldcp.ops.precision import working_dtype
from foldcp.ops.residual import residual

Layer: TypeAlias = TriangleMultiplicationOutgoing | TriangleMultiplicationIncoming


def triangle_multiplication(layer: Layer, z: Tensor, mask: Tensor, place: Place) -> Tensor:
    """Return `z + g ⊙ W norm(o)`, with o as in the table above.

    Forward: `a, b = mask ⊙ σ(G ẑ) ⊙ P ẑ`, `ẑ = norm(z)`, `g = σ(G_out ẑ)`.
    Gradients: `ḡ_a = Σ_j ḡ_o b_jk` and `ḡ_b = Σ_i ḡ_o a_ik`, summed back to their owners by the verbs.

    Parameters
    ----------
    layer : TriangleMultiplicationOutgoing or TriangleMultiplicationIncoming
        The serial layer; its class is the direction.
    z : Tensor
        Pair tile (I, J, D).
    mask : Tensor
        Pair mask tile (I, J).
    place : Place
        Mesh, N and budget; its bytes are beside the product o, one tile of D channels.
    """
    o_DIJ = _product(layer, z, mask, place)
    out = residual(z)
    for rows in place.budget.pieces(len(z), 5 * 4 * z.shape[1] * z.shape[2]):
        gate = layer.g_out(_norm(layer, z[rows])).sigmoid()
        out[rows] += gate.mul(layer.p_out(layer.norm_out(o_DIJ[:, rows].permute(1, 2, 0))))
    return out


def _product(layer: Layer, z: Tensor, mask: Tensor, place: Place) -> Tensor:
    """Return `o` (D, I, J): channels first, so that each chunk is one batched matrix product."""
    mesh, budget, channels = place.mesh, place.budget, z.shape[-1]
    height, width = place.largest_tile
    tiles_alive = 2 if mesh.size == 1 else 7  # a, b, the transposed one, two chunks each of A and B
    dtype = working_dtype(layer.p_in.weight)
    o_DIJ = z.new_zeros(channels, *z.shape[:2], dtype=dtype)
    for group in blocks(channels, budget.blocks(channels, tiles_alive * dtype.itemsize * height * width)):
        # Not named here, so that one group's operands are gone before the next group's are made.
        _multiply(layer, *_operands(layer, z, mask, group, budget), o_DIJ[group], place.n_tokens, mesh)
    return o_DIJ


def _multiply(layer: Layer, a: Tensor, b: Tensor, o_GIJ: Tensor, n: int, mesh: Mesh) -> None:
    """Add the product of a group of channels to o."""
    if isinstance(layer, TriangleMultiplicationOutgoing):
        A, B = a, transpose(b, mesh, (n, n), dims=(1, 2))
    else:
        A, B = transpose(a, mesh, (n, n), dims=(1, 2)), b
    for A_GIk, B_GkJ in panels(mesh, n, rows=[(A, 2)], columns=[(B, 1)]):
        o_GIJ.baddbmm_(A_GIk, B_GkJ)


def _operands(layer: Layer, z: Tensor, mask: Tensor, group: slice, budget: Budget) -> tuple[Tensor, Tensor]:
    """Return a and b (G, I, J) of a group of channels: gated, masked projections of the normalised tile."""
    dtype = working_dtype(layer.p_in.weight)
    a, b = (z.new_empty(size(group), *z.shape[:2], dtype=dtype) for _ in range(2))
    weights = [half[group] for source in (layer.p_in, layer.g_in) for half in source.weight.chunk(2)]
    weight = torch.cat(weights)
    for rows in budget.pieces(len(z), (2 * z.shape[2] + 7 * size(group)) * 4 * z.shape[1]):
        value, gate = linear(_norm(layer, z[rows]), weight).chunk(2, dim=-1)
        ab_IJG = value * gate.sigmoid() * mask[rows, :, None]
        a_IJG, b_IJG = ab_IJG.chunk(2, dim=-1)
        a[:, rows] = a_IJG.permute(2, 0, 1)
        b[:, rows] = b_IJG.permute(2, 0, 1)
    return a, b


def _norm(layer: Layer, z: Tensor) -> Tensor:
    return layer.norm_in(z.to(layer.norm_in.weight.dtype))

"""Triangle attention, in blocks of rows; a block's keys travel past, only its own queries stay.

Source: AlphaFold 3, supplementary algorithms 14 and 15; `boltz.model.layers.triangular_attention`.

starting node:  o_ij = Σ_k softmax_k(q_ij · k_ik + b_jk) v_ik
ending node:    o_ij = Σ_k softmax_k(q_ij · k_kj + b_ki) v_kj

The ending node is the starting node of the transposed tile on the transposed mesh: nothing moves for that.
Only the bias, H channels wide, is really transposed. What travels along the mesh row is ẑ[I, k], D channels,
and keys and values are projected from it where they are used: half the bytes of sending both.
"""

import math

from boltz.model.layers.triangular_attention.attention import TriangleAttention
from torch import Tensor

from foldcp.mesh import Budget, Mesh, Place, panels, transpose
from foldcp.mesh.cuts import blocks
from foldcp.ops.online_softmax import Partial, attend, fused, merge, project_heads, spare
from foldcp.ops.precision import working_dtype
from foldcp.ops.residual import residual


def triangle_attention(layer: TriangleAttention, z: Tensor, mask: Tensor, place: Place) -> Tensor:
    """Return `z + W (σ(G ẑ) ⊙ o)`, with o as above and `ẑ = norm(z)`.

    Parameters
    ----------
    layer : TriangleAttention
        The serial layer, starting or ending node.
    z : Tensor
        Pair tile (I, J, D).
    mask : Tensor
        Pair mask tile (I, J).
    place : Place
        Mesh, N and budget; its bytes are for the transients; there is no second tile.
    """
    if layer.starting:
        return _starting(layer, z, mask, place)
    return _starting(layer, z.transpose(0, 1), mask.T, place.T).transpose(0, 1)


def _starting(layer: TriangleAttention, z: Tensor, mask: Tensor, place: Place) -> Tensor:
    n, mesh = place.n_tokens, place.mesh
    out = residual(z)
    bias_HKJ = transpose(_bias(layer, z, place.budget), mesh, (n, n), dims=(1, 2))
    for rows in _row_blocks(layer, z, place):
        x = _norm(layer, z[rows])
        o = _attend_rows(layer, x, mask[rows], bias_HKJ, n, mesh)
        out[rows] += layer.mha._wrap_up(o, x)
    return out


def _attend_rows(
    layer: TriangleAttention, x: Tensor, mask: Tensor, bias_HKJ: Tensor, n: int, mesh: Mesh
) -> Tensor:
    """Return the attention of a block of rows (I, J, H, C)."""
    q = project_heads(x, layer.mha.linear_q.weight, layer.no_heads, scale=1 / math.sqrt(layer.c_hidden))
    past: Partial | None = None
    rows = [(x.to(working_dtype(layer.linear.weight)), 1), (mask, 1)]
    for x_Ik, mask_Ik, bias_HkJ in panels(mesh, n, rows=rows, columns=[(bias_HKJ, 1)]):
        past = merge(past, _attend_chunk(layer, q, x_Ik, mask_Ik, bias_HkJ))
    assert past is not None  # N is at least 1, so a chunk has come
    return past.result().transpose(1, 2)


def _attend_chunk(
    layer: TriangleAttention, q: Tensor, x_Ik: Tensor, mask_Ik: Tensor, bias_HkJ: Tensor
) -> Partial:
    k = project_heads(x_Ik, layer.mha.linear_k.weight, layer.no_heads)
    v = project_heads(x_Ik, layer.mha.linear_v.weight, layer.no_heads)
    return attend(q, k, v, bias_HkJ.transpose(1, 2), mask_Ik, layer.inf)


def _bias(layer: TriangleAttention, z: Tensor, budget: Budget) -> Tensor:
    """Return the bias of each pair (H, I, J)."""
    dtype = working_dtype(layer.linear.weight)
    bias = z.new_empty(layer.no_heads, *z.shape[:2], dtype=dtype)
    for rows in budget.pieces(len(z), 3 * 4 * z.shape[1] * z.shape[2]):
        bias[:, rows] = layer.linear(_norm(layer, z[rows])).permute(2, 0, 1)
    return bias


def _row_blocks(layer: TriangleAttention, z: Tensor, place: Place) -> list[slice]:
    """Return the blocks of rows, equally many on all ranks."""
    height, width = place.largest_tile
    dtype = working_dtype(layer.linear.weight)
    # Beside each other at worst: x, its chunk in use and the one in flight; q, k, v and two partial results.
    words = 3 * z.shape[-1] + 5 * layer.no_heads * (layer.c_hidden + spare(dtype))
    if not fused(z):
        words += 3 * layer.no_heads * width
    bias_bytes = 4 * 4 * layer.no_heads * height * width
    shortest = place.n_tokens // place.mesh.p
    return blocks(len(z), place.budget.blocks(shortest, words * 4 * width, fixed=bias_bytes))


def _norm(layer: TriangleAttention, z: Tensor) -> Tensor:
    return layer.layer_norm(z.to(layer.layer_norm.weight.dtype))

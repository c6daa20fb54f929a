"""Outer product mean: what the alignment says about each pair of columns, in blocks of rows.

Source: AlphaFold 3, supplementary algorithm 9; `boltz.model.layers.outer_product_mean`.
"""

from collections.abc import Iterator

import torch
from boltz.model.layers.outer_product_mean import OuterProductMean
from torch import Tensor
from torch.nn.functional import linear

from foldcp.mesh import Budget, Place, panels, transpose
from foldcp.mesh.cuts import blocks, size
from foldcp.ops.precision import working_dtype
from foldcp.ops.residual import residual


def outer_product_mean(
    layer: OuterProductMean,
    m: Tensor,
    mask: Tensor,
    z: Tensor,
    n_sequences: int,
    place: Place,
) -> Tensor:
    """Return `z_ij + W vec(Σ_s a_si ⊗ b_sj) / Σ_s mask_si mask_sj`.

    Forward: `a, b = mask ⊙ (P_a m̂, P_b m̂)`, `m̂ = norm(m)`. Row operand: transpose(a). Column operand: b.
    The divisor is the pairwise count of sequences, at least 1.

    Parameters
    ----------
    layer : OuterProductMean
        The serial layer.
    m : Tensor
        Alignment tile (S, J, D): sequences over mesh rows, tokens over mesh columns.
    mask : Tensor
        Alignment mask tile (S, J).
    z : Tensor
        Pair tile (I, J, D), which takes the update.
    n_sequences : int
        S of the whole alignment.
    place : Place
        Mesh, N and budget; its bytes are for the outer products, C² channels per pair.
    """
    mesh, n_tokens = place.mesh, place.n_tokens
    mask = mask.to(layer.norm.weight.dtype)
    a_SJC, b_SJC = _operands(layer, m, mask, place.budget)
    shape = (n_sequences, n_tokens)
    a_ISC, mask_IS = transpose(a_SJC, mesh, shape), transpose(mask, mesh, shape)
    del a_SJC  # on a mesh its transposed one is another tensor
    out = residual(z)
    words = 2 * layer.c_hidden**2 + 2 * z.shape[-1]
    parts = place.budget.blocks(n_tokens // mesh.p, words * 4 * place.largest_tile[1])
    for rows in blocks(len(z), parts):
        operands = [(a_ISC[rows], 1), (mask_IS[rows], 1)], [(b_SJC, 0), (mask, 0)]
        chunks = panels(mesh, n_sequences, *operands)
        out[rows] += _mean(layer, chunks, a_ISC.dtype, size(rows), z.shape[1])
    return out


def _mean(
    layer: OuterProductMean, chunks: Iterator[list[Tensor]], dtype: torch.dtype, height: int, width: int
) -> Tensor:
    """Return the projected mean (I, J, D) of the outer products of chunks of sequences."""
    weight, hidden = layer.proj_o.weight, layer.c_hidden
    outer = weight.new_zeros(height * hidden, width * hidden, dtype=dtype)
    count_IJ = weight.new_zeros(height, width)
    for a_Isc, mask_Is, b_sJc, mask_sJ in chunks:
        outer.addmm_(a_Isc.transpose(1, 2).flatten(0, 1), b_sJc.flatten(1))
        count_IJ.addmm_(mask_Is, mask_sJ)
    outer_IJX = outer.view(height, hidden, width, hidden).transpose(1, 2).flatten(2)
    # Divided after the projection, which is linear: 128 channels instead of 1024.
    return linear(outer_IJX, weight).float().div_(count_IJ.clamp(min=1)[..., None]).add_(layer.proj_o.bias)


def _operands(layer: OuterProductMean, m: Tensor, mask: Tensor, budget: Budget) -> tuple[Tensor, Tensor]:
    """Return a and b (S, J, C), masked."""
    dtype = working_dtype(layer.proj_a.weight)
    a, b = (m.new_empty(*m.shape[:2], layer.c_hidden, dtype=dtype) for _ in range(2))
    for rows in budget.pieces(len(m), (2 * m.shape[2] + 3 * layer.c_hidden) * 4 * m.shape[1]):
        m_normed = layer.norm(m[rows].to(layer.norm.weight.dtype))
        a[rows] = layer.proj_a(m_normed) * mask[rows, :, None]
        b[rows] = layer.proj_b(m_normed) * mask[rows, :, None]
    return a, b

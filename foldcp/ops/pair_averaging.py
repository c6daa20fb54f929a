"""Pair-weighted averaging: each sequence averages its columns with weights from the pair representation.

Source: AlphaFold 3, supplementary algorithm 10; `boltz.model.layers.pair_averaging`.
"""

import torch
from boltz.model.layers.pair_averaging import PairWeightedAveraging
from torch import Tensor
from torch.nn.functional import linear

from foldcp.mesh import Budget, Mesh, Place, all_reduce, panels, transpose
from foldcp.mesh.cuts import blocks, size
from foldcp.ops.precision import working_dtype
from foldcp.ops.residual import residual


def pair_averaging(
    layer: PairWeightedAveraging,
    m: Tensor,
    z: Tensor,
    mask: Tensor,
    n_sequences: int,
    place: Place,
) -> Tensor:
    """Return `m_si + W (σ(G m̂_si) ⊙ Σ_j w_ij v_sj)`, `w_ij = softmax_j(b_ij)`, in blocks of sequences.

    Forward: `v = V m̂`, `b = B ẑ + inf (mask - 1)`; maximum and sum of the softmax are all-reduced over the
    mesh row. Row operand: v. Column operand: transpose(w).

    Parameters
    ----------
    layer : PairWeightedAveraging
        The serial layer.
    m : Tensor
        Alignment tile (S, J, D): sequences over mesh rows, tokens over mesh columns.
    z : Tensor
        Pair tile (I, J, D).
    mask : Tensor
        Pair mask tile (I, J).
    n_sequences : int
        S of the whole alignment.
    place : Place
        Mesh, N and budget; its bytes are for the weights, and for a group of heads of a block of sequences.
    """
    mesh, n_tokens = place.mesh, place.n_tokens
    w_HIJ = _weights(layer, z, mask, mesh, place.budget)
    w_HKI = transpose(w_HIJ, mesh, (n_tokens, n_tokens), dims=(1, 2))
    del w_HIJ
    n_blocks, n_groups = _cuts(layer, n_sequences, place)
    out = residual(m)
    for rows in blocks(len(m), n_blocks):
        out[rows] += _update(layer, m[rows], w_HKI, n_groups, place)
    return out


def _cuts(layer: PairWeightedAveraging, n_sequences: int, place: Place) -> tuple[int, int]:
    """Return into how many blocks of sequences and groups of heads to cut, the same on all ranks.

    Every block of sequences sends the weights again, so it is as large as one head at a time allows.
    """
    height, width = place.largest_tile
    budget, channels = place.budget, layer.c_h
    # w, its transposed and two chunks of it; v, o and gate, some of them twice; m normalised, and its update
    weights, per_head, rest = (
        4 * 4 * layer.num_heads * height * width,
        4 * 7 * channels * width,
        4 * 3 * layer.c_m * width,
    )
    n_blocks = budget.blocks(n_sequences // place.mesh.p, per_head + rest, fixed=weights)
    depth = -(-n_sequences // (place.mesh.p * n_blocks))
    return n_blocks, budget.blocks(layer.num_heads, per_head * depth, fixed=weights + rest * depth)


def _update(layer: PairWeightedAveraging, m: Tensor, w_HKI: Tensor, n_groups: int, place: Place) -> Tensor:
    """Return the update of a block of sequences (S, J, D)."""
    m_normed = layer.norm_m(m.to(layer.norm_m.weight.dtype))
    update = torch.zeros_like(m_normed)
    for heads in blocks(layer.num_heads, n_groups):
        channels = slice(heads.start * layer.c_h, heads.stop * layer.c_h)
        v_HXJ = _heads_first(linear(m_normed, layer.proj_m.weight[channels]), size(heads))
        o_HXI = torch.zeros_like(v_HXJ)
        operands = [(v_HXJ, 2)], [(w_HKI[heads], 1)]
        for v_HXk, w_HkI in panels(place.mesh, place.n_tokens, *operands):
            o_HXI = o_HXI.baddbmm_(v_HXk, w_HkI)
        gate = linear(m_normed, layer.proj_g.weight[channels]).sigmoid()
        o_SIX = o_HXI.unflatten(1, (-1, layer.c_h)).permute(1, 3, 0, 2).flatten(2)
        update += linear(gate * o_SIX, layer.proj_o.weight[:, channels])
    return update


def _weights(layer: PairWeightedAveraging, z: Tensor, mask: Tensor, mesh: Mesh, budget: Budget) -> Tensor:
    """Return the softmax over all columns of the mesh row, `w` (H, I, J)."""
    b_HIJ = layer.proj_z.weight.new_empty(layer.num_heads, *z.shape[:2])
    for rows in budget.pieces(len(z), 4 * 4 * z.shape[1] * z.shape[2]):
        z_normed = layer.norm_z(z[rows].to(layer.norm_z.weight.dtype))
        b_HIJ[:, rows] = layer.proj_z(z_normed).permute(2, 0, 1) + (1 - mask[rows]) * -layer.inf
    top = all_reduce(b_HIJ.detach().amax(dim=2, keepdim=True), mesh, "row", "max")
    w_HIJ = (b_HIJ - top).exp() if torch.is_grad_enabled() else b_HIJ.sub_(top).exp_()
    total = all_reduce(w_HIJ.sum(dim=2, keepdim=True), mesh, "row")
    w_HIJ = w_HIJ / total if torch.is_grad_enabled() else w_HIJ.div_(total)
    return w_HIJ.to(working_dtype(layer.proj_m.weight))


def _heads_first(v: Tensor, n_heads: int) -> Tensor:
    """Split channels into heads: (S, J, H·C) to (H, S·C, J), one matrix per head."""
    return v.unflatten(-1, (n_heads, -1)).permute(2, 0, 3, 1).flatten(1, 2).contiguous()

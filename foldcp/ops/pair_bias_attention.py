"""Attention of tokens with a bias from the pair representation: the pair tile stays put.

Source: AlphaFold 3, supplementary algorithm 24; `boltz.model.layers.attentionv2`.

Rank (r, c) attends from the queries R_r to the keys C_c, which needs just its own tile of z. The partial
results of a mesh row then merge: N × D numbers travel, not N².
"""

import math

import torch
from boltz.model.layers.attentionv2 import AttentionPairBias
from torch import Tensor

from foldcp.mesh import Budget, Mesh, Place, all_reduce
from foldcp.mesh.cuts import shift
from foldcp.ops.online_softmax import Partial, softmax_partial


def pair_bias_attention(layer: AttentionPairBias, s: Tensor, z: Tensor, mask: Tensor, place: Place) -> Tensor:
    """Return the update `W (σ(G s_i) ⊙ Σ_j softmax_j(q_i · k_j / √C + b_ij) v_j)` of the own tokens.

    Parameters
    ----------
    layer : AttentionPairBias
        The serial layer (second version), with its own projection of z.
    s : Tensor
        Normalised tokens (N, D), whole on every rank.
    z : Tensor
        Pair tile (I, J, D).
    mask : Tensor
        Token mask (N,).
    place : Place
        Mesh, N and budget; its bytes are for logits, H per pair of a block of rows.

    Returns
    -------
    Tensor
        Rows `mesh.flat(N)` of the update (…, D): the tokens of R_r, divided among the ranks of the mesh row.
    """
    n_tokens, mesh = len(s), place.mesh
    queries, keys, mine = mesh.rows(n_tokens), mesh.columns(n_tokens), mesh.flat(n_tokens)
    partial = _local(layer, s[queries], s[keys], z, mask[keys], place.budget)
    o_HIC = _merge_along_row(partial, mesh)[:, shift(mine, queries.start)]
    gate = layer.proj_g(s[mine]).sigmoid()
    return layer.proj_o(gate * o_HIC.transpose(0, 1).flatten(1))


def _local(
    layer: AttentionPairBias, s_I: Tensor, s_J: Tensor, z: Tensor, mask_J: Tensor, budget: Budget
) -> Partial:
    """Return the attention of all own queries (H, I, …) over the own keys."""
    q, k, v = (
        project(s).unflatten(-1, (layer.num_heads, layer.head_dim)).transpose(0, 1)
        for project, s in ((layer.proj_q, s_I), (layer.proj_k, s_J), (layer.proj_v, s_J))
    )
    norm, to_heads = layer.proj_z[0], layer.proj_z[1]
    parts = []
    for rows in budget.pieces(len(z), (2 * z.shape[2] + 3 * layer.num_heads) * 4 * z.shape[1]):
        bias = to_heads(norm(z[rows].to(norm.weight.dtype))).permute(2, 0, 1)
        logits = q[:, rows] @ k.transpose(1, 2) / math.sqrt(layer.head_dim) + bias + (1 - mask_J) * -layer.inf
        parts.append(softmax_partial(logits, v))
    return Partial(*(torch.cat(tensors, dim=1) for tensors in zip(*parts, strict=True)))


def _merge_along_row(partial: Partial, mesh: Mesh) -> Tensor:
    """Return the attention over the keys of all columns: `online_softmax.merge` as two all-reduces."""
    top = all_reduce(partial.max.detach(), mesh, "row", "max")
    weight = (partial.max - top).exp()
    both = torch.cat([partial.out * weight[..., None], (partial.sum * weight)[..., None]], dim=-1)
    both = all_reduce(both, mesh, "row")
    return both[..., :-1] / both[..., -1:]


def whole_tokens(mine: Tensor, n_tokens: int, mesh: Mesh) -> Tensor:
    """Return all tokens (N, D) from every rank's share `mesh.flat(N)` of them."""
    if mesh.size == 1:
        return mine
    whole = mine.new_zeros(n_tokens, *mine.shape[1:])
    whole[mesh.flat(n_tokens)] = mine
    return all_reduce(whole, mesh, "everyone")

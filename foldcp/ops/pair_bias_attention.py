"""Attention of tokens with a bias from the pair representation: the pair tile stays put.

Source: AlphaFold 3, supplementary algorithm 24; `boltz.model.layers.attentionv2`.

Rank (r, c) attends from the queries R_r to the keys C_c, which needs just its own tile of z. The partial
results of a mesh row then merge: N × D numbers travel, not N².
"""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from boltz.model.layers.attentionv2 import AttentionPairBias
from torch import Tensor
from torch.nn.functional import pad

from foldcp.mesh import Budget, Mesh, Place, all_reduce
from foldcp.mesh.cuts import blocks, shift
from foldcp.ops.online_softmax import Partial, attend, fused, spare
from foldcp.ops.pair_bias import PairBias
from foldcp.ops.whole import whole


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
        Mesh, N and budget; its bytes are for the bias of a block of rows, H per pair.

    Returns
    -------
    Tensor
        Rows `mesh.flat(N)` of the update (…, D): the tokens of R_r, divided among the ranks of the mesh row.
    """
    norm, to_heads = layer.proj_z[0], layer.proj_z[1]
    bias = PairBias([(norm, to_heads)], z, place.budget)
    return biased_attention(layer, s[None], bias, 0, mask, place)[0]


def biased_attention(
    layer: AttentionPairBias, s: Tensor, bias: PairBias, number: int, mask: Tensor, place: Place
) -> Tensor:
    """Return the same update for B sets of tokens that share the bias, in fp32 as in the serial model.

    Parameters
    ----------
    layer : AttentionPairBias
        The serial layer.
    s : Tensor
        Normalised tokens (B, N, D), whole on every rank.
    bias : PairBias
        Bias of the own tile.
    number : int
        Which layer's bias.
    mask : Tensor
        Token mask (N,).
    place : Place
        Mesh, N and budget.

    Returns
    -------
    Tensor
        Rows `mesh.flat(N)` of the update (B, …, D).
    """
    n_tokens, mesh = place.n_tokens, place.mesh
    queries, keys, mine = mesh.rows(n_tokens), mesh.columns(n_tokens), mesh.flat(n_tokens)
    with torch.autocast(s.device.type, enabled=False):
        bias_of = partial(bias.rows, number)
        local = _local(layer, s[:, queries], s[:, keys], bias_of, mask[keys], place.budget)
        o_BHIC = _merge_along_row(local, mesh)[:, :, shift(mine, queries.start)]
        gate = layer.proj_g(s[:, mine]).sigmoid()
        return layer.proj_o(gate * o_BHIC.transpose(1, 2).flatten(2))


def _local(
    layer: AttentionPairBias,
    s_I: Tensor,
    s_J: Tensor,
    bias_of: Callable[[slice], Tensor],
    mask_J: Tensor,
    budget: Budget,
) -> Partial:
    """Return the attention of all own queries (B, H, I, …) over the own keys."""
    q = _heads(layer, layer.proj_q(s_I) / math.sqrt(layer.head_dim))
    k, v = _heads(layer, layer.proj_k(s_J)), _heads(layer, layer.proj_v(s_J))
    mask_BJ = mask_J.expand(len(k), -1)
    parts = [
        attend(q[:, :, rows], k, v, bias_of(rows), mask_BJ, layer.inf) for rows in _row_blocks(q, k, budget)
    ]
    return Partial(*(torch.cat(tensors, dim=2) for tensors in zip(*parts, strict=True)))


def _heads(layer: AttentionPairBias, x: Tensor) -> Tensor:
    """Split channels into heads with the spare ones of `attend`: (B, K, D) to (B, H, K, C + spare)."""
    x = x.unflatten(-1, (layer.num_heads, layer.head_dim)).transpose(1, 2)
    return pad(x, (0, spare(x.dtype)))


def _row_blocks(q: Tensor, k: Tensor, budget: Budget) -> list[slice]:
    """Return blocks of queries: a quarter of the budget is for their bias, and logits without a kernel."""
    n_samples, n_heads, height = q.shape[:3]
    copies = 2 if fused(q) else 2 + 3 * n_samples
    share = replace(budget, bytes=budget.bytes // 4)
    return blocks(height, share.blocks(height, copies * n_heads * 4 * k.shape[2]))


def _merge_along_row(local: Partial, mesh: Mesh) -> Tensor:
    """Return the attention over the keys of all columns: `online_softmax.merge` as two all-reduces."""
    if mesh.q == 1:
        return local.result()
    top = all_reduce(local.max.detach(), mesh, "row", "max")
    weight = (local.max - top).exp()
    both = torch.cat([local.out * weight[..., None], (local.sum * weight)[..., None]], dim=-1)
    both = all_reduce(both, mesh, "row")
    return both[..., :-1] / both[..., -1:]


def whole_tokens(mine: Tensor, n_tokens: int, mesh: Mesh, dim: int = 0) -> Tensor:
    """Return all tokens (…, N, …) from every rank's share `mesh.flat(N)` of them on dimension `dim`."""
    return whole(mine, mesh.flat(n_tokens), n_tokens, mesh, dim)

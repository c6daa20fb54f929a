"""The atom transformer: attention within windows of atoms, which is local once the halo has come.

Source: AlphaFold 3, supplementary algorithms 7, 23 and 24; `boltz.model.modules.transformersv2`.

What travels is the normalised input of each layer, h atoms to either neighbour, all samples in one message.
Keys and values are projected once per atom and read through overlapping windows, not K/Q times.
"""

import torch
from boltz.model.layers.attentionv2 import AttentionPairBias
from boltz.model.modules.transformersv2 import (
    AtomTransformer,
    ConditionedTransitionBlock,
    DiffusionTransformerLayer,
)
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from foldcp.mesh import Budget, Place
from foldcp.mesh.cuts import size
from foldcp.ops.atom_windows import AtomShare, with_halo
from foldcp.ops.residual import residual


def atom_transformer(
    layer: AtomTransformer, q: Tensor, c: Tensor, bias: Tensor, share: AtomShare, place: Place
) -> Tensor:
    """Return the own atoms after all layers (B, a, D); `q` stays as it is.

    Parameters
    ----------
    layer : AtomTransformer
        The serial layer.
    q : Tensor
        Own atoms (B, a, D) of B samples.
    c : Tensor
        Their conditioning (a, D), the same for all samples.
    bias : Tensor
        Logits' biases of L layers with H heads (w, Q, K, L·H).
    share : AtomShare
        The own windows.
    place : Place
        Mesh, N and budget; its bytes are for blocks of biases and of hidden activations.
    """
    layers = layer.diffusion_transformer.layers
    bias_wQKLH = bias.unflatten(-1, (len(layers), -1))
    for index, serial in enumerate(layers):
        q = _layer(serial, q, c, bias_wQKLH[..., index, :], share, place.budget)
    return q


def window_attention(
    layer: AttentionPairBias, x: Tensor, bias: Tensor, share: AtomShare, budget: Budget
) -> Tensor:
    """Return `W (σ(G x_l) ⊙ Σ_m softmax_m(q_l · k_m / √C + b_lm + inf (mask_m - 1)) v_m)`, m in l's window.

    Parameters
    ----------
    layer : AttentionPairBias
        The serial layer (second version), without a projection of pairs.
    x : Tensor
        Normalised own atoms (B, a, D); without gradients they are overwritten.
    bias : Tensor
        (w, Q, K, H).
    share : AtomShare
        The own windows.
    budget : Budget
        Bytes for queries and biases of a group of windows; torch's fused kernels store no logits.
    """
    wide = with_halo(x.transpose(0, 1).contiguous(), share)
    k_wKBHC, v_wKBHC = (
        share.key_windows(_heads(layer, project(wide))) for project in (layer.proj_k, layer.proj_v)
    )
    del wide
    absent_wK = (1 - share.key_windows(share.wide.mask)) * -layer.inf
    out = residual(x)
    x_BwQD, out_BwQD = (y.unflatten(1, (share.n_windows, share.queries)) for y in (x, out))
    words = share.queries * (2 * layer.num_heads * share.keys + 4 * len(x) * layer.c_s)
    for rows in budget.pieces(share.n_windows, 4 * words):
        if not size(rows):
            continue  # a rank without windows: the kernels refuse an empty batch
        # The kernels want keys fastest; one copy serves all samples.
        bias_wHQK = bias[rows].permute(0, 3, 1, 2).clone(memory_format=torch.contiguous_format)
        bias_wHQK += absent_wK[rows, None, None]
        queries = x_BwQD[:, rows]
        per_sample = zip(
            _heads(layer, layer.proj_q(queries)),
            k_wKBHC[rows].unbind(2),
            v_wKBHC[rows].unbind(2),
            strict=True,
        )
        o_BwQHC = torch.stack([_attend(q, k, v, bias_wHQK) for q, k, v in per_sample])
        gate = layer.proj_g(queries).sigmoid()
        out_BwQD[:, rows] = layer.proj_o(gate * o_BwQHC.flatten(-2))
    return out


def _attend(q_wQHC: Tensor, k_wKHC: Tensor, v_wKHC: Tensor, bias_wHQK: Tensor) -> Tensor:
    """Return the attention of one sample (w, Q, H, C)."""
    q, k, v = (x.transpose(1, 2) for x in (q_wQHC, k_wKHC, v_wKHC))
    return scaled_dot_product_attention(q, k, v, attn_mask=bias_wHQK).transpose(1, 2)


def _layer(
    layer: DiffusionTransformerLayer, x: Tensor, c: Tensor, bias: Tensor, share: AtomShare, budget: Budget
) -> Tensor:
    """Return atoms (B, a, D) after `x + σ(W c) ⊙ attention(adaln(x, c))`, then `x + transition(x, c)`."""
    update = window_attention(layer.pair_bias_attn, layer.adaln(x, c), bias, share, budget)
    x = x + layer.output_projection(c) * update
    return layer.post_lnorm(_transition(layer.transition, x, c, budget))


def _transition(layer: ConditionedTransitionBlock, x: Tensor, c: Tensor, budget: Budget) -> Tensor:
    """Return `x + transition(x, c)` block by block of atoms; without gradients x is overwritten."""
    out = residual(x)
    # At most: gate and value of the gated unit, both of its inputs' width, and the normalised input.
    words = 4 * layer.a_to_b.out_features + 3 * x.shape[-1]
    for rows in budget.pieces(x.shape[1], 4 * words * len(x)):
        out[:, rows] += layer(x[:, rows], c[rows])
    return out


def _heads(layer: AttentionPairBias, x: Tensor) -> Tensor:
    return x.unflatten(-1, (layer.num_heads, layer.head_dim))

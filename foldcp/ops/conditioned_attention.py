"""Attention and transition of tokens that a condition modulates, each rank on its share of the tokens.

Source: AlphaFold 3, supplementary algorithms 23 to 26; `boltz.model.modules.transformersv2`.

The condition s enters twice: by the adaptive norm `b = σ(W s) ⊙ norm(a) + V s`, and by the gate σ(P s) of the
update. Both, the projections and the transition need only the own tokens. The attention alone needs all of
them; b, N × D numbers, is therefore made whole once per layer.
"""

from boltz.model.modules.transformersv2 import ConditionedTransitionBlock, DiffusionTransformerLayer
from torch import Tensor

from foldcp.mesh import Budget, Place
from foldcp.ops.pair_bias import PairBias
from foldcp.ops.pair_bias_attention import biased_attention, whole_tokens
from foldcp.ops.residual import residual


def conditioned_attention(
    layer: DiffusionTransformerLayer,
    a: Tensor,
    s: Tensor,
    bias: PairBias,
    number: int,
    mask: Tensor,
    place: Place,
) -> Tensor:
    """Return `a + σ(P s) ⊙ attention(b)`, `b = adaptive norm(a, s)`.

    Parameters
    ----------
    layer : DiffusionTransformerLayer
        The serial layer.
    a : Tensor
        Share `mesh.flat(N)` of the tokens of B samples (B, …, D).
    s : Tensor
        The same tokens' condition (1, …, D) or (B, …, D).
    bias : PairBias
        Bias of the own pair tile, shared by the samples.
    number : int
        Which layer's bias.
    mask : Tensor
        Token mask (N,).
    place : Place
        Mesh, N and budget.
    """
    b = whole_tokens(layer.adaln(a, s), place.n_tokens, place.mesh, dim=1)
    update = biased_attention(layer.pair_bias_attn, b, bias, number, mask, place)
    out = residual(a)
    out += layer.output_projection(s) * update
    return out


def conditioned_transition(layer: ConditionedTransitionBlock, a: Tensor, s: Tensor, budget: Budget) -> Tensor:
    """Return `a + σ(P s) ⊙ W₃ (silu(W₁ b) ⊙ W₂ b)`, `b = adaptive norm(a, s)`, block by block of tokens.

    Parameters
    ----------
    layer : ConditionedTransitionBlock
        The serial layer.
    a, s : Tensor
        Tokens (B, n, D) and their condition, as above.
    budget : Budget
        Bytes for the hidden activations (2 D wide, four of them).
    """
    out = residual(a)
    words = 4 * layer.a_to_b.out_features + 4 * a.shape[2]
    for tokens in budget.pieces(a.shape[1], words * 4 * len(a)):
        out[:, tokens] += layer(a[:, tokens], s[:, tokens])
    return out

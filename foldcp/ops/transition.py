"""Transition: a gated two-layer perceptron on each pair, sequence position or token; entirely local.

Source: AlphaFold 3, supplementary algorithm 11; `boltz.model.layers.transition`.
"""

from math import prod

from boltz.model.layers.transition import Transition
from torch import Tensor

from foldcp.mesh import Budget
from foldcp.ops.residual import residual


def transition(layer: Transition, x: Tensor, budget: Budget) -> Tensor:
    """Return `x + W₃ (silu(W₁ x̂) ⊙ W₂ x̂)` with `x̂ = norm(x)`, block by block of the first dimension.

    Parameters
    ----------
    layer : Transition
        The serial layer.
    x : Tensor
        Any tile (…, D).
    budget : Budget
        Bytes for the hidden activations (4 D wide, three of them).
    """
    out = residual(x)
    words = 2 * x.shape[-1] + 3 * layer.hidden
    for rows in budget.pieces(len(x), words * 4 * prod(x.shape[1:-1])):
        out[rows] += layer(x[rows].to(layer.norm.weight.dtype))
    return out

"""Conditioning of the diffusion on the pair representation, in blocks of rows; entirely local.

Source: AlphaFold 3, supplementary algorithm 21; `boltz.model.modules.encodersv2.PairwiseConditioning`.
"""

from collections.abc import Callable

import torch
from boltz.model.modules.encodersv2 import PairwiseConditioning
from torch import Tensor

from foldcp.mesh import Budget
from foldcp.ops.precision import working_dtype
from foldcp.ops.transition import transition


def pair_conditioning(
    layer: PairwiseConditioning, z: Tensor, positions: Callable[[slice], Tensor], budget: Budget
) -> Tensor:
    """Return a new tile `x + Σ transitions(x)`, `x_ij = W norm([z_ij, p_ij])`; z stays as it is.

    Parameters
    ----------
    layer : PairwiseConditioning
        The serial layer.
    z : Tensor
        Pair tile (I, J, D) of the trunk.
    positions : callable
        Gives the relative-position encoding p of a block of the tile's rows (…, J, D).
    budget : Budget
        Bytes for a block of rows: both inputs, beside each other and normalised.

    Returns
    -------
    Tensor
        Conditioned pair tile (I, J, D), in the dtype of the products.
    """
    norm, linear = layer.dim_pairwise_init_proj
    conditioned = z.new_empty(z.shape, dtype=working_dtype(linear.weight))
    # p and what its making takes, the concatenation, its normalised copy, and the block itself.
    words = 3 * (z.shape[2] + norm.weight.shape[0])
    for rows in budget.pieces(len(z), words * 4 * z.shape[1]):
        both = (x.to(norm.weight.dtype) for x in (z[rows], positions(rows)))
        x = linear(norm(torch.cat([*both], dim=-1)))
        for each in layer.transitions:
            x = transition(each, x, budget)
        conditioned[rows] = x
    return conditioned

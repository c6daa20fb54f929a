"""Conditioning of the diffusion on tokens and noise level; entirely local.

Source: AlphaFold 3, supplementary algorithm 21; `boltz.model.modules.encodersv2.SingleConditioning`.

The part that does not depend on the noise level is computed once and serves all steps; the part that does is
the same for all samples of a step.
"""

import torch
from boltz.model.modules.encodersv2 import SingleConditioning
from torch import Tensor

from foldcp.mesh import Budget
from foldcp.ops.transition import transition


def embed_single(layer: SingleConditioning, s: Tensor, s_inputs: Tensor) -> Tensor:
    """Return `e = W norm([s, s_inputs])` (n, 2 D) of tokens (n, D) of the trunk and of the input embedder."""
    return layer.single_embed(layer.norm_single(torch.cat([s, s_inputs], dim=-1)))


def single_conditioning(layer: SingleConditioning, embedded: Tensor, time: Tensor, budget: Budget) -> Tensor:
    """Return `x + Σ transitions(x)`, `x_i = e_i + F norm(fourier(t))`.

    Parameters
    ----------
    layer : SingleConditioning
        The serial layer.
    embedded : Tensor
        `embed_single` of the tokens (n, 2 D).
    time : Tensor
        The noise level t (1,), already on the network's scale.
    budget : Budget
        Bytes for the transitions.
    """
    x = embedded + layer.fourier_to_single(layer.norm_fourier(layer.fourier_embed(time)))
    for each in layer.transitions:
        x = transition(each, x, budget)
    return x

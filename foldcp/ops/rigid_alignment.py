"""Rigid alignment: the rotation and translation that bring one set of atoms closest to another.

Source: Kabsch 1976; AlphaFold 3, supplementary algorithm 28; `boltz.model.loss.diffusionv2`.
"""

import torch
from torch import Tensor


def rigid_alignment(x: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """Return `R (x - x̄) + ȳ` with the rotation R that minimises `Σ_a w_a |R (x_a - x̄) - (y_a - ȳ)|²`.

    With `U S V = svd(Σ_a w_a (y_a - ȳ) (x_a - x̄)ᵀ)`, `R = U diag(1, 1, det(U V)) V`; means are weighted too.
    The 3 × 3 matrix is decomposed in fp64, which costs nothing and gives the same on any device.

    Parameters
    ----------
    x, target : Tensor
        Positions (B, A, 3); `target` is y.
    weights : Tensor
        w (A,), not negative; atoms of weight 0 move along.
    """
    w = (weights / weights.sum())[:, None]
    x_mean, y_mean = (w * x).sum(-2, keepdim=True), (w * target).sum(-2, keepdim=True)
    x = x - x_mean
    covariance = (w * (target - y_mean)).transpose(-1, -2) @ x
    u, _, v = torch.linalg.svd(covariance.double())
    # A reflection fits better where the determinant is -1: turn the least important axis back.
    u = torch.cat([u[..., :-1], u[..., -1:] * torch.det(u @ v)[:, None, None]], dim=-1)
    return x @ (u @ v).to(x.dtype).transpose(-1, -2) + y_mean

"""Distances between tokens, bit for bit the same in every block and on every mesh.

Source: `torch.cdist`, which Boltz calls on all tokens.
"""

import torch
from torch import Tensor

_DIRECT = 25
"""Up to this many points `torch.cdist` subtracts them; above, it expands the square."""


def distances(x: Tensor, rows: slice, columns: slice) -> Tensor:
    """Return `|x_i - x_j|` of some rows and columns of the whole matrix.

    Above 25 tokens that is `√(|x_i|² + |x_j|² - 2 x_i·x_j)`, whose cancellation leaves errors of 1e-7 |x|².
    `torch.cdist` leaves the sum of its five products to BLAS, whose order depends on the shape of the block:
    a pair at the edge of a bin would change its bin with the mesh. Here they are summed in the order that
    BLAS takes for large blocks, each fused multiply-add rounded once, as exact fp64 products allow.

    Parameters
    ----------
    x : Tensor
        Positions of all tokens (N, 3), fp32.
    rows, columns : slice
        Tokens i and j.
    """
    if len(x) <= _DIRECT:
        return torch.cdist(x[rows], x[columns], compute_mode="donot_use_mm_for_euclid_dist")
    square, one = x.pow(2).sum(dim=-1, keepdim=True), x.new_ones(len(x), 1)
    left = torch.cat([-2 * x, square, one], dim=1)[rows].double()
    right = torch.cat([x, one, square], dim=1)[columns].double()
    total = x.new_zeros(len(left), len(right))
    for a, b in zip(left.unbind(1), right.unbind(1), strict=True):
        total = torch.addcmul(total.double(), a[:, None], b).float()
    return total.clamp_min_(0).sqrt_()

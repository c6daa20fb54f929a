"""Where a residual update is written: into the tile itself at inference, into a copy under gradients."""

import torch
from torch import Tensor


def residual(x: Tensor) -> Tensor:
    """Return the tensor that takes the update of x: x itself without gradients, otherwise a copy of it."""
    return x.clone() if torch.is_grad_enabled() else x

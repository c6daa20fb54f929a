"""The number format of a wide intermediate: the weights' own, or that of the autocast region around it."""

import torch
from torch import Tensor


def working_dtype(weight: Tensor) -> torch.dtype:
    """Return what a linear layer with this weight gives here: operands that travel are kept in it.

    In-place products do not take part in autocast, so both operands and the result must agree already.
    """
    kind = weight.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else weight.dtype

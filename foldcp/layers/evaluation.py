"""The one condition on a serial layer: no dropout, which a mesh does not apply yet."""

from torch import nn

from foldcp.errors import UsageError


def check_eval(layer: nn.Module) -> None:
    """Refuse a layer in training mode: leaving its dropout out must not be silent."""
    if layer.training:
        raise UsageError(
            f"{type(layer).__name__} is in training mode; a mesh applies no dropout yet. Call .eval() first"
        )

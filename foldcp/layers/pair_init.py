"""The initial pair representation, which is never stored: rows of it are made where they are needed."""

from collections.abc import Callable

from boltz.model.models.boltz2 import Boltz2
from torch import Tensor, nn

from foldcp.features import Features
from foldcp.ops.pair_features import bond_features, contact_features
from foldcp.ops.relative_position import relative_position


class PairInit(nn.Module):
    """z_init of `boltz.model.models.boltz2.Boltz2.forward`, for any block of pairs.

    Parameters
    ----------
    model : Boltz2
        The serial model.
    """

    def __init__(self, model: Boltz2) -> None:
        super().__init__()
        self.model = model

    def forward(self, s_inputs: Tensor, features: Features, columns: slice) -> Callable[[slice], Tensor]:
        """Return a function that makes rows (…, J, D) of z_init: new memory, in the weights' format.

        Parameters
        ----------
        s_inputs : Tensor
            Input embedding (N, D_s), whole.
        features : Features
            Features of the complex, on the host.
        columns : slice
            Tokens j of all rows: C_c.
        """
        model = self.model
        tokens, pairs = features.tokens.to(s_inputs.device), features.pairs
        cyclic = any(features.tokens.cyclic_period.tolist())
        left, right_J = model.z_init_1(s_inputs), model.z_init_2(s_inputs[columns])

        def rows_of(rows: slice) -> Tensor:
            block = relative_position(model.rel_pos, tokens, rows, columns, cyclic)
            block += left[rows, None]
            block += right_J
            block += bond_features(model, pairs, rows, columns)
            block += contact_features(model.contact_conditioning, pairs, rows, columns)
            return block

        return rows_of

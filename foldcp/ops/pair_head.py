"""A linear head from a pair to bins; only its logits of a block of pairs ever exist.

Source: `boltz.model.modules.confidencev2.ConfidenceHeads`, `boltz.model.modules.trunkv2.DistogramModule`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

ALL = slice(None)


@dataclass(frozen=True)
class PairHead:
    """One linear layer for all pairs, or one for pairs within a chain and one for pairs between chains.

    Attributes
    ----------
    intra
        The serial layer; of all pairs if there is no `inter`.
    inter
        The serial layer of pairs between chains.
    asym_id
        Chain of each token (N,); needed with `inter`.
    """

    intra: nn.Linear
    inter: nn.Linear | None = None
    asym_id: Tensor | None = None

    def logits(self, z: Tensor, rows: slice, columns: slice, bins: slice = ALL) -> Tensor:
        """Return `W z_ij` of some bins, (I, J, G), without the bias.

        Parameters
        ----------
        z : Tensor
            Block of pairs (I, J, D), all tokens `rows` with all tokens `columns`.
        rows, columns : slice
            Which tokens of all N these are.
        bins : slice
            Which bins.
        """
        weight = self.intra.weight[bins]
        z = z.to(weight.dtype)
        if self.inter is None or self.asym_id is None:
            return linear(z, weight)
        same = self.asym_id[rows, None] == self.asym_id[columns]
        intra, inter = linear(z, torch.cat([weight, self.inter.weight[bins]])).chunk(2, dim=-1)
        return torch.where(same[..., None], intra, inter)

    @property
    def width(self) -> int:
        """Numbers per bin and pair that `logits` makes on its way."""
        return 1 if self.inter is None else 3

"""An MSA layer on tiles: the alignment reads the pairs, the pairs read the alignment, then the pair stack."""

from boltz.model.modules import trunkv2
from torch import Tensor, nn

from foldcp.layers.evaluation import check_eval
from foldcp.layers.pair_stack import PairStack
from foldcp.mesh import Place
from foldcp.ops import outer_product_mean, pair_averaging, transition


class MSALayer(nn.Module):
    """`boltz.model.modules.trunkv2.MSALayer` on tiles.

    Parameters
    ----------
    layer : MSALayer
        The serial layer, in evaluation mode.
    """

    def __init__(self, layer: trunkv2.MSALayer) -> None:
        super().__init__()
        self.layer = layer
        self.pair_stack = PairStack(layer.pairformer_layer)

    def forward(
        self, z: Tensor, m: Tensor, pair_mask: Tensor, msa_mask: Tensor, n_sequences: int, place: Place
    ) -> tuple[Tensor, Tensor]:
        """Return the updated pair tile (I, J, D) and alignment tile (S, J, D_m).

        Without gradients both are overwritten.

        Parameters
        ----------
        z, pair_mask : Tensor
            Pair tile (I, J, D) and its mask (I, J).
        m, msa_mask : Tensor
            Alignment tile (S, J, D_m) and its mask (S, J): sequences over mesh rows, tokens over mesh
            columns.
        n_sequences : int
            Sequences of the whole alignment.
        place : Place
            Mesh, N and budget.
        """
        layer = self.layer
        check_eval(layer)
        m = pair_averaging(layer.pair_weighted_averaging, m, z, pair_mask, n_sequences, place)
        m = transition(layer.msa_transition, m, place.budget)
        z = outer_product_mean(layer.outer_product_mean, m, msa_mask, z, n_sequences, place)
        return self.pair_stack(z, pair_mask, place), m

"""The five updates of a pair tile that Pairformer, MSA, template and confidence layers share."""

from boltz.model.layers import pairformer
from torch import Tensor, nn

from foldcp.layers.evaluation import check_eval
from foldcp.mesh import Place
from foldcp.ops import transition, triangle_attention, triangle_multiplication


class PairStack(nn.Module):
    """The pair track of a serial `PairformerLayer` or `PairformerNoSeqLayer` on tiles.

    Parameters
    ----------
    layer : PairformerLayer or PairformerNoSeqLayer
        The serial layer.
    """

    def __init__(self, layer: pairformer.PairformerLayer | pairformer.PairformerNoSeqLayer) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, z: Tensor, mask: Tensor, place: Place) -> Tensor:
        """Return the updated pair tile (I, J, D); without gradients it is `z` itself, overwritten.

        Parameters
        ----------
        z, mask : Tensor
            Pair tile (I, J, D) and its mask (I, J).
        place : Place
            Mesh, N and budget.
        """
        layer = self.layer
        check_eval(layer)
        z = triangle_multiplication(layer.tri_mul_out, z, mask, place)
        z = triangle_multiplication(layer.tri_mul_in, z, mask, place)
        z = triangle_attention(layer.tri_att_start, z, mask, place)
        z = triangle_attention(layer.tri_att_end, z, mask, place)
        return transition(layer.transition_z, z, place.budget)

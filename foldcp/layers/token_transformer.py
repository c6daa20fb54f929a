"""The token transformer of the diffusion module on tiles."""

from boltz.model.modules.transformersv2 import DiffusionTransformer
from torch import Tensor, nn

from foldcp.layers.evaluation import check_eval
from foldcp.mesh import Place
from foldcp.ops.conditioned_attention import conditioned_attention, conditioned_transition
from foldcp.ops.pair_bias import PairBias


class TokenTransformer(nn.Module):
    """`boltz.model.modules.transformersv2.DiffusionTransformer` over tokens, each rank on its share of them.

    Parameters
    ----------
    layer : DiffusionTransformer
        The serial module, in evaluation mode.
    """

    def __init__(self, layer: DiffusionTransformer) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, a: Tensor, s: Tensor, bias: PairBias, mask: Tensor, place: Place) -> Tensor:
        """Return the updated tokens (B, …, D): the share `mesh.flat(N)` that was given.

        Parameters
        ----------
        a : Tensor
            The share of the tokens of B samples (B, …, D), overwritten without gradients.
        s : Tensor
            The same tokens' condition (1, …, D), the same for all samples, or (B, …, D).
        bias : PairBias
            Bias of each layer on the own pair tile.
        mask : Tensor
            Token mask (N,), whole on every rank.
        place : Place
            Mesh, N and budget.
        """
        check_eval(self.layer)
        for number, block in enumerate(self.layer.layers):
            a = conditioned_attention(block, a, s, bias, number, mask, place)
            a = conditioned_transition(block.transition, a, s, place.budget)
            a = block.post_lnorm(a)
        return a

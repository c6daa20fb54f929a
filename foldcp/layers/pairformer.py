"""A Pairformer layer on tiles: the pair stack, then attention and transition of the tokens."""

import torch
from boltz.model.layers import pairformer
from torch import Tensor, nn

from foldcp.layers.pair_stack import PairStack
from foldcp.mesh import Place
from foldcp.ops import pair_bias_attention, transition
from foldcp.ops.pair_bias_attention import whole_tokens


class PairformerLayer(nn.Module):
    """`boltz.model.layers.pairformer.PairformerLayer` (second version) on tiles.

    Parameters
    ----------
    layer : PairformerLayer
        The serial layer, in evaluation mode.
    """

    def __init__(self, layer: pairformer.PairformerLayer) -> None:
        super().__init__()
        self.pair_stack = PairStack(layer)

    def forward(
        self, s: Tensor, z: Tensor, mask: Tensor, pair_mask: Tensor, place: Place
    ) -> tuple[Tensor, Tensor]:
        """Return the updated tokens (N, D_s), whole on every rank, and pair tile (I, J, D).

        Parameters
        ----------
        s, mask : Tensor
            Tokens (N, D_s) and token mask (N,), whole on every rank.
        z, pair_mask : Tensor
            Pair tile (I, J, D), overwritten without gradients, and its mask (I, J).
        place : Place
            Mesh, N and budget.
        """
        layer, mesh = self.pair_stack.layer, place.mesh
        z = self.pair_stack(z, pair_mask, place)
        # The serial layer keeps the tokens in fp32, whatever the pairs are in.
        with torch.autocast(s.device.type, enabled=False):
            s = s.float()
            # Each rank works on its share of the tokens; only then are they whole again.
            mine = mesh.flat(len(s))
            update = pair_bias_attention(layer.attention, layer.pre_norm_s(s), z, mask.float(), place)
            share = transition(layer.transition_s, s[mine] + update, place.budget)
            return whole_tokens(layer.s_post_norm(share), len(s), mesh), z

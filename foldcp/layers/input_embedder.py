"""The input embedder: what a token is, from its atoms, its type and its column of the alignment."""

import torch
from boltz.data import const
from boltz.model.modules import trunkv2
from torch import Tensor, nn

from foldcp.features import Features
from foldcp.layers.atom_encoder import AtomAttentionEncoder, AtomEmbedding
from foldcp.mesh import Place
from foldcp.ops.atom_features import one_hot_rows
from foldcp.ops.atom_windows import AtomShare


class InputEmbedder(nn.Module):
    """`boltz.model.modules.trunkv2.InputEmbedder` on windows cut over all ranks.

    Parameters
    ----------
    layer : InputEmbedder
        The serial layer.
    """

    def __init__(self, layer: trunkv2.InputEmbedder) -> None:
        super().__init__()
        self.layer = layer
        self.atom_embedding = AtomEmbedding(layer.atom_encoder)
        self.atom_attention = AtomAttentionEncoder(layer.atom_attention_encoder)

    def forward(self, features: Features, share: AtomShare, place: Place) -> Tensor:
        """Return the tokens `s_inputs` (N, D_s) in fp32, whole on every rank.

        Parameters
        ----------
        features : Features
            Features of the complex.
        share : AtomShare
            The own windows.
        place : Place
            Mesh, N and budget.
        """
        layer, tokens = self.layer, features.tokens.to(share.device)
        q, c, bias = self.atom_embedding(share, place, project=layer.atom_enc_proj_z)
        with torch.autocast(share.device.type, enabled=False):
            s = self.atom_attention(q, c, bias, share, place)[0][0]
            column = torch.cat([tokens.profile, tokens.deletion_mean[:, None]], dim=-1)
            s = s + layer.res_type_encoding(one_hot_rows(tokens.res_type, const.num_tokens))
            s = s + layer.msa_profile_encoding(column)
            if layer.add_method_conditioning:
                s = s + layer.method_conditioning_init(tokens.method)
            if layer.add_modified_flag:
                s = s + layer.modified_conditioning_init(tokens.modified)
            if layer.add_cyclic_flag:
                s = s + layer.cyclic_conditioning_init(tokens.cyclic_period.clamp(max=1)[:, None])
            if layer.add_mol_type_feat:
                s = s + layer.mol_type_conditioning_init(tokens.mol_type)
            return s

"""The trunk on tiles: recycling, templates, alignment, Pairformer, pass after pass on one pair tile."""

import torch
from boltz.model.models.boltz2 import Boltz2
from torch import Tensor, nn

from foldcp.features import Features
from foldcp.layers import PairformerLayer
from foldcp.layers.msa_module import MSAModule
from foldcp.layers.pair_init import PairInit
from foldcp.layers.template import TemplateModule
from foldcp.mesh import Place
from foldcp.ops.recycling import recycle


class Trunk(nn.Module):
    """The trunk of `boltz.model.models.boltz2.Boltz2.forward` on tiles.

    Parameters
    ----------
    model : Boltz2
        The serial model, in evaluation mode.
    """

    def __init__(self, model: Boltz2) -> None:
        super().__init__()
        self.model = model
        self.pair_init = PairInit(model)
        self.template = TemplateModule(model.template_module) if model.use_templates else None
        self.msa = MSAModule(model.msa_module)
        self.pairformer = nn.ModuleList(PairformerLayer(layer) for layer in model.pairformer_module.layers)

    def forward(
        self,
        s_inputs: Tensor,
        features: Features,
        place: Place,
        recycles: int,
        alignment_seed: int,
        pair_dtype: torch.dtype = torch.float32,
    ) -> tuple[Tensor, Tensor]:
        """Return the tokens (N, D_s), whole on every rank, and the pair tile (I, J, D).

        Parameters
        ----------
        s_inputs : Tensor
            Input embedding (N, D_s), whole on every rank.
        features : Features
            Features of the complex, on the host.
        place : Place
            Mesh, N and budget.
        recycles : int
            Passes after the first.
        alignment_seed : int
            Seeds the choice of sequences in each pass, where the model takes a subset: not below 0.
        pair_dtype : torch.dtype
            Format of the pair tile.
        """
        model, mesh, n = self.model, place.mesh, place.n_tokens
        rows, columns = mesh.rows(n), mesh.columns(n)
        mask = features.tokens.mask.to(s_inputs.device)
        pair_mask = mask[rows, None] * mask[columns]
        z_init, s_init = self.pair_init(s_inputs, features, columns), model.s_init(s_inputs)
        s = torch.zeros_like(s_init)
        z = s_inputs.new_zeros(*pair_mask.shape, model.z_norm.normalized_shape[0], dtype=pair_dtype)
        for cycle in range(recycles + 1):
            s = s_init + model.s_recycle(model.s_norm(s))
            z = recycle(model.z_norm, model.z_recycle, z, z_init, place)
            if self.template is not None:
                z = self.template(z, features, pair_mask, place)
            seed = (alignment_seed, cycle)
            z = self.msa(z, s_inputs, features.alignment, pair_mask, place, seed)
            for layer in self.pairformer:
                s, z = layer(s, z, mask, pair_mask, place)
        return s, z

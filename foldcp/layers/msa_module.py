"""The MSA module on tiles: sequences of the alignment over mesh rows, its tokens over mesh columns."""

from dataclasses import fields

import numpy as np
import torch
from boltz.model.modules import trunkv2
from torch import Tensor, nn

from foldcp.features import Alignment
from foldcp.layers.msa import MSALayer
from foldcp.mesh import Place
from foldcp.ops.alignment_features import alignment_features
from foldcp.ops.residual import residual


class MSAModule(nn.Module):
    """`boltz.model.modules.trunkv2.MSAModule` on tiles.

    Parameters
    ----------
    layer : MSAModule
        The serial layer, in evaluation mode.
    """

    def __init__(self, layer: trunkv2.MSAModule) -> None:
        super().__init__()
        self.layer = layer
        self.layers = nn.ModuleList(MSALayer(block) for block in layer.layers)

    def forward(
        self,
        z: Tensor,
        s_inputs: Tensor,
        alignment: Alignment,
        pair_mask: Tensor,
        place: Place,
        seed: tuple[int, int],
    ) -> Tensor:
        """Return `z + msa_module(z)`, as Boltz has it; without gradients it is `z`, overwritten.

        The module's blocks are residual themselves, so z counts twice. It must be kept meanwhile, for no
        block can be undone: this is where the trunk holds a second tile.

        Parameters
        ----------
        z, pair_mask : Tensor
            Pair tile (I, J, D) and its mask (I, J).
        s_inputs : Tensor
            Input embedding (N, D_s), whole.
        alignment : Alignment
            The whole alignment, on the host.
        place : Place
            Mesh, N and budget.
        seed : tuple of int
            Seeds the choice of sequences, where the model takes a subset: not below 0, equal on all ranks.
        """
        mesh = place.mesh
        columns = mesh.columns(place.n_tokens)
        chosen = self._chosen(len(alignment.residues), seed)
        tile = _tile(alignment, chosen[mesh.rows(len(chosen))], columns).to(z.device)
        m = alignment_features(self.layer, tile, s_inputs[columns], place.budget)
        before, msa_mask = z.clone(), tile.mask.float()
        for layer in self.layers:
            z, m = layer(z, m, pair_mask, msa_mask, len(chosen), place)
        out = residual(z)
        out += before
        return out

    def _chosen(self, n_sequences: int, seed: tuple[int, int]) -> list[int]:
        """Return which sequences take part: all, or as many as the model takes, at random."""
        if not self.layer.subsample_msa or n_sequences <= self.layer.num_subsampled_msa:
            return list(range(n_sequences))
        order = np.random.default_rng(seed).permutation(n_sequences)
        return order[: self.layer.num_subsampled_msa].tolist()


def _tile(alignment: Alignment, sequences: list[int], columns: slice) -> Alignment:
    """Return some sequences and tokens of an alignment."""
    rows = torch.tensor(sequences, dtype=torch.long)
    return Alignment(
        **{field.name: getattr(alignment, field.name)[rows, columns] for field in fields(alignment)}
    )

"""Alignment embedding: the first alignment representation m, of one rank's sequences and tokens.

Source: AlphaFold 3, supplementary algorithm 8, lines 1-4; `boltz.model.modules.trunkv2.MSAModule`.
"""

import math

import torch
from boltz.data import const
from boltz.model.modules.trunkv2 import MSAModule
from torch import Tensor
from torch.nn.functional import embedding, linear

from foldcp.features import Alignment
from foldcp.mesh import Budget
from foldcp.ops.precision import working_dtype


def alignment_features(layer: MSAModule, alignment: Alignment, s_inputs_J: Tensor, budget: Budget) -> Tensor:
    """Return `m_sj = W[residue_sj] + V [d > 0, π/2 atan(d/3), paired]_sj + P s_j` with deletions d.

    Parameters
    ----------
    layer : MSAModule
        The serial layer.
    alignment : Alignment
        This rank's tile of the alignment (S, J), on the layer's device.
    s_inputs_J : Tensor
        Input embedding of the tile's tokens (J, D_s).
    budget : Budget
        Bytes for a block of sequences.

    Returns
    -------
    Tensor
        Alignment tile (S, J, D_m), in the format that a linear layer gives here.
    """
    weight = layer.msa_proj.weight
    of_residue, of_flags = weight.split([const.num_tokens, weight.shape[1] - const.num_tokens], dim=1)
    from_token = layer.s_proj(s_inputs_J)
    m = weight.new_empty(*alignment.residues.shape, len(weight), dtype=working_dtype(weight))
    for rows in budget.pieces(len(m), (3 * len(weight) + 12) * 4 * m.shape[1]):
        deletions = alignment.deletions[rows].float()
        flags = [deletions > 0, math.pi / 2 * torch.atan(deletions / 3), alignment.paired[rows]]
        x = torch.stack(flags[: of_flags.shape[1]], dim=-1)  # models of an older kind do not read `paired`
        block = embedding(alignment.residues[rows].long(), of_residue.T)
        block += linear(x, of_flags)
        block += from_token
        m[rows] = block
    return m

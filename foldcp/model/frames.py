"""Which tokens have a valid frame in a predicted structure: three atoms neither coincident nor in line.

Source: AlphaFold 3, supplementary section 4.3.2; `boltz.model.layers.confidence_utils.compute_frame_pred`.
"""

import torch
from boltz.model.layers.confidence_utils import compute_collinear_mask
from torch import Tensor

from foldcp.features import Tokens
from foldcp.mesh import Budget
from foldcp.model.chains import Ligand


def valid_frames(x: Tensor, tokens: Tokens, ligands: list[Ligand], budget: Budget) -> Tensor:
    """Return 1 where an unmasked token's frame is valid, else 0: (N,), whole on every rank.

    The frame of a polymer's token is that of its features. An atom of a ligand takes the two atoms of the
    ligand nearest to it, in this structure.

    Parameters
    ----------
    x : Tensor
        Coordinates of one sample (A, 3) in ångströms, whole on every rank.
    tokens : Tokens
        Tokens, on the device of x.
    ligands : list of Ligand
        From `Chains`.
    budget : Budget
        Bytes for a block of rows of a ligand's distance matrix.
    """
    frames = tokens.frame_atoms.clone()
    for ligand in ligands:
        frames[ligand.tokens] = _nearest_two(x[ligand.atoms.to(x.device)], budget) + ligand.first
    a, b, c = x[frames].unbind(1)
    return compute_collinear_mask(b - a, b - c) * tokens.mask


def _nearest_two(x: Tensor, budget: Budget) -> Tensor:
    """Return for each atom its neighbour, itself and its second neighbour (M, 3)."""
    found = []
    for rows in budget.pieces(len(x), 8 * 4 * len(x)):
        # Sorted as in the serial model, so that ties fall alike: `topk` breaks them otherwise.
        distance = ((x[None] - x[rows, None]) ** 2).sum(dim=-1) ** 0.5
        found.append(distance.sort(dim=1).indices[:, :3])
    return torch.cat(found)[:, [1, 0, 2]]

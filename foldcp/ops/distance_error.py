"""Means of the predicted distance error over the pairs that are probably in contact.

Source: `boltz.model.modules.confidencev2.ConfidenceHeads` (complex PDE and interface PDE).
"""

import torch
from torch import Tensor

from foldcp.mesh import Place, all_reduce
from foldcp.mesh.cuts import shift


def mean_distance_error(
    pde: Tensor, contact: Tensor, mask: Tensor, asym_id: Tensor, place: Place
) -> tuple[Tensor, Tensor]:
    """Return `Σ_ij w_ij PDE_ij / Σ_ij w_ij` over all pairs and over pairs between chains, on every rank.

    `w_ij = P(contact)_ij mask_i mask_j (i ≠ j)`. The interface's divisor has the 1e-5 of the serial model.

    Parameters
    ----------
    pde, contact : Tensor
        Tiles (I, J): expected error in ångströms, and probability of a contact.
    mask, asym_id : Tensor
        Token mask and chain of each token (N,).
    place : Place
        Mesh, N and budget.
    """
    mesh, n = place.mesh, place.n_tokens
    own, columns = mesh.rows(n), mesh.columns(n)
    token = torch.arange(n, device=mask.device)
    sums = pde.new_zeros(4, dtype=torch.float64)  # as many terms as pairs
    for block in place.budget.pieces(len(pde), 6 * 4 * pde.shape[1]):
        rows = shift(block, -own.start)
        weight = contact[block] * mask[rows, None] * mask[columns] * (token[rows, None] != token[columns])
        between = weight * (asym_id[rows, None] != asym_id[columns])
        terms = (weight * pde[block], weight, between * pde[block], between)
        sums += torch.stack([term.sum(dtype=torch.float64) for term in terms])
    error, total, error_between, total_between = all_reduce(sums, mesh, "everyone").float().unbind()
    return error / total, error_between / (total_between + 1e-5)

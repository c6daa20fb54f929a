"""From atoms to their tokens and back, by index lists: a dense atom-by-token matrix would be A × N.

Source: AlphaFold 3, supplementary algorithms 5 and 6; `boltz.model.modules.encodersv2`.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from foldcp.mesh import Place, all_reduce
from foldcp.ops.atom_windows import AtomShare


def atoms_to_tokens(
    project: Callable[[Tensor], Tensor], width: int, x: Tensor, share: AtomShare, place: Place
) -> Tensor:
    """Return the mean of `project(x_l)` over the atoms l of each token, whole on every rank.

    Forward: own sums by index, one sum over all ranks, division by `count + 1e-6` as upstream. The projection
    is wider than the atoms, so it exists for a block of them only.

    Parameters
    ----------
    project : callable
        What is averaged of an atom: (…, D) to (…, C).
    width : int
        C.
    x : Tensor
        Own atoms (B, a, D).
    share : AtomShare
        The own atoms' tokens.
    place : Place
        Mesh, N and budget; its bytes are for projected atoms.

    Returns
    -------
    Tensor
        Tokens (B, N, C); zero for one without atoms.
    """
    n_tokens = share.n_tokens
    # Atoms without a token are summed into a row of their own, which is then left out.
    row = torch.where(share.atoms.token < 0, n_tokens, share.atoms.token)
    total = x.new_zeros(len(x), n_tokens + 1, width)
    for atoms in place.budget.pieces(share.size, 3 * 4 * width * len(x)):
        total.index_add_(1, row[atoms], project(x[:, atoms]))
    total = all_reduce(total[:, :n_tokens], share.mesh, "everyone")
    return total / (share.atoms_per_token[:, None] + 1e-6)


def tokens_to_atoms(x: Tensor, share: AtomShare) -> Tensor:
    """Return each own atom's token (B, a, D) of whole tokens (B, N, D); zero for an atom without one."""
    token = share.atoms.token
    return x[:, token.clamp(min=0)] * (token >= 0).to(x.dtype)[:, None]

"""Scores of interfaces while folding: from this rank's tile of the aligned error, which is never gathered."""

import torch
from boltz.data import const
from torch import Tensor

from foldcp.features import Tokens
from foldcp.mesh import Place
from foldcp.model.chains import Chains
from foldcp.ops.interface_scores import interface_scores, rows_of
from foldcp.ops.interface_sums import Residues

_NUCLEIC = ("DNA", "RNA")


def interfaces(
    pae: Tensor, coordinates: Tensor, tokens: Tokens, chains: Chains, place: Place
) -> dict[str, Tensor]:
    """Return the scores of `foldcp.scores.interface_errors.InterfaceErrors` by name, (C, C) in fp64.

    They are the same on every rank. Beside the tile they take O(N × C), and a block within the budget.

    Parameters
    ----------
    pae : Tensor
        This rank's tile (I, J) of the expected aligned error in ångströms.
    coordinates : Tensor
        Atom positions (A, 3) of the sample in ångströms, whole on every rank.
    tokens : Tokens
        Tokens, on the device of the tile.
    chains : Chains
        Chains, in whose order the scores are.
    place : Place
        Mesh, N and budget.
    """
    nucleic = torch.isin(chains.kinds, torch.tensor([const.chain_type_ids[kind] for kind in _NUCLEIC]))
    counted = (tokens.contact_atom >= 0) & (tokens.mask > 0)
    contact = coordinates[tokens.contact_atom.clamp(min=0)]
    of_token, nucleic = chains.of_token.to(pae.device), nucleic.to(pae.device)
    return interface_scores(rows_of(pae), Residues.of(of_token, counted, contact, nucleic), place)

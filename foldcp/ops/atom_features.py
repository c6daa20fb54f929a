"""The embedding of atoms from their reference conformer: one-hot features that exist for few atoms at a time.

Source: AlphaFold 3, supplementary algorithm 5, line 1; `boltz.model.modules.encodersv2.AtomEncoder`.
"""

import torch
from boltz.data import const
from boltz.model.modules.encodersv2 import AtomEncoder
from torch import Tensor

from foldcp.mesh import Budget
from foldcp.ops.atom_windows import AtomShare

_BACKBONE = 1 + len(const.protein_backbone_atom_index) + len(const.nucleic_backbone_atom_index)
_CHARACTERS = 64


def atom_embedding(layer: AtomEncoder, share: AtomShare, budget: Budget) -> Tensor:
    """Return `c_l = W f_l + b` of the own atoms (a, D), f being their features side by side.

    Parameters
    ----------
    layer : AtomEncoder
        The serial layer; its options say which features there are.
    share : AtomShare
        The own atoms.
    budget : Budget
        Bytes for expanded features.
    """
    width = layer.embed_atom_features.in_features
    pieces = budget.pieces(share.size, 3 * 4 * width)
    return torch.cat([layer.embed_atom_features(_features(layer, share, rows)) for rows in pieces])


def one_hot_rows(classes: Tensor, n: int) -> Tensor:
    """Return the one-hot rows (…, n) of classes (…,); a row of zeros for -1."""
    return (classes[..., None] == torch.arange(n, device=classes.device)).float()


def _features(layer: AtomEncoder, share: AtomShare, rows: slice) -> Tensor:
    atoms = share.atoms
    columns = [
        atoms.ref_pos[rows],
        atoms.ref_charge[rows, None],
        one_hot_rows(atoms.ref_element[rows], const.num_elements),
    ]
    if not layer.use_no_atom_char:
        columns.append(one_hot_rows(atoms.ref_chars[rows], _CHARACTERS).flatten(1))
    if layer.use_atom_backbone_feat:
        columns.append(one_hot_rows(atoms.backbone[rows], _BACKBONE))
    if layer.use_residue_feats_atoms:
        res_type, modified, mol_type = share.residue[rows].unbind(-1)
        columns.append(one_hot_rows(res_type, const.num_tokens))
        columns.append(modified[:, None].clamp(min=0).float())
        columns.append(one_hot_rows(mol_type, len(const.chain_type_ids)))
    return torch.cat(columns, dim=-1)

"""The chains of a complex, and the atoms of its ligands: what the confidence scores must know on the host."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from boltz.data import const
from torch import Tensor

from foldcp.features import Features


class Ligand(NamedTuple):
    """A ligand of three atoms or more, whose frames follow from the predicted coordinates.

    `tokens` get the frames; `first` is the number of atoms before the ligand, its own are `atoms` (M,).
    """

    tokens: slice
    first: int
    atoms: Tensor


@dataclass(frozen=True)
class Chains:
    """Chains in the order of their identifiers.

    Attributes
    ----------
    ids
        `asym_id` of each of the C chains.
    of_token
        int64 (N,). Position in `ids` of each token's chain.
    kinds
        int64 (C,). Molecule type of each chain.
    ligands
        The ligands that have frames.
    """

    ids: list[int]
    of_token: Tensor
    kinds: Tensor
    ligands: list[Ligand]

    @classmethod
    def create(cls, features: Features) -> "Chains":
        """Return the chains of a complex, with all tensors on the host."""
        asym_id, mol_type = _array(features.tokens.asym_id), _array(features.tokens.mol_type)
        ids, first, of_token = np.unique(asym_id, return_index=True, return_inverse=True)
        kinds = mol_type[first]
        return cls(ids.tolist(), torch.tensor(of_token), torch.tensor(kinds), _ligands(features, ids))


def _ligands(features: Features, ids: np.ndarray) -> list[Ligand]:
    """Return the ligands with frames, their tokens and atoms counted as the serial model counts them.

    It numbers the tokens and atoms that are not masked, and puts frames at these numbers.
    """
    asym_id, mol_type = _array(features.tokens.asym_id), _array(features.tokens.mol_type)
    present, token = _array(features.tokens.mask) > 0, _array(features.atoms.token)
    chain_of_atom = np.where(token >= 0, asym_id[token], 0)
    chain_of_atom[_array(features.atoms.mask) == 0] = -1
    found, first_token, first_atom = [], 0, 0
    for chain in ids:
        atoms = np.flatnonzero(chain_of_atom == chain)
        tokens = slice(first_token, first_token + len(atoms))
        is_ligand = mol_type[first_token] == const.chain_type_ids["NONPOLYMER"]
        if is_ligand and len(atoms) >= 3 and tokens.stop <= len(asym_id):
            found.append(Ligand(tokens, first_atom, torch.tensor(atoms)))
        first_token += int((present & (asym_id == chain)).sum())
        first_atom += len(atoms)
    return found


def _array(x: Tensor) -> np.ndarray:
    # Not `x.numpy()`: the values must be the real ones under a trace on fake tensors too.
    return np.array(x.tolist())

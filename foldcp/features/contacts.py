"""The atom of each residue at which contacts are measured: Cβ, or C3' of a nucleotide."""

from functools import cache
from typing import Any

import torch
from boltz.data import const
from torch import Tensor

from foldcp.features.atom_rows import AtomRows

_CENTRE = {"PROTEIN": "CA", "DNA": "C1'", "RNA": "C1'"}
"""Atom without which a residue does not count, as ipsae.py has it; a ligand has none."""
_CONTACT = {"PROTEIN": "CB", "DNA": "C3'", "RNA": "C3'"}


def contact_atoms(tokenized: Any, rows: AtomRows) -> Tensor:
    """Return (N,): the atom's index, that of the centre where it lacks (glycine); -1 for what is no residue.

    A token of a modified residue is looked at by the names of its atoms, as any other.
    """
    tokens = tokenized.tokens
    names = tokenized.structure.atoms["name"][rows.row].tolist()
    columns = tokens["mol_type"].tolist(), tokens["atom_num"].tolist(), rows.first.tolist()
    atoms = [
        -1 if (offset := _offset(mol_type, tuple(names[first : first + count]))) is None else first + offset
        for mol_type, count, first in zip(*columns, strict=True)
    ]
    return torch.tensor(atoms, dtype=torch.long)


@cache
def _offset(mol_type: int, names: tuple[str, ...]) -> int | None:
    """Return where the atom stands among the token's; None where the token is no residue."""
    kind = const.chain_types[mol_type]
    if _CENTRE.get(kind) not in names:
        return None
    return names.index(_CONTACT[kind] if _CONTACT[kind] in names else _CENTRE[kind])

"""Features of the atoms: what their chemical components say of them, and their reference positions.

All atoms of one name in one component are alike, so each such kind is looked up once and then indexed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from boltz.data import const
from boltz.data.feature.featurizerv2 import convert_atom_name
from torch import Tensor
from torch.nn.functional import pad

from foldcp.errors import InputError
from foldcp.features.atom_rows import AtomRows
from foldcp.features.compact import Atoms
from foldcp.features.conformers import conformer_positions

WINDOW = 32
"""Atoms are padded to whole windows of queries."""
_NAME_CHARACTERS = 64


@dataclass(frozen=True)
class _Component:
    """What the atoms of one kind share; arrays over kinds, or over atoms once indexed."""

    index: np.ndarray
    element: np.ndarray
    charge: np.ndarray
    chars: np.ndarray
    backbone: np.ndarray

    def __getitem__(self, kind: np.ndarray) -> "_Component":
        return _Component(*(getattr(self, name)[kind] for name in self.__dataclass_fields__))


def atom_features(tokenized: Any, molecules: Mapping[str, Any], rows: AtomRows, seed: int) -> Atoms:
    """Return the features of the atoms.

    Parameters
    ----------
    tokenized
        Boltz's `Tokenized`.
    molecules
        Component name to RDKit molecule.
    rows
        Index maps of `tokenized.tokens`.
    seed
        Seed of the random rotations of the reference conformers.
    """
    table = tokenized.structure.atoms
    kinds, kind = np.unique(_kinds(tokenized.tokens, table, rows), return_inverse=True)
    atoms = _components(kinds, molecules)[kind]
    position, uid = conformer_positions(
        tokenized.tokens, molecules, rows, atoms.index, torch.from_numpy(table["is_present"][rows.row]), seed
    )
    return Atoms(
        ref_pos=_padded(position, 0),
        ref_charge=_padded(torch.from_numpy(atoms.charge).float(), 0),
        ref_element=_padded(torch.from_numpy(atoms.element), -1),
        ref_chars=_padded(torch.from_numpy(atoms.chars), -1),
        backbone=_padded(torch.from_numpy(atoms.backbone), -1),
        ref_space_uid=_padded(torch.from_numpy(uid), 0),
        token=_padded(torch.from_numpy(rows.token), -1),
        mask=_padded(torch.ones(len(rows.row)), 0),
    )


def _padded(values: Tensor, value: int) -> Tensor:
    columns = [0, 0] * (values.dim() - 1)
    return pad(values, (*columns, 0, -len(values) % WINDOW), value=value)


def _kinds(tokens: Any, table: Any, rows: AtomRows) -> np.ndarray:
    """Return (a,): the molecule type, component and name of each atom."""
    names = table["name"][rows.row]
    columns = tokens["mol_type"][rows.token], tokens["res_name"][rows.token], names
    types = zip(("mol_type", "component", "name"), columns, strict=True)
    kinds = np.empty(len(names), [(name, column.dtype) for name, column in types])
    kinds["mol_type"], kinds["component"], kinds["name"] = columns
    return kinds


def _components(kinds: np.ndarray, molecules: Mapping[str, Any]) -> _Component:
    @cache
    def atoms_of(component: str) -> dict[str, Any]:
        return {atom.GetProp("name"): atom for atom in molecules[component].GetAtoms()}

    found = []
    for mol_type, component, name in kinds.tolist():
        atom = atoms_of(component)[name]
        properties = atom.GetIdx(), atom.GetAtomicNum(), atom.GetFormalCharge()
        found.append((*properties, _characters(component, name), _backbone(mol_type, name)))
    columns = (np.array(column, np.int64) for column in zip(*found, strict=True))
    return _Component(*columns)


def _characters(component: str, name: str) -> tuple[int, ...]:
    characters = convert_atom_name(name)
    if not all(0 <= character < _NAME_CHARACTERS for character in characters):
        raise InputError(f"atom {name!r} of {component} has a name that Boltz-2 cannot represent")
    return characters


def _backbone(mol_type: int, name: str) -> int:
    """Return the class of a backbone atom: 0 = none, then those of proteins, then those of nucleic acids."""
    if mol_type == const.chain_type_ids["PROTEIN"]:
        return const.protein_backbone_atom_index.get(name, -1) + 1
    if mol_type == const.chain_type_ids["NONPOLYMER"] or name not in const.nucleic_backbone_atom_index:
        return 0
    return 1 + len(const.protein_backbone_atom_index) + const.nucleic_backbone_atom_index[name]

"""Reference conformers: one drawn per residue, centred, randomly rotated and shifted.

The generators and the order of their draws are Boltz's, so that equal seeds give equal features.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import torch
from boltz.model.modules.utils import center_random_augmentation
from torch import Tensor

from foldcp.features.atom_rows import AtomRows

_CONFORMER_SEED = 42
"""Boltz's own, for the generator it hands to its featurizer."""


def conformer_positions(
    tokens: Any, molecules: Mapping[str, Any], rows: AtomRows, index: np.ndarray, present: Tensor, seed: int
) -> tuple[Tensor, np.ndarray]:
    """Return the positions of the atoms, and which residue each belongs to.

    Parameters
    ----------
    tokens
        Boltz's token table. The tokens of a residue (the atoms of a ligand) follow each other.
    molecules
        Component name to RDKit molecule.
    rows
        Index maps of `tokens`.
    index
        (a,). Index of each atom in its molecule.
    present
        bool (a,). Whether the atom is part of the structure.
    seed
        Seed of the rotations and shifts.

    Returns
    -------
    positions
        float32 (a, 3), in ångströms.
    residue
        int64 (a,). Boltz's `ref_space_uid`: residues of all chains, counted in token order.
    """
    new = np.ones(len(tokens), bool)
    new[1:] = (np.diff(tokens["asym_id"]) != 0) | (np.diff(tokens["res_idx"]) != 0)
    starts = rows.first[new]
    bounds = [slice(a, b) for a, b in zip(starts, [*starts[1:], len(index)], strict=True)]
    positions = torch.from_numpy(_drawn(tokens["res_name"][new], molecules, bounds, index)).float()
    _augment(positions, present, bounds, seed)
    return positions, (np.cumsum(new) - 1)[rows.token]


def _drawn(names: np.ndarray, molecules: Mapping[str, Any], bounds: list[slice], index: np.ndarray) -> Any:
    @cache
    def conformers(name: str) -> list[int]:
        return [conformer.GetId() for conformer in molecules[name].GetConformers()]

    @cache
    def places(name: str, conformer: int) -> np.ndarray:
        return molecules[name].GetConformer(conformer).GetPositions()

    generator = np.random.default_rng(_CONFORMER_SEED)
    positions = np.empty((len(index), 3))
    for name, atoms in zip(names.tolist(), bounds, strict=True):
        drawn = int(generator.choice(conformers(name)))
        positions[atoms] = places(name, drawn)[index[atoms]]
    return positions


def _augment(positions: Tensor, present: Tensor, bounds: list[slice], seed: int) -> None:
    with torch.random.fork_rng(devices=[]):
        # Boltz draws from the global generator of the CPU.
        torch.default_generator.manual_seed(seed)
        # It also leaves the last residue as it is.
        for atoms in bounds[:-1]:
            if present[atoms].any():
                moved = center_random_augmentation(positions[atoms][None], present[atoms][None])
                positions[atoms] = moved[0]

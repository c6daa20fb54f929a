"""Three atoms per token that span its frame, from which predicted errors are seen."""

from functools import cache
from typing import Any

import numpy as np
import torch
from boltz.data import const
from boltz.data.feature.featurizerv2 import compute_frames_nonpolymer
from torch import Tensor

from foldcp.features.atom_rows import AtomRows

_PROTEIN = ("N", "CA", "C")
_NUCLEIC = ("C1'", "C3'", "C4'")


def frame_atoms(tokenized: Any, rows: AtomRows) -> Tensor:
    """Return (N, 3): the atoms of each token's frame, Boltz's `frames_idx`.

    Residues have backbone atoms; an atom of a ligand stands between its two nearest neighbours of the same
    chain (the distances within one ligand are the only quadratic thing here). Tokens without a frame
    repeat their first atom.
    """
    tokens, structure = tokenized.tokens, tokenized.structure
    names = structure.atoms["name"][rows.row].tolist()
    columns = (tokens[name].tolist() for name in ("mol_type", "res_type", "atom_num"))
    offsets = [
        _offsets(mol_type, res_type, tuple(names[first : first + count]))
        for mol_type, res_type, count, first in zip(*columns, rows.first.tolist(), strict=True)
    ]
    coordinates = structure.coords["coords"][structure.ensemble[0]["atom_coord_idx"] + rows.row]
    frames, _ = compute_frames_nonpolymer(
        tokenized,
        coordinates,
        structure.atoms["is_present"][rows.row],
        rows.token,
        rows.first[:, None] + np.array(offsets, np.int64),
        np.zeros(len(tokens), bool),
    )
    return torch.from_numpy(frames)


@cache
def _offsets(mol_type: int, res_type: int, names: tuple[str, ...]) -> tuple[int, ...]:
    """Return where the frame's atoms stand among the token's."""
    # Atoms of ligands and modified amino acids; a modified nucleotide is looked at by its atoms' names.
    if res_type == const.token_ids["UNK"]:
        return 0, 0, 0
    wanted = _PROTEIN if mol_type == const.chain_type_ids["PROTEIN"] else _NUCLEIC
    return tuple(names.index(name) if name in names else 0 for name in wanted)

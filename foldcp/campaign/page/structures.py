"""Structures made small enough to lie inside the page: backbones, or traces where a complex is large."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import gemmi
import numpy as np

from foldcp.errors import InputError

WHOLE_BACKBONE = 12_000
"""Most atoms of a backbone; a larger complex is a trace of one atom for each residue."""

_PROTEIN, _NUCLEIC = ("N", "CA", "C", "O"), ("P", "OP2", "O5'", "C5'", "C4'", "C3'", "C2'", "O3'", "N1", "N3")
_TRACE = {"CA", "P"}
_NEIGHBOURS = (2.5, 8.0)
"""Median distance of neighbouring residues, in Å, within which they are taken for a chain."""
_HEADER = """data_view
loop_
_atom_site.group_PDB
_atom_site.id
_atom_site.type_symbol
_atom_site.label_atom_id
_atom_site.label_comp_id
_atom_site.label_asym_id
_atom_site.label_seq_id
_atom_site.Cartn_x
_atom_site.Cartn_y
_atom_site.Cartn_z
_atom_site.B_iso_or_equiv
"""


@dataclass(frozen=True)
class View:
    """A reduced structure.

    Attributes
    ----------
    mmcif
        Its atoms as mmCIF text; the B factor is the pLDDT, 0 to 100.
    kind
        `backbone` or `trace`, ligands whole in either; `points`, one for each residue, where neighbours are
        not as far apart as a chain's, so that no cartoon can be drawn (weights that are not trained).
    n_atoms
        Atoms kept.
    """

    mmcif: str
    kind: str
    n_atoms: int


@dataclass(frozen=True)
class _Kept:
    chain: str
    residue: gemmi.Residue
    atom: gemmi.Atom
    ligand: bool


def view_of(path: Path) -> View:
    """Return a structure reduced to what a cartoon is drawn from.

    Raises
    ------
    InputError
        If the file is absent, or is no structure.
    """
    model = _read(path)
    backbone = [kept for chain in model for residue in chain for kept in _kept(chain.name, residue)]
    trace = [kept for kept in backbone if kept.ligand or kept.atom.name in _TRACE]
    if not _is_chain(trace):
        return View(_HEADER + _loop(trace, 2), "points", len(trace))
    if len(backbone) <= WHOLE_BACKBONE:
        return View(_HEADER + _loop(backbone, 2), "backbone", len(backbone))
    return View(_HEADER + _loop(trace, 1), "trace", len(trace))


def _is_chain(trace: Sequence[_Kept]) -> bool:
    """Return whether neighbours are as far apart as in proteins (3.8 Å) or nucleic acids (about 6 Å)."""
    pairs = [(a, b) for a, b in pairwise(trace) if a.chain == b.chain and not (a.ligand or b.ligand)]
    apart = [a.atom.pos.dist(b.atom.pos) for a, b in pairs]
    return not apart or _NEIGHBOURS[0] < float(np.median(apart)) < _NEIGHBOURS[1]


def _facing(atoms: Sequence[_Kept]) -> np.ndarray:
    """Return the positions turned so that the longest axes of the complex lie in the picture, (atoms, 3)."""
    positions = np.array([kept.atom.pos.tolist() for kept in atoms])
    positions -= positions.mean(axis=0)
    _, axes = np.linalg.eigh(positions.T @ positions)
    turn = axes[:, ::-1]
    # A turn, never a mirror image.
    turn[:, 2] *= np.sign(np.linalg.det(turn))
    return positions @ turn


def _kept(chain: str, residue: gemmi.Residue) -> Iterator[_Kept]:
    names = {atom.name for atom in residue}
    polymer = _PROTEIN if {"N", "CA", "C"} <= names else _NUCLEIC if "O3'" in names else None
    for atom in residue:
        if polymer is None or atom.name in polymer:
            yield _Kept(chain, residue, atom, polymer is None)


def _loop(atoms: Sequence[_Kept], decimals: int) -> str:
    lines = []
    for number, (kept, position) in enumerate(zip(atoms, _facing(atoms), strict=True), start=1):
        atom, residue = kept.atom, kept.residue
        words = (
            "HETATM" if kept.ligand else "ATOM",
            str(number),
            atom.element.name,
            gemmi.cif.quote(atom.name),
            residue.name,
            kept.chain,
            str(residue.seqid.num),
            *(f"{x:.{decimals}f}" for x in position),
            f"{atom.b_iso:.0f}",
        )
        lines.append(" ".join(words))
    return "\n".join(lines) + "\n"


def _read(path: Path) -> gemmi.Model:
    if not path.is_file():
        raise InputError(f"{path.name}: no such file")
    try:
        structure = gemmi.read_structure(str(path), format=gemmi.CoorFormat.Mmcif)
    except (RuntimeError, ValueError, IndexError, OSError) as error:  # IndexError: an empty file
        raise InputError(f"{path.name}: not readable as mmCIF: {error}") from None
    if len(structure) == 0 or not len(structure[0]):
        raise InputError(f"{path.name}: holds no atoms")
    return structure[0]

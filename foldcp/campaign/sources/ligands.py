"""Members that are no polymers: the table that says how to fold them, and their size in heavy atoms.

The table (CSV, columns `member,ccd,smiles,description`) maps an identifier such as ``CHEBI:29105`` to a code
of the PDB's Chemical Component Dictionary (CCD) or to a SMILES string. A starting table of common cofactors
and ions is `config/ligands.csv`.
"""

import csv
import functools
import hashlib
from pathlib import Path
from typing import Any, NamedTuple

from foldcp.errors import InputError
from foldcp.tables.text import lines

COLUMNS = ["member", "ccd", "smiles", "description"]


class Ligand(NamedTuple):
    """How to fold one member that is no polymer; exactly one of `ccd` and `smiles` is set."""

    member: str
    ccd: str | None
    smiles: str | None
    description: str | None

    @property
    def sha256(self) -> str:
        """Hash of the CCD code or the SMILES; the prefix keeps code ``C`` and methane ``C`` apart."""
        text = f"ccd:{self.ccd}" if self.ccd else f"smiles:{self.smiles}"
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def heavy_atoms(self) -> int:
        """Atoms that are not hydrogen: the tokens of the ligand.

        Raises
        ------
        InputError
            If the CCD code or the SMILES is not valid.
        """
        return _ccd_atoms(self.ccd) if self.ccd else _smiles_atoms(self.smiles or "")


def read(path: Path | str) -> dict[str, Ligand]:
    """Read a ligand table.

    Raises
    ------
    InputError
        Naming file and line: wrong columns, no member, a member twice, or not exactly one of ccd and smiles.
    """
    path = Path(path)
    reader = csv.reader((line for _, line in lines(path)), skipinitialspace=True, strict=True)
    try:
        return _rows(path, reader)
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: not readable as CSV: {error}") from None


def _rows(path: Path, reader: Any) -> dict[str, Ligand]:
    header: list[str] = next(reader, [])
    if header != COLUMNS:
        raise InputError(
            f"{path}, line 1: expected the columns {','.join(COLUMNS)}, got {','.join(header)!r}"
        )
    found: dict[str, Ligand] = {}
    for row in filter(None, reader):
        ligand = _row(f"{path}, line {reader.line_num}", row)
        if ligand.member in found:
            raise InputError(f"{path}, line {reader.line_num}: {ligand.member} is listed twice")
        found[ligand.member] = ligand
    return found


def _row(where: str, row: list[str]) -> Ligand:
    if len(row) != len(COLUMNS):
        raise InputError(f"{where}: expected {len(COLUMNS)} fields ({','.join(COLUMNS)}), got {len(row)}")
    member, ccd, smiles, description = (field.strip() or None for field in row)
    if member is None:
        raise InputError(f"{where}: the first field (member) is empty")
    if (ccd is None) == (smiles is None):
        raise InputError(f"{where}: {member} needs a CCD code or a SMILES, and not both")
    return Ligand(member, ccd, smiles, description)


@functools.cache
def _ccd_heavy_atoms() -> dict[str, int]:
    # Importing biotite and reading its copy of the CCD takes a second, which only ligands should cost.
    import numpy as np
    from biotite.structure.info.ccd import get_ccd

    atoms = get_ccd()["chem_comp_atom"]
    heavy = ~np.isin(atoms["type_symbol"].as_array(), ["H", "D"])
    codes, counts = np.unique(atoms["comp_id"].as_array()[heavy], return_counts=True)
    return dict(zip(codes.tolist(), counts.tolist(), strict=True))


def _ccd_atoms(code: str) -> int:
    try:
        return _ccd_heavy_atoms()[code]
    except KeyError:
        raise InputError(
            f"{code!r} is no CCD code of a molecule with heavy atoms (see rcsb.org/ligand)"
        ) from None


def _smiles_atoms(smiles: str) -> int:
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        molecule = Chem.MolFromSmiles(smiles)
    if molecule is None or not molecule.GetNumHeavyAtoms():
        raise InputError(f"{smiles!r} is not a SMILES string of a molecule")
    # Boltz names atoms by element and canonical rank, hydrogens included, in four characters at most.
    explicit = Chem.AddHs(molecule)
    ranks = Chem.CanonicalRankAtoms(explicit)
    if any(len(f"{a.GetSymbol()}{rank + 1}") > 4 for a, rank in zip(explicit.GetAtoms(), ranks, strict=True)):
        raise InputError(f"{smiles!r} has more atoms than Boltz can name; give a CCD code")
    return molecule.GetNumHeavyAtoms()

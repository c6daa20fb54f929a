"""Boltz's molecule dictionary, built from the chemical component dictionary (CCD) that biotite ships.

Boltz reads one pickled RDKit molecule per CCD code. It asks of each atom the properties `name` and
`leaving_atom`, of each molecule a conformer, and for the stereochemistry of ligands the property `_CIPRank`.
"""

import pickle
from collections.abc import Iterable
from functools import cache as memoize
from importlib.metadata import version
from pathlib import Path
from typing import Any

from foldcp.errors import InputError
from foldcp.tables.files import atomic_write

_RECIPE = 1
"""Raised when molecules are built differently, so that old files are not used."""

_AMINO_ACIDS = "ALA ARG ASN ASP CYS GLN GLU GLY HIS ILE LEU LYS MET PHE PRO SER THR TRP TYR VAL UNK"
_NUCLEOTIDES = "A G C U N DA DG DC DT DN"
STANDARD = [*_AMINO_ACIDS.split(), *_NUCLEOTIDES.split()]
"""Residues that Boltz represents by one token each; any input needs them."""

_EMBEDDING_SEED = 42


def folder(cache: Path) -> Path:
    """Return where the molecules of this version of the dictionary lie in a cache folder."""
    return cache / "demo" / f"molecules-biotite-{version('biotite')}-{_RECIPE}"


def build(cache: Path, codes: Iterable[str] = ()) -> Path:
    """Build the standard residues and the given components, where they are not there yet.

    Safe to call from several processes at once: files appear whole or not at all, and are equal.

    Parameters
    ----------
    cache
        Cache folder.
    codes
        Further CCD codes, e.g. `ATP`.

    Returns
    -------
    Path
        Folder of `<code>.pkl` files, as Boltz reads them.

    Raises
    ------
    InputError
        If a code is not in the CCD, or the CCD has no usable structure for it.
    """
    target = folder(cache)
    missing = [code for code in (*STANDARD, *sorted(set(codes))) if not (target / f"{code}.pkl").exists()]
    for code in missing:
        with atomic_write(target / f"{code}.pkl") as handle:
            handle.write(_pickle(_molecule(code)))
    return target


def _pickle(molecule: Any) -> bytes:
    from rdkit import Chem

    # RDKit leaves properties out of pickles unless told otherwise, process-wide; Boltz does the same.
    Chem.SetDefaultPickleProperties(Chem.PropertyPickleOptions.AllProps)
    return pickle.dumps(molecule)


def _molecule(code: str) -> Any:
    from biotite.interface.rdkit import to_mol
    from biotite.structure.info import residue
    from rdkit import Chem, rdBase

    try:
        atoms = residue(code, allow_missing_coord=True)
    except KeyError:
        raise InputError(f"no component {code!r} in the chemical component dictionary (CCD)") from None
    with rdBase.BlockLogs():
        molecule = to_mol(atoms, kekulize=True, explicit_hydrogen=bool((atoms.element == "H").any()))
        for atom, name, leaving in zip(molecule.GetAtoms(), atoms.atom_name, _leaving(code), strict=True):
            atom.SetProp("name", str(name))
            atom.SetProp("leaving_atom", str(int(leaving)))
        _sanitize(molecule)
        _set_conformer(molecule, code)
        # Boltz folds heavy atoms only.
        molecule = Chem.RemoveHs(molecule, sanitize=False)
        _set_stereochemistry(molecule)
    molecule.SetProp("PDB_NAME", code)
    return molecule


@memoize
def _leaving_table() -> tuple[Any, Any]:
    from biotite.structure.info.ccd import get_ccd

    atoms = get_ccd()["chem_comp_atom"]
    return atoms["comp_id"].as_array(), atoms["pdbx_leaving_atom_flag"].as_array() == "Y"


def _leaving(code: str) -> Any:
    codes, leaving = _leaving_table()
    return leaving[codes == code]


def _sanitize(molecule: Any) -> None:
    from rdkit import Chem

    steps = Chem.SANITIZE_ALL
    if Chem.SanitizeMol(molecule, catchErrors=True) != Chem.SANITIZE_NONE:
        # Metal complexes such as haem break RDKit's valence rules; their graph is right all the same.
        molecule.UpdatePropertyCache(strict=False)
        steps ^= Chem.SANITIZE_PROPERTIES ^ Chem.SANITIZE_KEKULIZE
        Chem.SanitizeMol(molecule, steps, catchErrors=True)


def _set_conformer(molecule: Any, code: str) -> None:
    import numpy as np
    from rdkit.Chem import rdDistGeom

    if np.isfinite(molecule.GetConformer().GetPositions()).all():
        molecule.GetConformer().SetProp("name", "Ideal")
        return
    molecule.RemoveAllConformers()
    options: Any = rdDistGeom.ETKDGv3()
    options.randomSeed = _EMBEDDING_SEED
    options.useRandomCoords = True
    if rdDistGeom.EmbedMolecule(molecule, options) != 0:
        raise InputError(f"component {code!r} has no coordinates in the CCD, and none can be computed")
    molecule.GetConformer().SetProp("name", "Computed")


def _set_stereochemistry(molecule: Any) -> None:
    from rdkit import Chem

    molecule.UpdatePropertyCache(strict=False)
    Chem.AssignStereochemistryFrom3D(molecule)
    if all(atom.HasProp("_CIPRank") for atom in molecule.GetAtoms()):
        return
    # RDKit ranks atoms only where there is a stereocentre, but Boltz reads the rank of every atom.
    ranks = Chem.CanonicalRankAtoms(molecule, breakTies=False)
    for atom, rank in zip(molecule.GetAtoms(), ranks, strict=True):
        atom.SetProp("_CIPRank", str(rank))

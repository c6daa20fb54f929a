"""Structures of predictions, mmCIF or PDB, as arrays; and the tokens that predictors make of them.

A token is a residue of a polymer or one atom of a ligand. A modified residue is one token in Boltz-2, and
one for each atom in Boltz-1 and AlphaFold 3. AlphaFold 2 has only standard residues.
"""

from dataclasses import dataclass
from pathlib import Path

import gemmi
import numpy as np

from foldcp.errors import InputError
from foldcp.scores.sample import Chain, HeavyAtoms
from foldcp.scores.tokens import ScoredTokens

_PROTEIN = "ALA ARG ASN ASP CYS GLN GLU GLY HIS ILE LEU LYS MET PHE PRO SER THR TRP TYR VAL UNK"
_STANDARD = frozenset(f"{_PROTEIN} A G C U N DA DG DC DT DN".split())
_BACKBONE = {"protein": "CA", "rna": "C1'", "dna": "C1'"}
"""The atom that makes a residue count."""
_CONTACT = {"protein": ("CB", "CA"), "rna": ("C3'", "C1'"), "dna": ("C3'", "C1'")}
"""The atom that contacts of a residue are measured at; the second where the first is absent (glycine)."""


@dataclass(frozen=True)
class Residue:
    """One residue: its chain's index, name and number, and its atoms as a range."""

    chain: int
    name: str
    number: int
    atoms: range


@dataclass(frozen=True)
class Structure:
    """A structure file: names and kinds of its chains, residues, heavy atoms and their B factors, (A,)."""

    path: Path
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    residues: tuple[Residue, ...]
    atoms: HeavyAtoms
    b_factor: np.ndarray


@dataclass(frozen=True)
class Layout:
    """Residue of each token, the atom its contacts are measured at, and whether it is counted; (N,) each."""

    residue: np.ndarray
    atom: np.ndarray
    counted: np.ndarray


def read_structure(path: Path) -> Structure:
    """Read the first model of an mmCIF or PDB file.

    Raises
    ------
    InputError
        If there is no such file, it cannot be parsed, holds no atoms or positions that are no numbers, or two
        chains of a PDB file have one name.
    """
    chains = _chains(path)
    names = tuple(chain.name for chain in chains)
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"{path}: several chains are called {twice}; predict it again, to mmCIF")
    kinds = tuple(_kind(chain) for chain in chains)
    residues: list[Residue] = []
    atoms: list[tuple[gemmi.Atom, int, str]] = []
    for index, chain in enumerate(chains):
        for residue in chain:
            heavy = [atom for atom in residue if not atom.is_hydrogen()]
            span = range(len(atoms), len(atoms) + len(heavy))
            atoms += [(atom, index, residue.name) for atom in heavy]
            residues += [Residue(index, residue.name, residue.seqid.num, span)] if heavy else []
    coord = np.array([atom.pos.tolist() for atom, _, _ in atoms])
    if not np.isfinite(coord).all():
        raise InputError(f"{path}: positions of atoms are not all numbers; predict it again")
    heavy_atoms = HeavyAtoms(
        coord=coord,
        chain=np.array([chain for _, chain, _ in atoms]),
        name=tuple(atom.name for atom, _, _ in atoms),
        residue=tuple(name for _, _, name in atoms),
        element=tuple(atom.element.name for atom, _, _ in atoms),
    )
    # Files give two decimals, which gemmi keeps in 32 bits.
    b_factor = np.round([atom.b_iso for atom, _, _ in atoms], 2)
    return Structure(path, names, kinds, tuple(residues), heavy_atoms, b_factor)


def layout(structure: Structure, atoms_of_modified: bool) -> Layout:
    """Return the tokens of a structure.

    Parameters
    ----------
    structure
        What was read.
    atoms_of_modified
        Whether each atom of a modified residue is a token; then the one of its backbone atom is counted.
    """
    tokens: list[tuple[int, int, bool]] = []
    for number, residue in enumerate(structure.residues):
        kind = structure.kinds[residue.chain]
        if kind == "ligand":
            tokens += [(number, atom, False) for atom in residue.atoms]
            continue
        at = {structure.atoms.name[atom]: atom for atom in reversed(residue.atoms)}
        backbone = at.get(_BACKBONE[kind])
        contact = next((at[name] for name in _CONTACT[kind] if name in at), residue.atoms[0])
        if atoms_of_modified and residue.name not in _STANDARD:
            tokens += [(number, contact if a == backbone else a, a == backbone) for a in residue.atoms]
        else:
            tokens.append((number, contact, backbone is not None))
    numbers, atoms, counted = zip(*tokens, strict=True)
    return Layout(np.array(numbers), np.array(atoms), np.array(counted))


def chain_of_tokens(structure: Structure, tokens: Layout) -> np.ndarray:
    """Return the chain index of each token, (N,)."""
    return np.array([residue.chain for residue in structure.residues])[tokens.residue]


def chains(structure: Structure, tokens: Layout) -> tuple[Chain, ...]:
    """Return the chains with their numbers of tokens."""
    counts = np.bincount(chain_of_tokens(structure, tokens), minlength=len(structure.names))
    columns = zip(structure.names, structure.kinds, counts.tolist(), strict=True)
    return tuple(Chain(*column) for column in columns)


def scored_tokens(structure: Structure, tokens: Layout, plddt: np.ndarray) -> ScoredTokens:
    """Return what scores need to know of the tokens; `plddt` is (N,), 0 to 1."""
    return ScoredTokens(
        chain=chain_of_tokens(structure, tokens),
        kinds=structure.kinds,
        counted=tokens.counted,
        contact=structure.atoms.coord[tokens.atom],
        plddt=plddt,
    )


def _chains(path: Path) -> list[gemmi.Chain]:
    pdb = path.suffix.lower() == ".pdb"
    kind = "PDB" if pdb else "mmCIF"
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected the structure as {kind}")
    try:
        if pdb:  # a name that comes twice stays two chains, so that it is seen
            structure = gemmi.read_pdb(str(path), split_chain_on_ter=True)
        else:
            structure = gemmi.read_structure(str(path), format=gemmi.CoorFormat.Mmcif)
    except (RuntimeError, ValueError, IndexError, OSError) as error:  # IndexError: an empty file
        raise InputError(f"{path}: not readable as {kind}: {error}") from None
    if len(structure) == 0 or not len(structure[0]):
        raise InputError(f"{path}: holds no atoms")
    found = [chain for chain in structure[0] if any(not a.is_hydrogen() for r in chain for a in r)]
    # The chains live as long as their structure, which nobody else keeps.
    return [chain.clone() for chain in found]


def _kind(chain: gemmi.Chain) -> str:
    # Not by the file's entities: Boltz's writer calls a polymer of one residue a non-polymer.
    if all(residue.het_flag == "H" for residue in chain):
        return "ligand"
    kinds = {gemmi.find_tabulated_residue(residue.name).kind for residue in chain}
    if gemmi.ResidueKind.RNA in kinds:
        return "rna"
    return "dna" if gemmi.ResidueKind.DNA in kinds else "protein"

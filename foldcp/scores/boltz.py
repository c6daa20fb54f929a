"""Reader of one prediction directory in Boltz's layout, as Boltz-1, Boltz-2 and foldcp write it.

Files of sample k of prediction `<id>`::

    <id>_model_<k>.cif                the structure
    confidence_<id>_model_<k>.json    pTM, ipTM, pLDDT ... of the complex, pTM of chains and chain pairs
    plddt_<id>_model_<k>.npz          array `plddt`, one value from 0 to 1 for each token

Confidence is keyed by chain *index*, not by chain name; the index is the order of chains in the structure.
Tokens follow the same order: one for a residue of a polymer, one for each atom of a ligand. A modified
residue is one token in Boltz-2 and one for each atom in Boltz-1. A wrong count would shift every later chain,
so one of the two counts must agree exactly with the length of `plddt`.
"""

import json
import math
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gemmi
import numpy as np

from foldcp.errors import InputError

REQUIRED_SCORES = ("confidence_score", "ptm", "iptm", "complex_plddt")
OPTIONAL_SCORES = ("protein_iptm", "ligand_iptm", "complex_iplddt", "complex_pde", "complex_ipde")

_PROTEIN = "ALA ARG ASN ASP CYS GLN GLU GLY HIS ILE LEU LYS MET PHE PRO SER THR TRP TYR VAL UNK"
_STANDARD = frozenset(f"{_PROTEIN} A G C U N DA DG DC DT DN".split())
_CONFIDENCE_NAME = re.compile(r"confidence_(?P<stem>.+_model_(?P<sample>\d+))\.json")
_STRUCTURE_NAME = re.compile(r"(?P<stem>.+_model_\d+)\.cif")
# Boltz sums 32-bit numbers, so a perfect score may come out a hair above 1.
_ROUNDING = 1e-4


@dataclass(frozen=True)
class Chain:
    """One chain of a predicted structure.

    Attributes
    ----------
    chain_id
        Name in the structure.
    entity_type
        `protein`, `rna`, `dna` or `ligand`.
    n_tokens
        Tokens as Boltz counts them.
    """

    chain_id: str
    entity_type: str
    n_tokens: int


@dataclass(frozen=True)
class Sample:
    """One predicted structure and its scores.

    Attributes
    ----------
    number
        Sample number, 0 = first.
    chains
        Chains in the order of the structure.
    scores
        Scores of the whole complex by Boltz's own name; None where the file has no such key.
    chain_ptm
        pTM of each chain; None where the file has none.
    chain_pair_iptm
        Matrix [chains, chains]: entry (a, b) scores chain a from the frames of chain b; None where the file
        has none. Not symmetric.
    plddt
        pLDDT of each token, 0 to 1.
    structure
        The mmCIF file.
    note
        Remark of the program that wrote it, e.g. that demo weights were used.
    """

    number: int
    chains: tuple[Chain, ...]
    scores: Mapping[str, float | None]
    chain_ptm: np.ndarray | None
    chain_pair_iptm: np.ndarray | None
    plddt: np.ndarray
    structure: Path
    note: str | None = None

    def plddt_by_chain(self) -> list[np.ndarray]:
        """Return the pLDDT of the tokens of each chain, 0 to 1."""
        return np.split(self.plddt, np.cumsum([c.n_tokens for c in self.chains])[:-1])


def read_prediction(directory: Path | str) -> list[Sample]:
    """Read all samples of one prediction directory, in the order of their numbers.

    Raises
    ------
    InputError
        Naming the file and what is wrong with it: absent, truncated, not a number, wrong shape.
    """
    directory = Path(directory)
    confidences = {m["stem"]: m for p in directory.iterdir() if (m := _CONFIDENCE_NAME.fullmatch(p.name))}
    structures = {m["stem"] for p in directory.iterdir() if (m := _STRUCTURE_NAME.fullmatch(p.name))}
    if not confidences:
        raise InputError(
            f"{directory}: holds no confidence_*_model_*.json; expected a prediction as Boltz writes it"
        )
    if unscored := sorted(structures - set(confidences)):
        raise InputError(f"{directory / unscored[0]}.cif: has no confidence_{unscored[0]}.json beside it")
    matches = sorted(confidences.values(), key=lambda m: int(m["sample"]))
    return [_read_sample(directory, m["stem"], int(m["sample"])) for m in matches]


def _read_sample(directory: Path, stem: str, number: int) -> Sample:
    structure = directory / f"{stem}.cif"
    plddt = _read_plddt(directory / f"plddt_{stem}.npz")
    chains = _read_chains(structure, len(plddt))
    path = directory / f"confidence_{stem}.json"
    confidence = _read_json(path)
    scores: dict[str, float | None] = {key: _number(path, confidence, key) for key in REQUIRED_SCORES}
    scores |= {key: _number(path, confidence, key) if key in confidence else None for key in OPTIONAL_SCORES}
    return Sample(
        number=number,
        chains=chains,
        scores=scores,
        chain_ptm=_by_chain(path, confidence, "chains_ptm", len(chains)),
        chain_pair_iptm=_by_chain_pair(path, confidence, len(chains)),
        plddt=plddt,
        structure=structure,
        note=confidence.get("foldcp_note"),
    )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise InputError(f"{path}: not readable as JSON: {error}") from None
    if not isinstance(value, dict):
        raise InputError(f"{path}: expected keys and values, got {type(value).__name__}")
    return value


def _number(path: Path, values: Mapping[str, Any], key: str, where: str = "") -> float:
    if key not in values:
        raise InputError(f"{path}: {where}key {key!r} is missing; got keys {sorted(values)}")
    value = values[key]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{path}: {where}{key} is {value!r}, expected a number")
    if not math.isfinite(value):
        raise InputError(f"{path}: {where}{key} is {value}, not a finite number; predict it again")
    return float(value)


def _numbers(path: Path, values: Any, where: str, n_chains: int) -> list[float]:
    # Boltz writes the chain index as text: {"0": 0.97, "1": 0.95}.
    expected = [str(index) for index in range(n_chains)]
    if not isinstance(values, dict) or set(values) != set(expected):
        got = sorted(values) if isinstance(values, dict) else values
        raise InputError(f"{path}: {where} is for chains {got}, but the structure has chains {expected}")
    return [_number(path, values, index, f"{where} ") for index in expected]


def _by_chain(path: Path, confidence: Mapping[str, Any], key: str, n_chains: int) -> np.ndarray | None:
    if key not in confidence:
        return None
    return np.array(_numbers(path, confidence[key], key, n_chains))


def _by_chain_pair(path: Path, confidence: Mapping[str, Any], n_chains: int) -> np.ndarray | None:
    key = "pair_chains_iptm"
    if key not in confidence:
        return None
    outer = confidence[key]
    if not isinstance(outer, dict) or len(outer) != n_chains:
        raise InputError(f"{path}: {key} is not a table of {n_chains} x {n_chains} chains")
    rows = (_numbers(path, outer.get(str(a)), f"{key}[{a}]", n_chains) for a in range(n_chains))
    return np.array(list(rows))


def _read_plddt(path: Path) -> np.ndarray:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            plddt = arrays["plddt"]
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; expected the pLDDT of each token") from None
    except KeyError:
        raise InputError(f"{path}: holds no array 'plddt'") from None
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: truncated or not a NumPy archive: {error}") from None
    if plddt.ndim != 1 or not len(plddt):
        raise InputError(f"{path}: plddt has shape {plddt.shape}, expected one value for each token")
    if not np.isfinite(plddt).all():
        raise InputError(f"{path}: plddt holds NaN, not only finite numbers; predict it again")
    if plddt.min() < -_ROUNDING or plddt.max() > 1 + _ROUNDING:
        raise InputError(f"{path}: plddt runs from {plddt.min():g} to {plddt.max():g}, expected 0 to 1")
    return plddt.astype(np.float64)


def _read_chains(path: Path, n_tokens: int) -> tuple[Chain, ...]:
    model = _read_model(path)
    counts = []
    for atoms_of_modified in (False, True):
        chains = tuple(_chain(chain, atoms_of_modified) for chain in model)
        counts.append(sum(chain.n_tokens for chain in chains))
        if counts[-1] == n_tokens:
            return chains
    raise InputError(
        f"{path}: has {counts[0]} tokens ({counts[1]} as Boltz-1 counts them), but its plddt is for "
        f"{n_tokens}; the two files are not of one prediction, or one is damaged"
    )


def _read_model(path: Path) -> gemmi.Model:
    if not path.is_file():
        raise InputError(f"{path}: no such file; structures are read as mmCIF (boltz --output_format mmcif)")
    try:
        structure = gemmi.read_structure(str(path), format=gemmi.CoorFormat.Mmcif)
    except (RuntimeError, ValueError, OSError) as error:
        raise InputError(f"{path}: not readable as mmCIF: {error}") from None
    if len(structure) == 0 or not len(structure[0]):
        raise InputError(f"{path}: holds no atoms")
    return structure[0]


def _chain(chain: gemmi.Chain, atoms_of_modified: bool) -> Chain:
    kind = _entity_type(chain)
    by_atom = (
        len(r) if kind == "ligand" or (atoms_of_modified and r.name not in _STANDARD) else 1 for r in chain
    )
    return Chain(chain.name, kind, sum(by_atom))


def _entity_type(chain: gemmi.Chain) -> str:
    # Not by the file's entities: Boltz's writer calls a polymer of one residue a non-polymer.
    if chain[0].het_flag == "H":
        return "ligand"
    kinds = {gemmi.find_tabulated_residue(residue.name).kind for residue in chain}
    if gemmi.ResidueKind.RNA in kinds:
        return "rna"
    return "dna" if gemmi.ResidueKind.DNA in kinds else "protein"

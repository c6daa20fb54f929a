"""Reader of one prediction directory in Boltz's layout, as Boltz-1, Boltz-2 and foldcp write it.

Files of sample k of prediction `<id>`::

    <id>_model_<k>.cif                the structure
    confidence_<id>_model_<k>.json    pTM, ipTM, pLDDT ... of the complex, pTM of chains and chain pairs
    plddt_<id>_model_<k>.npz          array `plddt`, one value from 0 to 1 for each token
    interfaces_<id>_model_<k>.npz     scores from the aligned error (foldcp)
    pae_<id>_model_<k>.npz            array `pae`, tokens × tokens, where it was asked for

Confidence is keyed by chain *index*, not by chain name; the index is the order of chains in the structure.
Tokens follow the same order. A wrong count would shift every later chain, so Boltz-2's or Boltz-1's way of
counting modified residues must agree exactly with the length of `plddt`. The structure's B factors are not
read: Boltz-1 writes other numbers there.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from foldcp.errors import InputError
from foldcp.scores.interface_errors import InterfaceErrors
from foldcp.scores.readers import files
from foldcp.scores.readers.structure import (
    Layout,
    Structure,
    chains,
    layout,
    read_structure,
    scored_tokens,
)
from foldcp.scores.sample import Sample
from foldcp.scores.tokens import ScoredTokens

REQUIRED_SCORES = ("confidence_score", "ptm", "iptm", "complex_plddt")
OPTIONAL_SCORES = ("protein_iptm", "ligand_iptm", "complex_iplddt", "complex_pde", "complex_ipde")

_CONFIDENCE_NAME = re.compile(r"confidence_(?P<stem>.+_model_(?P<sample>\d+))\.json")
_STRUCTURE_NAME = re.compile(r"(?P<stem>.+_model_\d+)\.cif")


def is_confidence(name: str) -> bool:
    """Return whether a file of this name holds the confidence of a sample."""
    return _CONFIDENCE_NAME.fullmatch(name) is not None


def read(directory: Path) -> list[Sample]:
    """Read all samples of one prediction directory, in the order of their numbers.

    Raises
    ------
    InputError
        Naming the file and what is wrong with it: absent, truncated, not a number, wrong shape.
    """
    names = [path.name for path in directory.iterdir()]
    confidences = {m["stem"]: m for name in names if (m := _CONFIDENCE_NAME.fullmatch(name))}
    structures = {m["stem"] for name in names if (m := _STRUCTURE_NAME.fullmatch(name))}
    if not confidences:
        raise InputError(
            f"{directory}: holds no confidence_*_model_*.json; expected a prediction as Boltz writes it"
        )
    if unscored := sorted(structures - set(confidences)):
        raise InputError(f"{directory / unscored[0]}.cif: has no confidence_{unscored[0]}.json beside it")
    ours = any(name == "done.json" or name.startswith("interfaces_") for name in names)
    matches = sorted(confidences.values(), key=lambda m: int(m["sample"]))
    return [_read_sample(directory, m["stem"], int(m["sample"]), ours) for m in matches]


def _read_sample(directory: Path, stem: str, sample: int, ours: bool) -> Sample:
    path = directory / f"plddt_{stem}.npz"
    plddt = files.checked_plddt(path, files.read_array(path, "plddt"), 1)
    structure = read_structure(directory / f"{stem}.cif")
    laid = _layout(structure, len(plddt))
    tokens = scored_tokens(structure, laid, plddt)
    path = directory / f"confidence_{stem}.json"
    confidence = files.read_keys(path)
    scores: dict[str, float | None] = {key: files.number(path, confidence, key) for key in REQUIRED_SCORES}
    scores |= {
        key: files.number(path, confidence, key) if key in confidence else None for key in OPTIONAL_SCORES
    }
    scores |= dict.fromkeys(_without_interface(structure.kinds))
    return Sample(
        number=sample,
        program="foldcp" if ours or "foldcp_note" in confidence else "boltz",
        chains=chains(structure, laid),
        scores=scores,
        ranking_score=scores["confidence_score"],
        chain_ptm=_by_chain(path, confidence, "chains_ptm", len(structure.names)),
        chain_pair_iptm=_by_chain_pair(path, confidence, len(structure.names)),
        tokens=tokens,
        atoms=structure.atoms,
        structure=Path(structure.path.name),
        errors=_errors(directory, stem, tokens),
        note=confidence.get("foldcp_note"),
    )


def _without_interface(kinds: Sequence[str]) -> list[str]:
    """Return the scores of interfaces that these chains cannot form: Boltz writes 0, as if they were bad."""
    ligand = {"protein", "ligand"} <= set(kinds)
    return [*([] if ligand else ["ligand_iptm"]), *([] if kinds.count("protein") > 1 else ["protein_iptm"])]


def _layout(structure: Structure, n_tokens: int) -> Layout:
    layouts = [layout(structure, atoms_of_modified) for atoms_of_modified in (False, True)]
    for laid in layouts:
        if len(laid.residue) == n_tokens:
            return laid
    counts = [len(laid.residue) for laid in layouts]
    raise InputError(
        f"{structure.path}: has {counts[0]} tokens ({counts[1]} as Boltz-1 counts them), but its plddt is "
        f"for {n_tokens}; the two files are not of one prediction, or one is damaged"
    )


def _errors(directory: Path, stem: str, tokens: ScoredTokens) -> InterfaceErrors | None:
    ready, pae = directory / f"interfaces_{stem}.npz", directory / f"pae_{stem}.npz"
    if ready.is_file():
        errors = InterfaceErrors.load(ready)
        if len(errors.ipsae) != len(tokens.kinds):
            raise InputError(
                f"{ready}: is for {len(errors.ipsae)} chains, but the structure has {len(tokens.kinds)}; "
                "the two files are not of one prediction"
            )
        return errors
    return files.errors_of_npz(pae, tokens) if pae.is_file() else None


def _numbers(path: Path, values: Any, where: str, n_chains: int) -> list[float]:
    # Boltz writes the chain index as text: {"0": 0.97, "1": 0.95}.
    expected = [str(index) for index in range(n_chains)]
    if not isinstance(values, dict) or set(values) != set(expected):
        got = sorted(values) if isinstance(values, dict) else values
        raise InputError(f"{path}: {where} is for chains {got}, but the structure has chains {expected}")
    return [files.number(path, values, index, f"{where} ") for index in expected]


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

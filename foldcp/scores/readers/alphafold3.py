"""Reader of AlphaFold 3's output: a download from its server, or a folder that the local program wrote.

The server's sample k::

    <job>_model_<k>.cif, <job>_summary_confidences_<k>.json, <job>_full_data_<k>.json

The local program writes one folder `seed-<s>_sample-<k>` for each sample, and a copy of the best one beside
them, which is only read where those folders are gone::

    [<job>_[seed-<s>_sample-<k>_]]model.cif, …summary_confidences.json, …confidences.json

Every atom of a ligand and of a modified residue is a token. pLDDT is given for each atom, 0 to 100; a
token's is that of the atom which contacts are measured at, as ipsae.py has it. Without the full data, pLDDT
is taken from the structure's B factors and there is no aligned error. `chain_pair_iptm` is symmetric: the
program's own.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from foldcp.errors import InputError
from foldcp.scores.readers import files
from foldcp.scores.readers.structure import (
    Layout,
    Structure,
    chain_of_tokens,
    chains,
    layout,
    read_structure,
    scored_tokens,
)
from foldcp.scores.sample import Sample

_SERVER = re.compile(r"(?P<job>.+)_summary_confidences_(?P<sample>\d+)\.json")
_LOCAL = re.compile(r"(?P<prefix>.+_)?summary_confidences\.json")
_FOLDER = re.compile(r"seed-(?P<seed>\d+)_sample-(?P<sample>\d+)")


@dataclass(frozen=True)
class _Files:
    structure: Path
    summary: Path
    full: Path


def server_jobs(names: list[str]) -> set[str]:
    """Return the jobs whose samples, as the server names them, are among these file names."""
    return {m["job"] for name in names if (m := _SERVER.fullmatch(name))}


def is_local(names: list[str]) -> bool:
    """Return whether a folder that holds these names is one of the local program's."""
    return any(_LOCAL.fullmatch(name) or _FOLDER.fullmatch(name) for name in names)


def read_server(directory: Path, job: str) -> list[Sample]:
    """Read all samples of one job of the server; InputError as `read_local`."""
    found = [m for path in directory.iterdir() if (m := _SERVER.fullmatch(path.name)) and m["job"] == job]
    samples = []
    for number in sorted(int(m["sample"]) for m in found):
        names = (f"model_{number}.cif", f"summary_confidences_{number}.json", f"full_data_{number}.json")
        paths = _Files(*(directory / f"{job}_{name}" for name in names))
        samples.append(_read_sample(directory, paths, number))
    return samples


def read_local(directory: Path) -> list[Sample]:
    """Read all samples of one folder of the local program, by seed and sample.

    Raises
    ------
    InputError
        Naming the file and what is wrong with it.
    """
    folders = [m for p in directory.iterdir() if p.is_dir() and (m := _FOLDER.fullmatch(p.name))]
    folders.sort(key=lambda m: (int(m["seed"]), int(m["sample"])))
    places = [directory / m.string for m in folders] or [directory]
    return [_read_sample(directory, _local_files(place), k) for k, place in enumerate(places)]


def _local_files(folder: Path) -> _Files:
    found = [m["prefix"] or "" for path in folder.iterdir() if (m := _LOCAL.fullmatch(path.name))]
    if len(found) != 1:
        raise InputError(f"{folder}: holds {len(found)} files *summary_confidences.json, expected one")
    names = ("model.cif", "summary_confidences.json", "confidences.json")
    return _Files(*(folder / f"{found[0]}{name}" for name in names))


def _read_sample(directory: Path, paths: _Files, number: int) -> Sample:
    summary = files.read_keys(paths.summary)
    structure = read_structure(paths.structure)
    laid = layout(structure, atoms_of_modified=True)
    full = files.read_keys(paths.full) if paths.full.is_file() else {}
    if full:
        _check_tokens(paths.full, full, structure, laid)
    plddt = _plddt(paths, full, structure)[laid.atom]
    tokens = scored_tokens(structure, laid, plddt)
    n = len(structure.names)
    scores = {
        "ptm": files.number(paths.summary, summary, "ptm"),
        "iptm": 0.0 if n == 1 else files.number(paths.summary, summary, "iptm"),
        "complex_plddt": float(plddt.mean()),
    }
    return Sample(
        number=number,
        program="alphafold3",
        chains=chains(structure, laid),
        scores=scores,
        ranking_score=files.number(paths.summary, summary, "ranking_score"),
        chain_ptm=_matrix(paths.summary, summary, "chain_ptm", (n,)),
        chain_pair_iptm=_matrix(paths.summary, summary, "chain_pair_iptm", (n, n)),
        tokens=tokens,
        atoms=structure.atoms,
        structure=paths.structure.relative_to(directory),
        errors=files.errors_of_lists(paths.full, full.get("pae"), tokens),
    )


def _matrix(path: Path, summary: Mapping[str, Any], key: str, shape: tuple[int, ...]) -> np.ndarray | None:
    return None if summary.get(key) is None else files.numbers(path, summary[key], key, shape)


def _plddt(paths: _Files, full: Mapping[str, Any], structure: Structure) -> np.ndarray:
    """Return the pLDDT of each atom, 0 to 1."""
    if "atom_plddts" not in full:
        return files.checked_plddt(paths.structure, structure.b_factor, 100)
    values = files.numbers(paths.full, full["atom_plddts"], "atom_plddts", structure.b_factor.shape)
    return files.checked_plddt(paths.full, values, 100)


def _check_tokens(path: Path, full: Mapping[str, Any], structure: Structure, laid: Layout) -> None:
    """Raise InputError unless the file's tokens are those of the structure, one by one."""
    if absent := {"token_chain_ids", "token_res_ids"} - set(full):
        raise InputError(f"{path}: keys {sorted(absent)} are missing; got keys {sorted(full)}")
    names = [structure.names[chain] for chain in chain_of_tokens(structure, laid)]
    got = full["token_chain_ids"]
    if not isinstance(got, list):
        raise InputError(f"{path}: token_chain_ids is {got!r}, expected the chain of each token")
    if got != names:
        raise InputError(
            f"{path}: its {len(got)} tokens are not the {len(names)} of {structure.path.name}; "
            "the two files are not of one prediction, or one is damaged"
        )
    # Residue numbers of ligands mean nothing, but their atoms are only counted by chain.
    numbers = np.array([residue.number for residue in structure.residues])[laid.residue]
    theirs = files.numbers(path, full["token_res_ids"], "token_res_ids", numbers.shape)
    if (theirs != numbers)[laid.counted].any():
        raise InputError(f"{path}: residue numbers of its tokens are not those of {structure.path.name}")

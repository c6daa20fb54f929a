"""Reader of ColabFold's output.

One folder may hold many queries; the sample of rank k of one is::

    <query>_scores_rank_<kkk>_<model>.json              pLDDT (0 to 100), pae, ptm, iptm
    <query>_relaxed_rank_<kkk>_<model>.pdb              where it was relaxed
    <query>_unrelaxed_rank_<kkk>_<model>.pdb            otherwise

Sample 0 is rank 1. `iptm` is absent for one chain; pTM of chains and ipTM of pairs are only there if they
were asked for (`--calc-extra-ptm`).
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from foldcp.errors import InputError
from foldcp.scores.readers import files
from foldcp.scores.readers.structure import chains, layout, read_structure, scored_tokens
from foldcp.scores.sample import Sample

_SCORES = re.compile(r"(?P<query>.+)_scores_(?P<model>rank_(?P<rank>\d+)_.+)\.json")


def queries(names: list[str]) -> set[str]:
    """Return the queries whose scores are among these file names."""
    return {m["query"] for name in names if (m := _SCORES.fullmatch(name))}


def read(directory: Path, query: str) -> list[Sample]:
    """Read all samples of one query, by rank.

    Raises
    ------
    InputError
        Naming the file and what is wrong with it.
    """
    found = [m for path in directory.iterdir() if (m := _SCORES.fullmatch(path.name)) and m["query"] == query]
    found.sort(key=lambda m: int(m["rank"]))
    return [_read_sample(directory, query, m["model"], int(m["rank"]) - 1, m.string) for m in found]


def _read_sample(directory: Path, query: str, model: str, number: int, scores: str) -> Sample:
    path = directory / scores
    values = files.read_keys(path)
    relaxed, unrelaxed = (directory / f"{query}_{kind}_{model}.pdb" for kind in ("relaxed", "unrelaxed"))
    structure = read_structure(relaxed if relaxed.is_file() else unrelaxed)
    laid = layout(structure, atoms_of_modified=False)
    if "plddt" not in values:
        raise InputError(f"{path}: key 'plddt' is missing; got keys {sorted(values)}")
    plddt = files.checked_plddt(path, files.numbers(path, values["plddt"], "plddt", laid.residue.shape), 100)
    tokens = scored_tokens(structure, laid, plddt)
    ptm, iptm = (files.optional_number(path, values, key) for key in ("ptm", "iptm"))
    one = len(structure.names) == 1
    both = None if ptm is None or iptm is None else 0.8 * iptm + 0.2 * ptm
    return Sample(
        number=number,
        program="colabfold",
        chains=chains(structure, laid),
        scores={"ptm": ptm, "iptm": 0.0 if one else iptm, "complex_plddt": float(plddt.mean())},
        ranking_score=float(plddt.mean()) if one else both,
        chain_ptm=_by_chain(path, values, structure.names),
        chain_pair_iptm=_by_pair(path, values, structure.names),
        tokens=tokens,
        atoms=structure.atoms,
        structure=Path(structure.path.name),
        errors=files.errors_of_lists(path, values.get("pae"), tokens),
    )


def _by_chain(path: Path, values: Mapping[str, Any], names: tuple[str, ...]) -> np.ndarray | None:
    given = values.get("per_chain_ptm")
    return None if given is None else np.array([files.number(path, given, name) for name in names])


def _by_pair(path: Path, values: Mapping[str, Any], names: tuple[str, ...]) -> np.ndarray | None:
    """Return ipTM of pairs, which ColabFold gives once for both directions: {"A-B": 0.9}."""
    given = values.get("pairwise_iptm")
    if given is None:
        return None
    pairs = np.full((len(names), len(names)), np.nan)
    for a, first in enumerate(names):
        for b, second in enumerate(names):
            if f"{first}-{second}" in given:
                pairs[a, b] = pairs[b, a] = files.number(path, given, f"{first}-{second}")
    return pairs

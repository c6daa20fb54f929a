"""What is counted: distinct predictions, not rows of an input table.

Databases list the same complex under several ids. Counted apart, one good score would count several times
and make chance look like a finding. Complexes of equal input share one prediction (`predicted_as`), and so
one unit. Equal members alone do not: with templates or alignments of its own a complex is predicted by
itself.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

ROLES = ("input", "known", "candidate", "decoy")
"""Roles of complexes. A unit of several has the first: a decoy with the input of a complex is no decoy."""

_OF_ANY_COMPLEX = {"ranking_score", "confidence_score", "ptm", "complex_plddt", "complex_iplddt"}
"""Scores that one chain can have; all others are of interfaces, and one chain has none."""


def scored(parts: Mapping[str, pa.Table], complexes: pa.Table, scores: Sequence[str]) -> pd.DataFrame:
    """Return one row per scored complex, in order of complex_id.

    Parameters
    ----------
    parts
        SCORES_COMPLEXES table of each size bin.
    complexes
        COMPLEXES table, decoys included; says which complex a decoy stands for.
    scores
        Score columns to take. A score that is missing, not finite, or of an interface where there is only
        one chain is NaN.

    Returns
    -------
    pd.DataFrame
        Columns complex_id, unit, role, bin, n_tokens, meaningless, matched (whether a decoy of the unit is
        scored), and the scores as floats.
    """
    columns = ["complex_id", "predicted_as", "role", "n_tokens", "n_chains", "meaningless"]
    names = list(dict.fromkeys(scores))
    tables = [
        part.select([*columns, *names]).append_column("bin", pa.array([name] * part.num_rows, pa.string()))
        for name, part in parts.items()
    ]
    if not tables:
        known = ["complex_id", "unit", "role", "bin", "n_tokens", "meaningless", "matched"]
        return pd.DataFrame(columns=[*known, *names])
    rows = pa.concat_tables(tables).to_pandas().sort_values("complex_id", ignore_index=True)
    rows = rows.rename(columns={"predicted_as": "unit"})
    rows["matched"] = rows["unit"].isin(_with_decoy(rows, complexes))
    rows[names] = rows[names].astype(float)
    rows[names] = rows[names].where(np.isfinite(rows[names]))
    rows.loc[rows["n_chains"] < 2, [name for name in names if name not in _OF_ANY_COMPLEX]] = np.nan
    return rows.drop(columns="n_chains")


def _with_decoy(rows: pd.DataFrame, complexes: pa.Table) -> set[str]:
    """Return the units that a scored decoy stands for."""
    unit = dict(zip(rows["complex_id"], rows["unit"], strict=True))
    of = dict(zip(complexes["complex_id"].to_pylist(), complexes["matched_to"].to_pylist(), strict=True))
    originals = (of.get(name) for name in rows.loc[rows["role"] == "decoy", "complex_id"])
    return {unit[name] for name in originals if name in unit}


def distinct(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row per unit of `scored` rows, by name: its first role, its first complex of that."""
    order = rows["role"].map(ROLES.index).argsort(kind="stable")
    return rows.iloc[order].drop_duplicates("unit").set_index("unit").sort_index()


def with_score(units: pd.DataFrame, score: str) -> pd.DataFrame:
    """Return the units that have a score."""
    return units[units[score].notna()]


def classes(units: pd.DataFrame, score: str, candidates_as_negatives: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return values and classes of the units that have a score and a class.

    Decoys are compared with the complexes that they stand for: a complex without a scored decoy has no class,
    for the decoys of others are unlike it (no decoy is a homomer). Where candidates are negatives, all known
    pairs of the screen are their counterpart.

    Parameters
    ----------
    units
        From `distinct`.
    score
        Score column.
    candidates_as_negatives
        Whether candidates of a screen count as negatives; otherwise they have no class.

    Returns
    -------
    values, positive
        Score of each unit, and whether it is a complex (role input or known) or a negative (decoy,
        candidate).
    """
    wanted = ROLES if candidates_as_negatives else [role for role in ROLES if role != "candidate"]
    taken = with_score(units, score)
    taken = taken[taken["role"].isin(wanted)]
    positive = taken["role"].isin(["input", "known"])
    if not (taken["role"] == "candidate").any():
        taken, positive = (part[~positive | taken["matched"].astype(bool)] for part in (taken, positive))
    return taken[score].to_numpy(), positive.to_numpy()

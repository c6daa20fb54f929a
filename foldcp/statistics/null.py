"""Empirical p- and q-values: how often a decoy scores as high.

The null of a complex is the decoys of its own size bin, because scores change with size. A bin with few
decoys cannot tell small p-values, so its complexes are held against the decoys of all bins.

p = (1 + k) / (1 + n) with k of n decoys scoring at least as high: exact where complex and decoys are
exchangeable, never zero, and ties count against the complex (Phipson and Smyth 2010). p-values that share
decoys depend on each other positively, and Benjamini-Hochberg controls the false discovery rate all the
same (Bates et al. 2023).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from foldcp.statistics.multiple import benjamini_hochberg
from foldcp.statistics.units import with_score

ALL = "all"
"""Name of the null made of the decoys of all bins."""


def significance(
    rows: pd.DataFrame, units: pd.DataFrame, scores: Sequence[str], min_decoys: int
) -> list[dict[str, Any]]:
    """Return p- and q-value of every complex that is no decoy, for every score.

    Complexes without a decoy of their own are held against the decoys of others, and marked as not `matched`.
    Q-values are over the distinct predictions of one role and score: the known pairs of a screen do not make
    its candidates look better.

    Parameters
    ----------
    rows, units
        From `foldcp.statistics.units`.
    scores
        Score columns.
    min_decoys
        Fewest decoys of a bin that make a null of their own.

    Returns
    -------
    list
        Rows of SIGNIFICANCE without `meaningless`, most significant first within a score; none for a score
        that no decoy has.
    """
    shown = rows.loc[rows["role"] != "decoy", ["complex_id", "role", "unit", "matched"]]
    found = []
    for score in scores:
        there = with_score(units, score)
        is_decoy = there["role"] == "decoy"
        if is_decoy.all() or not is_decoy.any():
            continue
        tested = _tested(there[~is_decoy], there[is_decoy], score, min_decoys)
        table = shown.join(tested, on="unit", how="inner").sort_values(
            ["p_value", "value", "complex_id"], ascending=[True, False, True]
        )
        found += table.drop(columns="unit").assign(score=score).to_dict("records")
    return found


def _tested(units: pd.DataFrame, decoys: pd.DataFrame, score: str, min_decoys: int) -> pd.DataFrame:
    """Return value, null and p- and q-value of units that are no decoys."""
    tested = units[["role", "bin", score]].rename(columns={score: "value"})
    counts = decoys["bin"].value_counts()
    tested["null_bin"] = tested["bin"].where(tested["bin"].map(counts).fillna(0) >= min_decoys, ALL)
    for name, group in tested.groupby("null_bin"):
        null = decoys[score] if name == ALL else decoys.loc[decoys["bin"] == name, score]
        tested.loc[group.index, "n_null"] = len(null)
        tested.loc[group.index, "p_value"] = p_values(group["value"].to_numpy(), null.to_numpy())
    for _, group in tested.groupby("role"):
        tested.loc[group.index, "q_value"] = benjamini_hochberg(group["p_value"].to_numpy())
    return tested.drop(columns=["role", "bin"]).astype({"n_null": int})


def p_values(values: np.ndarray, null: np.ndarray) -> np.ndarray:
    """Return (1 + k) / (1 + n) of each value, k of the n values of the null being at least as high."""
    at_least = len(null) - np.searchsorted(np.sort(null), values, side="left")
    return (1 + at_least) / (1 + len(null))

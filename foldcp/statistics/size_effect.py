"""Whether a score decays with the size of the complex."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from scipy.stats import spearmanr

from foldcp.statistics.null import ALL
from foldcp.statistics.units import ROLES

_FEWEST = 3
"""Units that a rank correlation needs to be other than 1 or -1."""


def size_effect(units: pd.DataFrame, scores: Sequence[str]) -> list[dict[str, Any]]:
    """Return the quartiles of each score by role and size bin, and its rank correlation with tokens.

    Parameters
    ----------
    units
        From `foldcp.statistics.units.distinct`.
    scores
        Score columns.

    Returns
    -------
    list
        Rows of SIZE_EFFECT without `meaningless`: bins in order, then all of them. Units without the score
        are only counted; there is no correlation of fewer than three units, of one score or of one size.
    """
    roles = [role for role in ROLES if (units["role"] == role).any()]
    return [
        {"score": score, "role": role, **row}
        for score in scores
        for role in roles
        for row in _by_bin(units[units["role"] == role], score)
    ]


def _by_bin(units: pd.DataFrame, score: str) -> list[dict[str, Any]]:
    bins = [{"bin": name, **_quartiles(group[score])} for name, group in units.groupby("bin")]
    return [*bins, {"bin": ALL, **_quartiles(units[score]), **_trend(units, score)}]


def _quartiles(values: pd.Series) -> dict[str, Any]:
    there = values.dropna()
    counted = {"n": len(there), "n_missing": len(values) - len(there)}
    if there.empty:
        return counted
    low, median, high = there.quantile([0.25, 0.5, 0.75])
    return counted | {"low": low, "median": median, "high": high}


def _trend(units: pd.DataFrame, score: str) -> dict[str, Any]:
    pairs = units[[score, "n_tokens"]].dropna()
    if len(pairs) < _FEWEST or (pairs.nunique() < 2).any():
        return {}
    got = spearmanr(pairs[score], pairs["n_tokens"])
    return {"spearman": float(got.statistic), "p_value": float(got.pvalue)}

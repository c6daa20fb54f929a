"""Two campaigns on the same complexes: which of the two scores higher, by how much, and is it chance.

A complex of the first is paired with the complex of the second that has the same content (members and
copies) and the same input (sequences, copies, alignments and templates). Where there is none, the content
says which, and among complexes of equal content the name; or else the input, where other accessions name the
same proteins. Folders that know of neither are paired by complex_id. Decoys take no part. The unit is a pair
of distinct predictions, and a prediction is in no more than one pair.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy.stats import bootstrap, spearmanr, wilcoxon

from foldcp.errors import InputError
from foldcp.statistics.resampling import FEWEST, LEVEL
from foldcp.tables.rows import rows_to_table
from foldcp.tables.statistics_schemas import COMPARISON

RESAMPLES = 2000
_NAMES = ("first", "second")
_WAYS = (("content_key", "input_key"), ("content_key", "complex_id"), ("content_key",), ("input_key",))
"""Columns by which complexes are paired, those that say most first."""


@dataclass(frozen=True)
class Scored:
    """What one campaign scored.

    Attributes
    ----------
    rows
        From `foldcp.statistics.units.scored`.
    keys
        Further columns of `rows` that say what a complex is: content_key, input_key. Campaigns that share
        none are paired by complex_id.
    """

    rows: pd.DataFrame
    keys: tuple[str, ...]


def compare(first: Scored, second: Scored, scores: Sequence[str], seed: int) -> pa.Table:
    """Return how the scores of two campaigns differ on the complexes that both scored.

    Parameters
    ----------
    first, second
        The campaigns.
    scores
        Score columns.
    seed
        Seed of the bootstrap.

    Returns
    -------
    pa.Table
        COMPARISON table, one row per score. Complexes without the score in either campaign are left out.
        Without `FEWEST` pairs there is no interval; with equal scores throughout, no test.

    Raises
    ------
    InputError
        If no complex is in both.
    """
    pairs = paired(first, second)
    if pairs.empty:
        raise InputError(
            f"no complex was scored by both: {len(first.rows)} and {len(second.rows)} complexes, matched by "
            f"{' or '.join(_shared(first, second))}; compare campaigns on the same complexes"
        )
    common = {"meaningless": bool(pairs[["meaningless_first", "meaningless_second"]].any(axis=None))}
    return rows_to_table(
        COMPARISON, [common | {"score": score} | _compared(pairs, score, seed) for score in scores]
    )


def paired(first: Scored, second: Scored) -> pd.DataFrame:
    """Return the pairs of distinct predictions of the same complex; columns end in `_first` and `_second`."""
    sides = [side.rows[side.rows["role"] != "decoy"] for side in (first, second)]
    found = []
    for way in _ways(_shared(first, second)):
        left, right = (side[side[way].notna().all(axis=1)].drop_duplicates(way) for side in sides)
        pairs = left.merge(right, on=way, suffixes=("_first", "_second"))
        found.append(pairs.drop_duplicates("unit_first").drop_duplicates("unit_second"))
        # What is paired is not paired again, by keys that say less.
        sides = [
            side[~side["unit"].isin(found[-1][f"unit_{n}"])] for side, n in zip(sides, _NAMES, strict=True)
        ]
    return pd.concat(found)


def _ways(keys: Sequence[str]) -> list[list[str]]:
    ways = [list(way) for way in _WAYS if {*way} <= {*keys, "complex_id"}]
    return ways or [["complex_id"]]


def _shared(first: Scored, second: Scored) -> list[str]:
    return [key for key in first.keys if key in second.keys] or ["complex_id"]


def _compared(pairs: pd.DataFrame, score: str, seed: int) -> dict[str, Any]:
    columns = [f"{score}_{name}" for name in _NAMES]
    first, second = pairs[columns].dropna().to_numpy().T
    higher = second - first
    counted = {
        "n_pairs": len(first),
        "n_first_higher": int((higher < 0).sum()),
        "n_second_higher": int((higher > 0).sum()),
    }
    if not len(first):
        return counted
    low, high = _interval(higher, np.random.default_rng(seed))
    return counted | {
        "median_first": float(np.median(first)),
        "median_second": float(np.median(second)),
        "median_difference": float(np.median(higher)),
        "low": low,
        "high": high,
        "spearman": _spearman(first, second),
        "p_value": _signed_rank(higher),
    }


def _interval(differences: np.ndarray, random: np.random.Generator) -> tuple[float | None, float | None]:
    if len(differences) < FEWEST:
        return None, None
    got = bootstrap(
        (differences,),
        np.median,
        n_resamples=RESAMPLES,
        batch=max(1, 2_000_000 // len(differences)),
        vectorized=True,
        confidence_level=LEVEL,
        method="percentile",
        random_state=random,
    ).confidence_interval
    return float(got.low), float(got.high)


def _spearman(first: np.ndarray, second: np.ndarray) -> float | None:
    if len(first) < 3 or len(set(first)) < 2 or len(set(second)) < 2:
        return None
    return float(spearmanr(first, second).statistic)


def _signed_rank(differences: np.ndarray) -> float | None:
    changed = differences[differences != 0]
    return float(wilcoxon(changed).pvalue) if len(changed) else None

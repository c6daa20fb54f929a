"""Whether a score tells complexes from controls: ROC AUC, average precision, enrichment factors.

An enrichment factor is the share of complexes among those called top, over their share among all. It is 1 for
a score that says nothing and at most (all / complexes), so 2 with one decoy for each complex.

Units of equal score are called top together, so the order of rows never matters: `n_top` says how many were.
Intervals are percentile bootstraps, resampled within each class. Two limits, measured on normals: with 50 to
100 units of a class the interval of the average precision covers about 0.9 rather than 0.95; and where a
score separates both classes completely, that of ROC AUC and average precision is a point. For enrichment
factors the latter would happen all the time (of a handful called top, all are complexes, and no resample says
otherwise), so their interval is never narrower than Wilson's for the share of complexes among the top.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score
from statsmodels.stats.proportion import proportion_confint

from foldcp.config import EnrichmentConfig
from foldcp.statistics.ranks import (
    Counts,
    average_precision,
    count,
    enrichment,
    enrichment_at,
    enrichment_of_best,
    roc_auc,
    top,
)
from foldcp.statistics.resampling import FEWEST, LEVEL, interval, resampled
from foldcp.statistics.units import classes

TOP_FRACTIONS = (0.01, 0.05, 0.1)


@dataclass(frozen=True)
class Gate:
    """Cut-offs in use by others: a complex passes if every score reaches its own.

    Attributes
    ----------
    source
        Who uses them.
    cutoffs
        Lowest passing value by score; rows are filed under the first score.
    """

    source: str
    cutoffs: Mapping[str, float]


GATES = (
    Gate(
        "AlphaFold Database, complexes: with pdockq2_max from 0.23", {"ipsae_max": 0.6, "pdockq2_max": 0.23}
    ),
    Gate("AlphaFold Database, complexes: ipSAE alone", {"ipsae_max": 0.6}),
    Gate("AlphaFold Database, complexes: pDockQ2 alone", {"pdockq2_max": 0.23}),
    Gate("Kim et al. 2024, local interaction score", {"lis_max": 0.203}),
)


def discrimination(
    units: pd.DataFrame, scores: Sequence[str], config: EnrichmentConfig, seed: int
) -> list[dict[str, Any]]:
    """Return how well each score tells complexes from controls.

    Parameters
    ----------
    units
        From `foldcp.statistics.units.distinct`.
    scores
        Score columns. A gate is applied where all its scores are among them.
    config
        Resamples; whether candidates are negatives.
    seed
        Campaign seed.

    Returns
    -------
    list
        Rows of DISCRIMINATION without `meaningless`. None for a score that only one class has; no enrichment
        factor at a gate that nothing passes; no interval where a class has fewer than `FEWEST` units.
    """
    found = []
    for score in scores:
        values, positive = classes(units, score, config.candidates_as_negatives)
        if not positive.any() or positive.all():
            continue
        found += _of_ranks(values, positive, config.bootstrap, np.random.default_rng(seed), {"score": score})
        for gate in GATES:
            if next(iter(gate.cutoffs)) == score and set(gate.cutoffs) <= set(scores):
                found += _of_gate(units, gate, config, seed)
    return found


def _of_ranks(
    values: np.ndarray, positive: np.ndarray, n: int, random: np.random.Generator, key: dict[str, Any]
) -> list[dict[str, Any]]:
    counts = count(values, positive)
    statistics: list[Callable] = [
        roc_auc,
        average_precision,
        *(partial(enrichment_at, fraction=f) for f in TOP_FRACTIONS),
    ]
    points = [
        {"statistic": "roc_auc", "value": float(roc_auc_score(positive, values))},
        {"statistic": "average_precision", "value": float(average_precision_score(positive, values))},
        *({"top_fraction": f, **_enriched(top(*counts, f), counts)} for f in TOP_FRACTIONS),
    ]
    limits = _intervals(counts, statistics, n, random)
    return [key | _widened(limit | point) for point, limit in zip(points, limits, strict=True)]


def _of_gate(units: pd.DataFrame, gate: Gate, config: EnrichmentConfig, seed: int) -> list[dict[str, Any]]:
    score, cutoff = next(iter(gate.cutoffs.items()))
    complete = units.dropna(subset=list(gate.cutoffs))
    passes = np.all([complete[name] >= least for name, least in gate.cutoffs.items()], axis=0)
    passed, positive = classes(
        complete.assign(**{score: passes.astype(float)}), score, config.candidates_as_negatives
    )
    if not passed.any() or not positive.any() or positive.all():
        return []
    counts = count(passed, positive)
    random = np.random.default_rng(seed)
    (limit,) = _intervals(counts, [enrichment_of_best], config.bootstrap, random)
    best = (counts[0][0], counts[1][0])
    key = {"score": score, "cutoff": cutoff, "cutoff_source": gate.source}
    return [key | _widened(limit | _enriched(best, counts))]


def _enriched(called: tuple[Any, Any], counts: Counts) -> dict[str, Any]:
    return {
        "statistic": "enrichment",
        "value": float(enrichment(*called, *counts)),
        "n_top": int(sum(called)),
        "n_top_positive": int(called[0]),
    }


def _widened(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row whose interval, if it is of an enrichment factor, holds Wilson's as well."""
    if row.get("low") is None or row["statistic"] != "enrichment":
        return row
    low, high = proportion_confint(row["n_top_positive"], row["n_top"], alpha=1 - LEVEL, method="wilson")
    factor = (row["n_positive"] + row["n_negative"]) / row["n_positive"]
    return row | {"low": min(row["low"], factor * low), "high": max(row["high"], factor * high)}


def _intervals(
    counts: Counts, statistics: Sequence[Callable], n: int, random: np.random.Generator
) -> list[dict[str, Any]]:
    """Return the bootstrap interval of each statistic, all over the same resamples, and what it is of."""
    n_positive, n_negative = (int(side.sum()) for side in counts)
    common = {"level": LEVEL, "n_bootstrap": n, "n_positive": n_positive, "n_negative": n_negative}
    if min(n_positive, n_negative) < FEWEST:
        return [common | {"n_bootstrap": 0}] * len(statistics)
    batches = [[of(*drawn) for of in statistics] for drawn in resampled(*counts, n, random)]
    ends = [interval(np.concatenate(parts)) for parts in zip(*batches, strict=True)]
    return [common | {"low": low, "high": high} for low, high in ends]

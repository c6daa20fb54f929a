"""Which categories are over-represented among the best scored complexes: FunCat, GO, complex class, ..."""

import math
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy.stats import fisher_exact
from scipy.stats.contingency import odds_ratio

from foldcp.config import EnrichmentConfig
from foldcp.statistics.multiple import benjamini_hochberg
from foldcp.statistics.ranks import n_called_top
from foldcp.statistics.resampling import LEVEL
from foldcp.statistics.units import with_score

Category = tuple[str, str]


def categories(
    rows: pd.DataFrame, units: pd.DataFrame, complexes: pa.Table, config: EnrichmentConfig
) -> list[dict[str, Any]]:
    """Test every category for over-representation among the top scored complexes.

    Decoys are in no category and take no part. Complexes that share a prediction count once, with the
    categories of all of them. Each scheme is tested among the complexes that it annotates: what is annotated
    at all may well score better than the rest, and then any category would seem to. A category is tested if
    at least `min_size` scored complexes carry it: Fisher's exact test, one-sided, on (top or not) x (in the
    category or not); q-values are Benjamini-Hochberg's over the tested categories of one scheme. Complexes
    whose score ties with the last one of the top share are all top, so the result never depends on the order
    of rows: `n_top` is what was used.

    Parameters
    ----------
    rows, units
        From `foldcp.statistics.units`.
    complexes
        COMPLEXES table, the source of the annotations.
    config
        Ranking score, share called top, smallest category.

    Returns
    -------
    list
        Rows of ENRICHMENT without `meaningless`, most significant first; none of a scheme with fewer than two
        scored complexes.
    """
    ranked = with_score(units[units["role"] != "decoy"], config.score)[config.score]
    labels = _labels(complexes)
    common = {"score": config.score, "top_fraction": config.top_fraction}
    found = [
        common | row | {"scheme": scheme, "label": labels.get((scheme, row["term"]))}
        for scheme, members in _members(rows, complexes).items()
        for row in _of_scheme(members, ranked, config)
    ]
    return sorted(found, key=lambda row: (row["p_value"], row["scheme"], row["term"]))


def _members(rows: pd.DataFrame, complexes: pa.Table) -> Mapping[str, Mapping[str, set[str]]]:
    """Return the units of each term of each scheme."""
    unit = dict(zip(rows["complex_id"], rows["unit"], strict=True))
    members: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for name, annotations in zip(
        *(complexes[c].to_pylist() for c in ("complex_id", "annotations")), strict=True
    ):
        for annotation in annotations if name in unit else ():
            members[annotation["scheme"]][annotation["term"]].add(unit[name])
    return members


def _of_scheme(
    members: Mapping[str, set[str]], ranked: pd.Series, config: EnrichmentConfig
) -> list[dict[str, Any]]:
    """Return the tested terms of one scheme, whose background is the units that have any of its terms."""
    ranked = ranked[ranked.index.isin(set().union(*members.values()))]
    if len(ranked) < 2:
        return []
    cut = np.sort(ranked)[-n_called_top(len(ranked), config.top_fraction)]
    top = set(ranked.index[ranked >= cut])
    scored = {term: found & set(ranked.index) for term, found in members.items()}
    tested = [
        {"term": term, **_test(found, top, len(ranked))}
        for term, found in scored.items()
        if len(found) >= config.min_size
    ]
    q_values = benjamini_hochberg(np.array([row["p_value"] for row in tested]))
    return [row | {"q_value": q} for row, q in zip(tested, q_values, strict=True)]


def _test(members: set[str], top: set[str], n_all: int) -> dict[str, Any]:
    hits = len(members & top)
    table = [
        [hits, len(top) - hits],
        [len(members) - hits, n_all - len(top) - len(members) + hits],
    ]
    test = fisher_exact(table, alternative="greater")
    return {
        "n_top_in_term": hits,
        "n_top": len(top),
        "n_in_term": len(members),
        "n_all": n_all,
        "fold_enrichment": (hits / len(top)) / (len(members) / n_all),
        **_odds(table, float(test.statistic)),
        "p_value": float(test.pvalue),
    }


def _odds(table: list[list[int]], ratio: float) -> dict[str, float]:
    """Return the odds ratio and its interval; nothing where all are top or all in the category."""
    if math.isnan(ratio):
        return {}
    low, high = odds_ratio(table, kind="conditional").confidence_interval(LEVEL)
    return {"odds_ratio": ratio, "odds_low": float(low), "odds_high": float(high)}


def _labels(complexes: pa.Table) -> dict[Category, str]:
    annotations = (a for row in complexes["annotations"].to_pylist() for a in row)
    return {(a["scheme"], a["term"]): a["label"] for a in annotations if a["label"]}

"""Enrichment: which categories are over-represented among the best scored complexes.

The unit of the test is a distinct prediction, not a row of the input table. Databases list the same complex
under several ids; counted apart, one good score would count several times and make chance look like a
finding.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from scipy.stats import false_discovery_control, fisher_exact

from foldcp.config import EnrichmentConfig
from foldcp.tables.rows import empty, rows_to_table
from foldcp.tables.schemas import ENRICHMENT

Category = tuple[str, str]


@dataclass
class _Unit:
    score: float
    categories: set[Category] = field(default_factory=set)


def enrich(scores: pa.Table, complexes: pa.Table, config: EnrichmentConfig) -> pa.Table:
    """Test every category for over-representation among the top scored complexes.

    The best sample (rank 1) stands for its complex, and complexes of equal content count once, with the
    categories of all of them. A category is tested if at least `min_size` scored complexes carry it: Fisher's
    exact test, one-sided, on (top or not) x (in the category or not); q-values are Benjamini-Hochberg's over
    the tested categories. Complexes whose score ties with the last one of the top share are all top, so the
    result never depends on the order of rows: `n_top` is what was used.

    Parameters
    ----------
    scores
        SCORES_COMPLEXES table.
    complexes
        COMPLEXES table, the source of the annotations.
    config
        Ranking score, share called top, smallest category.

    Returns
    -------
    pa.Table
        ENRICHMENT table, most significant first; empty with fewer than two scored complexes.
    """
    best = [row for row in scores.to_pylist() if row["rank"] == 1]
    units = _units(best, complexes, config.score)
    if len(units) < 2:
        return empty(ENRICHMENT)
    top = _top(units, config.top_fraction)
    members = _members(units)
    tested = sorted(category for category, ids in members.items() if len(ids) >= config.min_size)
    if not tested:
        return empty(ENRICHMENT)
    rows = [_test(members[category], top, len(units)) for category in tested]
    q_values = false_discovery_control([row["p_value"] for row in rows], method="bh")
    labels = _labels(complexes)
    common = {
        "score": config.score,
        "top_fraction": config.top_fraction,
        "meaningless": any(row["meaningless"] for row in best),
    }
    table = (
        {
            "scheme": scheme,
            "term": term,
            "label": labels.get((scheme, term)),
            **row,
            "q_value": float(q),
            **common,
        }
        for (scheme, term), row, q in zip(tested, rows, q_values, strict=True)
    )
    return rows_to_table(
        ENRICHMENT, sorted(table, key=lambda row: (row["p_value"], row["scheme"], row["term"]))
    )


def _units(best: Iterable[Mapping[str, Any]], complexes: pa.Table, score: str) -> dict[str, _Unit]:
    """Return score and categories of each distinct content, keyed by its first complex."""
    columns = ("complex_id", "same_as", "annotations")
    rows = zip(*(complexes[name].to_pylist() for name in columns), strict=True)
    listed = {complex_id: (same_as, annotations) for complex_id, same_as, annotations in rows}
    units: dict[str, _Unit] = {}
    for row in sorted(best, key=lambda row: row["complex_id"]):
        # One chain has no interface: its ipTM is 0 by definition and would rank last for no reason.
        if score == "iptm" and row["n_chains"] < 2:
            continue
        same_as, _ = listed.get(row["predicted_as"], (row["predicted_as"], []))
        _, annotations = listed.get(row["complex_id"], (None, []))
        unit = units.setdefault(same_as, _Unit(row[score]))
        unit.categories.update((a["scheme"], a["term"]) for a in annotations)
    return units


def _top(units: Mapping[str, _Unit], fraction: float) -> set[str]:
    ranked = sorted((unit.score for unit in units.values()), reverse=True)
    cut = ranked[max(1, math.floor(fraction * len(ranked) + 0.5)) - 1]
    return {name for name, unit in units.items() if unit.score >= cut}


def _members(units: Mapping[str, _Unit]) -> dict[Category, set[str]]:
    members: dict[Category, set[str]] = defaultdict(set)
    for name, unit in units.items():
        for category in unit.categories:
            members[category].add(name)
    return members


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
        "odds_ratio": None if math.isnan(test.statistic) else float(test.statistic),
        "p_value": float(test.pvalue),
    }


def _labels(complexes: pa.Table) -> dict[Category, str]:
    annotations = (a for row in complexes["annotations"].to_pylist() for a in row)
    return {(a["scheme"], a["term"]): a["label"] for a in annotations if a["label"]}

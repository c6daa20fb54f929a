"""Tables of evidence: what scores mean against decoys, and categories among the best."""

from collections import defaultdict
from collections.abc import Callable

from foldcp.campaign.page.grid import Column, Grid, Interval
from foldcp.campaign.page.wording import SCORES, label, negatives
from foldcp.campaign.results import Results, Row

_LEVELS = (("p_value", 0.05), ("q_value", 0.05), ("q_value", 0.1))
"""Levels of significance at which complexes are counted."""


def discrimination_grid(results: Results, candidates: bool) -> Grid:
    """Return one row per score: does it tell complexes from decoys, how many stand out.

    Parameters
    ----------
    results
        The campaign.
    candidates
        Whether candidates of a screen count as negatives, beside the decoys.
    """
    controls = negatives(candidates)
    said: dict[str, list[Row]] = defaultdict(list)
    for row in results.rows("08_enrichment/discrimination.parquet"):
        said[row["score"]].append(row)
    tested: dict[str, list[Row]] = defaultdict(list)
    for row in results.rows("08_enrichment/significance.parquet", "score", "p_value", "q_value"):
        tested[row["score"]].append(row)
    shares = sorted({r["top_fraction"] for rows in said.values() for r in rows if r["top_fraction"]})
    columns = [
        Column("Score", "short"),
        Column(
            "ROC AUC",
            "interval",
            note=f"chance that a complex scores higher than one of the {controls}; 0.5: no better",
        ),
        Column("Average precision", "interval", note="area under the precision-recall curve"),
        *(_factor_column(f"EF {share:.0%}", share) for share in shares),
        Column("Complexes", "number", 0, "distinct predictions that are compared with them"),
        Column(controls.capitalize(), "number", 0),
        *(
            Column(f"{name[0]} ≤ {level}", "number", 0, "complexes with so low a value")
            for name, level in _LEVELS
        ),
    ]
    cells = [
        [
            label(score),
            _estimate(said[score], lambda row: row["statistic"] == "roc_auc"),
            _estimate(said[score], lambda row: row["statistic"] == "average_precision"),
            *(_estimate(said[score], _within(share)) for share in shares),
            max((row["n_positive"] for row in said[score]), default=None),
            max((row["n_negative"] for row in said[score]), default=None),
            *(_below(tested[score], name, level) for name, level in _LEVELS),
        ]
        for score in _in_order([*said, *tested])
    ]
    return Grid("discrimination", f"Scores against {controls}", columns, cells)


def cutoff_grid(results: Results) -> Grid:
    """Return the enrichment factor above cut-offs that others use."""
    rows = [row for row in results.rows("08_enrichment/discrimination.parquet") if row["cutoff"] is not None]
    columns = [
        Column("Score", "short"),
        Column("Cut-off", "number", 3),
        Column("Used by"),
        Column("Enrichment factor", "interval", note="share of complexes above it over their share of all"),
        *(Column("Above", "number", 0), Column("of them complexes", "number", 0)),
    ]
    cells = [
        [
            *(label(row["score"]), row["cutoff"], row["cutoff_source"] or ""),
            Interval(row["value"], row["low"], row["high"]),
            *(row["n_top"], row["n_top_positive"]),
        ]
        for row in rows
    ]
    return Grid("cutoffs", "Cut-offs in use", columns, cells)


def category_grid(results: Results) -> Grid:
    """Return categories that were tested for being frequent among the best complexes."""
    columns = [
        *(Column("Vocabulary", "short"), Column("Category"), Column("Name")),
        *(Column("In top", "number", 0), Column("In all", "number", 0)),
        Column("Fold", "number", 2, "share among the top over share among all"),
        Column("Odds ratio", "interval", note="with its 95 % interval"),
        Column("p", "number", 3, "Fisher's exact test, one-sided"),
        Column("q", "number", 3, "Benjamini-Hochberg"),
    ]
    cells = [
        [
            *(row["scheme"], row["term"], row["label"] or ""),
            *(row["n_top_in_term"], row["n_in_term"], row["fold_enrichment"]),
            _odds(row),
            *(row["p_value"], row["q_value"]),
        ]
        for row in results.rows("08_enrichment/enrichment.parquet")
    ]
    return Grid("categories", "Categories", columns, cells, "08_enrichment/enrichment.parquet")


def _odds(row: Row) -> Interval | None:
    if row["odds_ratio"] is None:
        return None
    return Interval(row["odds_ratio"], row["odds_low"], row["odds_high"])


def _factor_column(name: str, share: float) -> Column:
    note = f"enrichment factor: share of complexes among the best {share:.0%}, over their share of all"
    return Column(name, "interval", 1, note)


def _estimate(rows: list[Row], wanted: Callable[[Row], bool]) -> Interval | None:
    return next((Interval(row["value"], row["low"], row["high"]) for row in rows if wanted(row)), None)


def _within(share: float) -> Callable[[Row], bool]:
    return lambda row: row["top_fraction"] == share


def _below(rows: list[Row], name: str, level: float) -> int | None:
    return sum(row[name] is not None and row[name] <= level for row in rows) if rows else None


def _in_order(scores: list[str]) -> list[str]:
    return [*(s for s in SCORES if s in scores), *sorted(set(scores) - set(SCORES))]

"""Figures of evidence: how well scores tell complexes from decoys."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from foldcp.campaign.page.drawing import MUTED
from foldcp.campaign.page.wording import SCORES, label, negatives
from foldcp.campaign.results import Results, Row

_COLOURS = ("#0f6e84", "#b5422c", "#d8a634", "#7d2248", "#3b9ab2", "#4f772d", "#52606d", "#d9772b")
_DASHES = ("-", "-", "--", "-.")


def curves(results: Results, ranking: str, candidates: bool) -> Figure | None:
    """ROC and precision-recall curves of every score; the ranking score is drawn thick.

    Parameters
    ----------
    results
        The campaign.
    ranking
        Score that ranks its complexes.
    candidates
        Whether candidates of a screen count as negatives, beside the decoys.
    """
    rows = results.rows("08_enrichment/curves.parquet")
    scores = _scores(rows)
    if not scores:
        return None
    figure = Figure(figsize=(9.6, 4.4), layout="constrained")
    roc, pr = figure.subplots(1, 2)
    areas = _areas(results)
    for number, score in enumerate(scores):
        colour, dash = _COLOURS[number % len(_COLOURS)], _DASHES[number % len(_DASHES)]
        for axes, curve, statistic in ((roc, "roc", "roc_auc"), (pr, "pr", "average_precision")):
            points = np.array([(r["x"], r["y"]) for r in rows if r["score"] == score and r["curve"] == curve])
            area = areas.get((score, statistic))
            name = label(score) + (f" {area:.2f}" if area is not None else "")
            width = 2.6 if score == ranking else 1.2
            axes.plot(*points.T, color=colour, linestyle=dash, linewidth=width, label=name)
    _frame(
        roc,
        "ROC curve, with its area",
        f"share of {negatives(candidates)} called",
        "share of complexes called",
    )
    roc.plot((0, 1), (0, 1), color=MUTED, linewidth=1, linestyle=":")
    _frame(
        pr, "Precision and recall, with average precision", "recall: share of complexes called", "precision"
    )
    if base := _base_rate(results):
        pr.axhline(base, color=MUTED, linewidth=1, linestyle=":")
    return figure


def _frame(axes: Axes, title: str, x: str, y: str) -> None:
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel=x, ylabel=y)
    axes.set_title(title, loc="left")
    axes.legend(loc="best", fontsize=9, frameon=True, framealpha=0.85, edgecolor="none")


def factors(results: Results, ranking: str) -> Figure | None:
    """Enrichment factors among the best, with their intervals; the ranking score's label is bold."""
    rows = results.rows("08_enrichment/discrimination.parquet")
    rows = [row for row in rows if row["statistic"] == "enrichment" and row["top_fraction"]]
    scores, shares = _scores(rows), sorted({row["top_fraction"] for row in rows})
    if not scores:
        return None
    figure = Figure(figsize=(9.6, 0.9 + 0.32 * len(scores)), layout="constrained")
    for axes, share in zip(
        figure.subplots(1, len(shares), sharey=True, squeeze=False).flat, shares, strict=True
    ):
        _factor_panel(axes, [row for row in rows if row["top_fraction"] == share], scores)
        axes.set_title(f"best {share:.0%} of all", loc="left")
    first = figure.axes[0]
    first.set_yticks(range(len(scores)), [label(score) for score in scores])
    for text, score in zip(first.get_yticklabels(), scores, strict=True):
        text.set_fontweight("bold" if score == ranking else "normal")
    first.invert_yaxis()
    figure.supxlabel("enrichment factor (1: no better than chance)", fontsize=10)
    return figure


def _factor_panel(axes: Axes, rows: Sequence[Row], scores: Sequence[str]) -> None:
    axes.axvline(1, color=MUTED, linewidth=1, linestyle=":")
    for row in rows:
        place = scores.index(row["score"])
        colour = _COLOURS[place % len(_COLOURS)]
        axes.plot(row["value"], place, "o", color=colour, ms=5)
        if row["low"] is not None and row["high"] is not None:
            axes.plot((row["low"], row["high"]), (place, place), color=colour, linewidth=1.6)
    axes.set_xlim(left=0)


def _scores(rows: Sequence[Row]) -> list[str]:
    found = {row["score"] for row in rows}
    return [*(name for name in SCORES if name in found), *sorted(found - set(SCORES))]


def _areas(results: Results) -> dict[tuple[str, str], float]:
    rows = results.rows("08_enrichment/discrimination.parquet", "score", "statistic", "value")
    return {(row["score"], row["statistic"]): row["value"] for row in rows}


def _base_rate(results: Results) -> float | None:
    """Return the share of complexes among all: the precision of a score that knows nothing."""
    rows = results.rows("08_enrichment/discrimination.parquet", "n_positive", "n_negative")
    totals = [row["n_positive"] + row["n_negative"] for row in rows]
    return rows[0]["n_positive"] / totals[0] if rows and totals[0] else None

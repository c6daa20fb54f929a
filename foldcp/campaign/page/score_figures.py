"""Figures of scores: complexes against decoys, and against size."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from foldcp.campaign.page.drawing import ACCENT, DECOY, MANY, WARN, log_ticks
from foldcp.campaign.page.wording import SCORES, label
from foldcp.campaign.results import Results, Row

_OURS, _DECOYS = "complexes", "decoys"


def distributions(results: Results) -> Figure | None:
    """Histograms of the main scores of the best samples: complexes, and the outline of decoys."""
    if not results.best:
        return None
    figure = Figure(figsize=(9.6, 5.0), layout="constrained")
    for axes, (score, wording) in zip(figure.subplots(2, 4).flat, SCORES.items(), strict=True):
        _distribution(axes, score, results)
        axes.set(xlim=(0, wording.top), ylim=(0, None), yticks=())
        axes.tick_params(labelsize=9)
        axes.grid(visible=False)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    if results.decoys:
        figure.legend(handles, labels, loc="outside lower right", ncols=2, fontsize=9)
    figure.supylabel("share of complexes", fontsize=10)
    return figure


def _distribution(axes: Axes, score: str, results: Results) -> None:
    top = SCORES[score].top
    values, null = _values(results.best, score), _values(results.decoys, score)
    bins = np.linspace(0, top, 26).tolist()
    title = "no value"
    if len(values):
        axes.hist(values, bins, weights=_shares(values), color=ACCENT, alpha=0.75, linewidth=0, label=_OURS)
        axes.axvline(float(np.median(values)), color=WARN, linewidth=1.5)
        title = f"median {np.median(values):.2f}"
    if len(null):
        axes.hist(null, bins, weights=_shares(null), histtype="step", color="#1f2933", label=_DECOYS)
        title += f", decoys {np.median(null):.2f}"
    axes.set_title(f"{label(score)}\n", loc="left", fontsize=11)
    axes.text(0, 1.02, title, transform=axes.transAxes, fontsize=9, color="#52606d")


def _values(rows: list[Row], score: str) -> np.ndarray:
    # A single chain has no interface, so no ipTM to count.
    kept = (row for row in rows if score != "iptm" or row["n_chains"] > 1)
    return np.array([row[score] for row in kept if row[score] is not None])


def _shares(values: np.ndarray) -> np.ndarray:
    return np.full(len(values), 1 / len(values))


def by_size(results: Results, score: str) -> Figure | None:
    """One score of the best sample against size, to see whether large complexes score lower."""
    parts = [
        (_DECOYS, DECOY, 10, _sized(results.decoys, score)),
        (_OURS, ACCENT, 16, _sized(results.best, score)),
    ]
    if len(parts[1][-1]) < 2:
        return None
    figure = Figure(figsize=(9.6, 3.1), layout="constrained")
    axes = figure.add_subplot()
    for name, colour, size, points in parts:
        if len(points):
            x, y = points.T
            many = len(points) > MANY
            axes.scatter(x, y, s=size, color=colour, alpha=0.6, linewidth=0, rasterized=many, label=name)
    axes.set(xscale="log", xlabel="size of the complex, tokens", ylabel=label(score))
    axes.set_ylim(0, SCORES[score].top if score in SCORES else None)
    log_ticks(axes.xaxis)
    if results.decoys:
        axes.legend(fontsize=9, ncols=2, loc="lower right", bbox_to_anchor=(1, 1), borderpad=0)
    return figure


def _sized(rows: list[Row], score: str) -> np.ndarray:
    kept = (row for row in rows if score != "iptm" or row["n_chains"] > 1)
    return np.array([(r["n_tokens"], r[score]) for r in kept if r["n_tokens"] and r[score] is not None])


def size_effect(results: Results) -> Figure | None:
    """Median and quartiles of the main scores in each size bin: complexes, and decoys beside them."""
    rows = results.rows("08_enrichment/size_effect.parquet")
    scores = [name for name in SCORES if any(row["score"] == name for row in rows)]
    if not scores:
        return None
    columns = min(4, len(scores))
    lines = -(-len(scores) // columns)
    figure = Figure(figsize=(2.4 * columns, 0.5 + 2.3 * lines), layout="constrained")
    panels = figure.subplots(lines, columns, squeeze=False).flat
    for axes, score in zip(panels, scores, strict=False):
        _size_panel(axes, [row for row in rows if row["score"] == score])
        axes.set_title(f"{label(score)}\n", loc="left", fontsize=11)
        axes.set_ylim(0, SCORES[score].top)
    for axes in figure.axes[len(scores) :]:
        axes.set_visible(False)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower right", ncols=3, fontsize=9)
    figure.supxlabel("size bin, tokens (up to)", fontsize=10)
    return figure


def _size_panel(axes: Axes, rows: list[Row]) -> None:
    edges = sorted({row["bin"] for row in rows if row["bin"] != "all"})
    roles = [
        role for role in ("decoy", "candidate", "known", "input") if any(r["role"] == role for r in rows)
    ]
    looks = {"decoy": (DECOY, "s"), "candidate": (WARN, "^"), "known": (ACCENT, "o"), "input": (ACCENT, "o")}
    for number, role in enumerate(roles):
        points = [
            row for row in rows if row["role"] == role and row["bin"] != "all" and row["median"] is not None
        ]
        x = [edges.index(row["bin"]) + 0.16 * (number - (len(roles) - 1) / 2) for row in points]
        middle, low, high = (
            np.array([row[name] or 0 for row in points]) for name in ("median", "low", "high")
        )
        colour, marker = looks[role]
        name = _OURS if role == "input" else f"{role}s" if role == "decoy" else role
        axes.errorbar(
            x, middle, [middle - low, high - middle], color=colour, marker=marker, ms=4, lw=1.2, label=name
        )
    axes.set_xticks(
        range(len(edges)), [f"{int(edge):,}".replace(",", "\N{NO-BREAK SPACE}") for edge in edges]
    )
    axes.tick_params(axis="x", labelsize=8, rotation=45)
    axes.text(0, 1.02, _trend(rows), transform=axes.transAxes, fontsize=9, color="#52606d")


def _trend(rows: list[Row]) -> str:
    trends = [r["spearman"] for r in rows if r["bin"] == "all" and r["role"] in ("input", "known")]
    return f"rank correlation {trends[0]:+.2f}" if trends and trends[0] is not None else ""

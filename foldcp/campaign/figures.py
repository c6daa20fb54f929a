"""Figures of a campaign as SVG text: coverage, scores, scores by size, predicted against measured cost.

Built on matplotlib's object interface, without its global state. Text stays text, so that figures are small,
searchable and readable by screen readers; the same data always give the same bytes.
"""

import io
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator, PercentFormatter

from foldcp.campaign.results import SCORED, Results

INK, MUTED, GRID, ACCENT, WARN = "#1f2933", "#52606d", "#e4e7eb", "#0f6e84", "#b44d12"
MESH_COLOURS = ("#0f6e84", "#3b9ab2", "#78b7a5", "#d8a634", "#d9772b", "#b5422c", "#7d2248")
SCORES = (
    ("confidence_score", "confidence score"),
    ("iptm", "ipTM"),
    ("ptm", "pTM"),
    ("complex_plddt", "mean pLDDT"),
)
_MEANINGLESS = "demo weights: these scores mean nothing"
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "foldcp",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "legend.frameon": False,
}


def figures(results: Results) -> dict[str, str]:
    """Return every figure the campaign has data for, as SVG text by name."""
    with matplotlib.rc_context(_STYLE):
        made = {name: maker(results) for name, maker in FIGURES.items()}
        return {name: _svg(figure) for name, figure in made.items() if figure is not None}


def coverage(results: Results) -> Figure | None:
    """Share of complexes up to each size: of known size, coloured by planned mesh, and scored so far."""
    tokens = results.rows("04_tokens.parquet", "complex_id", "n_tokens", "predicted_as")
    if not tokens:
        return None
    plan = results.rows("05_plan.parquet")
    meshes = {row["complex_id"]: (row["mesh_rows"], row["mesh_cols"]) for row in plan}
    unit = "CPU process" if plan and plan[0]["gpu"] == "cpu" else "GPU"
    tokens.sort(key=lambda row: row["n_tokens"])
    sizes = np.array([row["n_tokens"] for row in tokens])
    share = np.arange(1, len(tokens) + 1) / len(tokens)
    figure = Figure(figsize=(9.6, 3.8), layout="constrained")
    axes = figure.add_subplot()
    axes.step(sizes, share, where="post", color=MUTED, linewidth=1, linestyle=":", label="known size")
    mesh_of = [meshes.get(row["predicted_as"]) for row in tokens]
    for number, mesh in enumerate(sorted({m for m in mesh_of if m}, key=lambda m: (m[0] * m[1], m))):
        chosen = np.array([m == mesh for m in mesh_of])
        colour = MESH_COLOURS[min(number, len(MESH_COLOURS) - 1)]
        label = f"planned on {mesh[0]}×{mesh[1]} ({_count(mesh[0] * mesh[1], unit)})"
        axes.scatter(
            sizes[chosen],
            share[chosen],
            s=14,
            color=colour,
            label=label,
            zorder=3,
            rasterized=len(sizes) > 2000,
        )
    done = np.array([results.fates.get(row["complex_id"]) == SCORED for row in tokens])
    if done.any():
        axes.step(
            sizes,
            np.cumsum(done) / len(tokens),
            where="post",
            color=WARN,
            linewidth=1.8,
            label="scored so far",
        )
    axes.set(
        xscale="log",
        xlabel="size of the complex, tokens (up to)",
        ylabel="share of complexes of known size",
        ylim=(0, 1.04),
    )
    _log_ticks(axes.xaxis)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.legend(loc="upper left", fontsize=9)
    return figure


def scores(results: Results) -> Figure | None:
    """Histograms of the scores of the best sample of each complex."""
    best = results.best
    if not best:
        return None
    figure = Figure(figsize=(9.6, 2.7), layout="constrained")
    for axes, (column, label) in zip(figure.subplots(1, 4, sharey=True), SCORES, strict=True):
        # A single chain has no interface, so no ipTM to count.
        values = [row[column] for row in best if column != "iptm" or row["n_chains"] > 1]
        axes.hist(values, bins=np.linspace(0, 1, 26), color=ACCENT, edgecolor="white", linewidth=0.5)
        if values:
            axes.axvline(float(np.median(values)), color=WARN, linewidth=1.5)
        median = f"median {np.median(values):.2f}" if values else "one chain each"
        axes.set_title(f"{label}\n{median}", loc="left")
        axes.set(xlim=(0, 1), xticks=(0, 0.5, 1))
        axes.yaxis.get_major_locator().set_params(integer=True)
    figure.axes[0].set_ylabel("complexes")
    _mark_meaningless(figure, best)
    return figure


def scores_by_size(results: Results) -> Figure | None:
    """Confidence score of the best sample against size, to see whether large complexes score lower."""
    best = [row for row in results.best if row["n_tokens"]]
    if len(best) < 2:
        return None
    figure = Figure(figsize=(9.6, 2.9), layout="constrained")
    axes = figure.add_subplot()
    sizes, values = ([row[column] for row in best] for column in ("n_tokens", "confidence_score"))
    axes.scatter(sizes, values, s=16, color=ACCENT, alpha=0.6, linewidth=0, rasterized=len(best) > 2000)
    axes.set(xscale="log", xlabel="size of the complex, tokens", ylabel="confidence score", ylim=(0, 1))
    _log_ticks(axes.xaxis)
    _mark_meaningless(figure, best)
    return figure


def cost(results: Results) -> Figure | None:
    """Predicted against measured wall time and peak memory of every finished prediction."""
    done = [row for row in results.last_attempt.values() if row["outcome"] == "done"]
    panels = [
        ("wall time, seconds", "predicted_seconds", "wall_seconds", 1.0),
        ("peak memory of a rank, GiB", "predicted_peak_bytes", "peak_bytes", 2.0**30),
    ]
    data = [(label, _positive_pairs(done, x, y, unit)) for label, x, y, unit in panels]
    data = [(label, pairs) for label, pairs in data if len(pairs)]
    if not data:
        return None
    figure = Figure(figsize=(4.8 * len(data), 3.4), layout="constrained")
    for axes, (label, pairs) in zip(figure.subplots(1, len(data), squeeze=False).flat, data, strict=True):
        limits = (pairs.min() / 1.5, pairs.max() * 1.5)
        axes.plot(limits, limits, color=MUTED, linewidth=1, linestyle=":")
        axes.scatter(*pairs.T, s=16, color=ACCENT, alpha=0.6, linewidth=0, rasterized=len(pairs) > 2000)
        axes.set(xscale="log", yscale="log", xlim=limits, ylim=limits, xlabel="predicted", ylabel="measured")
        axes.set_title(label, loc="left")
        for axis in (axes.xaxis, axes.yaxis):
            _log_ticks(axis)
    return figure


FIGURES: dict[str, Callable[[Results], Figure | None]] = {
    "coverage": coverage,
    "scores": scores,
    "scores_by_size": scores_by_size,
    "cost": cost,
}


def _positive_pairs(rows: Iterable[dict[str, Any]], x: str, y: str, unit: float) -> np.ndarray:
    return np.array([(row[x] / unit, row[y] / unit) for row in rows if row[x] and row[y]])


def _log_ticks(axis: Any) -> None:
    """Label 200, 500, 1 000 instead of powers of ten, and only as many as fit."""
    axis.set_major_locator(matplotlib.ticker.LogLocator(base=10, subs=(1.0, 2.0, 5.0), numticks=8))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}".replace(",", "\N{NO-BREAK SPACE}")))
    axis.set_minor_locator(NullLocator())


def _mark_meaningless(figure: Figure, rows: Sequence[dict[str, Any]]) -> None:
    # In the figure itself, so that the warning travels with a file that is copied into a talk.
    if any(row["meaningless"] for row in rows):
        figure.suptitle(_MEANINGLESS, color=WARN, fontsize=11, fontweight="bold", x=0.01, ha="left")


def _count(number: int, unit: str) -> str:
    plural = "es" if unit.endswith("s") else "s"
    return f"{number} {unit}{plural if number > 1 else ''}"


def _svg(figure: Figure) -> str:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()

"""Figures of a campaign as SVG text: coverage, scores, evidence, predicted against measured cost."""

from collections.abc import Iterable
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from foldcp.campaign.page.drawing import ACCENT, MANY, MUTED, STYLE, WARN, log_ticks, mark, svg
from foldcp.campaign.page.evidence_figures import curves, factors
from foldcp.campaign.page.score_figures import by_size, distributions, size_effect
from foldcp.campaign.results import SCORED, Results

MESH_COLOURS = ("#0f6e84", "#3b9ab2", "#78b7a5", "#d8a634", "#d9772b", "#b5422c", "#7d2248")
OF_SCORES = ("scores", "scores_by_size", "size_effect", "curves", "factors")
"""Figures that show scores: a remark on the scores stands in each."""
FIGURES = ("coverage", *OF_SCORES, "cost")
"""Names of all figures."""


def figures(results: Results, score: str, candidates: bool, notes: Iterable[str]) -> dict[str, str]:
    """Return every figure the campaign has data for, as SVG text by name.

    Parameters
    ----------
    results
        The campaign.
    score
        Score that ranks its complexes.
    candidates
        Whether candidates of a screen count as negatives, beside the decoys.
    notes
        Remarks on its scores, written into the figures that show them.
    """
    with matplotlib.rc_context(STYLE):
        made = {
            "coverage": coverage(results),
            "scores": distributions(results),
            "scores_by_size": by_size(results, score),
            "size_effect": size_effect(results),
            "curves": curves(results, score, candidates),
            "factors": factors(results, score),
            "cost": cost(results),
        }
        for name in OF_SCORES:
            if (figure := made[name]) is not None:
                mark(figure, list(notes))
        return {name: svg(figure) for name, figure in made.items() if figure is not None}


def coverage(results: Results) -> Figure | None:
    """Share of complexes up to each size: of known size, coloured by planned mesh, and scored so far."""
    tokens = results.rows("04_tokens.parquet", "complex_id", "n_tokens", "predicted_as", "role")
    tokens = [row for row in tokens if row["role"] != "decoy"]
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
            rasterized=len(sizes) > MANY,
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
    log_ticks(axes.xaxis)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.legend(loc="upper left", fontsize=9)
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
        axes.scatter(*pairs.T, s=16, color=ACCENT, alpha=0.6, linewidth=0, rasterized=len(pairs) > MANY)
        axes.set(xscale="log", yscale="log", xlim=limits, ylim=limits, xlabel="predicted", ylabel="measured")
        axes.set_title(label, loc="left")
        for axis in (axes.xaxis, axes.yaxis):
            log_ticks(axis)
    return figure


def _positive_pairs(rows: Iterable[dict[str, Any]], x: str, y: str, unit: float) -> np.ndarray:
    return np.array([(row[x] / unit, row[y] / unit) for row in rows if row[x] and row[y]])


def _count(number: int, unit: str) -> str:
    plural = "es" if unit.endswith("s") else "s"
    return f"{number} {unit}{plural if number > 1 else ''}"

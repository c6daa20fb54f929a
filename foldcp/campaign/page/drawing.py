"""How figures look, and how they become SVG text.

Built on matplotlib's object interface, without its global state. Text stays text, so that figures are small,
searchable and readable by screen readers; the same data always give the same bytes.
"""

import io
from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

INK, MUTED, GRID, ACCENT, WARN = "#1f2933", "#52606d", "#e4e7eb", "#0f6e84", "#b44d12"
DECOY = "#8a94a0"
STYLE: dict[Any, Any] = {
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
MANY = 2000
"""Points from which a cloud is a picture inside the SVG file."""


def log_ticks(axis: Any) -> None:
    """Label 200, 500, 1 000 instead of powers of ten, and only as many as fit."""
    axis.set_major_locator(LogLocator(base=10, subs=(1.0, 2.0, 5.0), numticks=8))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}".replace(",", "\N{NO-BREAK SPACE}")))
    axis.set_minor_locator(NullLocator())


def mark(figure: Figure, notes: Sequence[str]) -> None:
    """Write remarks on the scores into a figure itself, so that a copy in a talk has them too."""
    if notes:
        text = "\n".join(note[:1].upper() + note[1:] for note in notes)
        figure.suptitle(text, color=WARN, fontsize=10, fontweight="bold", x=0.01, ha="left")


def svg(figure: Figure) -> str:
    """Return a figure as SVG text."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()

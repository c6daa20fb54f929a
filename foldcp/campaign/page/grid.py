"""A table of the page: its first rows as HTML, all of its rows as data for the page's script.

Without scripts the first rows show. With them, rows are made from the data when they come into view, so that
thousands sort and filter at once.
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from markupsafe import Markup

from foldcp.campaign.page.wording import byte_size, number

SHOWN = 50
"""Rows in the page as HTML."""
MAX_ROWS = 6000
"""Most rows of one table on the page; the Parquet table has all of them."""


class Name(NamedTuple):
    """A cell that names a complex.

    Attributes
    ----------
    text
        Its identifier.
    link
        Its structure file, relative to the page.
    also
        Other complexes that share its prediction.
    details
        Number of its 3-D view and maps on the page.
    """

    text: str
    link: str | None = None
    also: Sequence[str] = ()
    details: int | None = None


class Interval(NamedTuple):
    """A cell with an estimate and the ends of its interval."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes
    ----------
    label
        Heading.
    kind
        `name` (cells are `Name`), `short`, `text`, `long` or `raw` text, `number`, `bytes` or `interval`.
    digits
        Decimals of a number.
    note
        Explanation, shown on pointing at the heading.
    best
        Whether the table comes sorted by it, highest first.
    """

    label: str
    kind: str = "text"
    digits: int = 2
    note: str | None = None
    best: bool = False

    @property
    def numeric(self) -> bool:
        """Whether cells are numbers."""
        return self.kind in _SHOW


@dataclass(frozen=True)
class Grid:
    """A table of the page.

    Attributes
    ----------
    name
        Part of the element's id.
    label
        What the table holds, for readers of the screen.
    columns, rows
        Its columns, and a cell for each of them in every row.
    source
        The file that has all rows, named where the page has not.
    total
        Rows of that file, where `rows` are fewer already.
    """

    name: str
    label: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]] = field(repr=False)
    source: str = ""
    total: int = 0

    @property
    def shown(self) -> list[list[tuple[Column, Any]]]:
        """Cells of the rows that are in the page as HTML, each with its column."""
        return [list(zip(self.columns, row, strict=True)) for row in self.rows[:SHOWN]]

    @property
    def cut(self) -> bool:
        """Whether the page lacks rows."""
        return self.count > self.embedded

    @property
    def count(self) -> int:
        """Rows of the table."""
        return max(self.total, len(self.rows))

    @property
    def embedded(self) -> int:
        """Rows that the page has."""
        return min(len(self.rows), MAX_ROWS)

    @property
    def data(self) -> Markup | None:
        """All rows as JSON for a script element; None where the HTML has them all."""
        if len(self.rows) <= SHOWN:
            return None
        columns = [{"kind": column.kind, "digits": column.digits} for column in self.columns]
        rows = [
            [_plain(cell, column.digits) for cell, column in zip(row, self.columns, strict=True)]
            for row in self.rows[:MAX_ROWS]
        ]
        return to_json({"columns": columns, "rows": rows})


def to_json(value: Any) -> Markup:
    """Return JSON that can stand inside a script element: no `<` in it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c"))


def _plain(cell: Any, digits: int) -> Any:
    if isinstance(cell, Name):
        return [cell.text, cell.link, list(cell.also), cell.details]
    if isinstance(cell, Interval):
        return [_plain(end, digits) for end in cell]
    if isinstance(cell, float) and not math.isfinite(cell):  # which is no JSON
        return sort_value(cell) or None
    # As many digits as are shown: cut twice, a number may end in another one.
    if isinstance(cell, float):
        return round(cell, digits) if abs(cell) >= 10**-digits else float(f"{cell:.1e}")
    return cell


def show(cell: Any, column: Column) -> str:
    """Return the text of a cell that holds a number."""
    return _SHOW[column.kind](cell, column.digits)


def sort_value(cell: Any) -> Any:
    """Return what a cell with a number is sorted by, as JavaScript reads it; empty for none."""
    value = cell.value if isinstance(cell, Interval) else cell
    if value is None or math.isnan(value):
        return ""
    return value if math.isfinite(value) else "Infinity" if value > 0 else "-Infinity"


def _interval(cell: Interval | None, digits: int) -> str:
    if cell is None:
        return "–"
    if cell.low is None or cell.high is None:
        return number(cell.value, digits)
    return f"{number(cell.value, digits)} ({number(cell.low, digits)}–{number(cell.high, digits)})"


_SHOW: dict[str, Callable[[Any, int], str]] = {
    "number": number,
    "bytes": lambda value, _: byte_size(value),
    "interval": _interval,
}

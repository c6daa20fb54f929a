"""Which format a file is, and where its rows begin and end.

The header decides, by column names and never by column order: releases of CORUM alone come in four orders,
and exports from R or a spreadsheet rename columns. MITAB is defined by position and may lack a header.

**Quoting.** CORUM 3 writes fields bare, so a field may hold a lone `"`; a spreadsheet's copy of the same file
quotes fields; CORUM 5 needs quoting, for its fields hold newlines. No header tells them apart, so a file that
holds a quote is cut both ways, and the cut with more rows as wide as the header wins: a lone quote read as an
opening one swallows the rows up to the next quote, and a newline read as a row's end leaves two narrow rows.
Where both cuts fit, the quotes were a spreadsheet's and are taken off. A row whose quote never closes before
the file ends is refused: the file was probably cut off in it.
"""

import csv
import io
import json
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TextIO

from foldcp.campaign.formats import biogrid, complextab, corum, humap, mitab, plain, string
from foldcp.campaign.formats.files import read_text, text_opener
from foldcp.campaign.formats.record import Format, Row, RowError, column_name
from foldcp.config import TABLE_FORMATS
from foldcp.errors import InputError, unknown_choice

# hu.MAP as ComplexFinder lays it out has CORUM's columns and two more, so it is asked first.
_BY_HEADER = (
    humap.FORMAT,
    complextab.FORMAT,
    biogrid.FORMAT,
    corum.FORMAT,
    string.FORMAT,
    plain.COMPLEXES,
    plain.PAIRS,
)
_DELIMITERS = ("\t", ",", ";", " ")
_Opener = Callable[[], TextIO]
_END = "\x03"
"""A line put after the text while it is cut: where it is no row of its own, a quote has swallowed it."""


@dataclass(frozen=True)
class Table:
    """A file cut into rows.

    Attributes
    ----------
    format
        Its format.
    rows
        Its records; those that are no rows say why.
    latin1
        Whether the encoding had to be guessed.
    """

    format: Format
    rows: Sequence[Row]
    latin1: bool


def open_table(path: Path, fmt: str = "auto") -> Table:
    """Read a table, recognise its format and cut it into rows.

    Parameters
    ----------
    path
        Text file, plain or gzip.
    fmt
        One of `foldcp.config.TABLE_FORMATS`.

    Raises
    ------
    UsageError
        If `fmt` is not a format.
    InputError
        If the file is not readable, is empty, or has the header of no format (or not of the one asked for).
    """
    text, latin1 = read_text(path)
    found, rows = _rows(path, fmt, lambda: io.StringIO(text, newline=""))
    return Table(found, list(rows), latin1)


def stream_table(path: Path, fmt: str = "auto") -> tuple[Format, Iterator[Row]]:
    """Return format and rows of a table that may be larger than the memory: one row is held at a time.

    Raises
    ------
    UsageError, InputError
        As `open_table`.
    """
    return _rows(path, fmt, text_opener(path))


def _rows(path: Path, fmt: str, opened: _Opener) -> tuple[Format, Iterator[Row]]:
    if fmt not in TABLE_FORMATS:
        raise unknown_choice("table format", fmt, TABLE_FORMATS)
    with opened() as handle:
        first_line = next((line for line in handle if line.strip()), "").strip("\r\n")
    if not first_line:
        raise InputError(f"{path}: the file is empty; expected a table of complexes")
    if first_line.lstrip()[0] in "[{" and fmt in ("auto", "corum"):
        return corum.FORMAT, _json_rows(path, opened)
    found, delimiter, columns, has_header = _detect(path, first_line, fmt)
    return found, _text_rows(opened, delimiter, columns, has_header, found)


def _detect(path: Path, line: str, fmt: str) -> tuple[Format, str, dict[str, int], bool]:
    candidates = [f for f in _BY_HEADER if fmt in ("auto", f.name)]
    for delimiter in _DELIMITERS:
        cells = _cut(line, delimiter)
        columns = _columns(cells)
        for candidate in candidates:
            if not candidate.missing(columns):
                return candidate, delimiter, columns, True
        if delimiter == "\t" and fmt in ("auto", "mitab") and mitab.recognises(cells):
            return mitab.FORMAT, delimiter, mitab.COLUMNS, mitab.is_header(cells)
    raise InputError(_unrecognised(path, line, fmt, candidates))


def _unrecognised(path: Path, line: str, fmt: str, candidates: list[Format]) -> str:
    lines = [f"  {f.name}: " + ", ".join(" or ".join(names) for names in f.needs) for f in candidates]
    if fmt in ("auto", "mitab"):
        lines.append("  mitab: 15, 36, 42 or 46 tab-separated columns")
    what = "no known format has this header" if fmt == "auto" else f"not a {fmt} table"
    return f"{path}: {what}: {line[:200]!r}; columns needed:\n" + "\n".join(lines)


def _cut(line: str, delimiter: str) -> list[str]:
    return next(_reader([line], delimiter, csv.QUOTE_MINIMAL), [])


def _columns(cells: Sequence[str]) -> dict[str, int]:
    # The first of two columns with one name counts: reversed, so that it is written last.
    return {column_name(cell): position for position, cell in reversed(list(enumerate(cells)))}


def _reader(lines: Iterable[str], delimiter: str, quoting: int) -> Iterator[list[str]]:
    # The default limit of 128 kB per field would turn a lone quote into an exception.
    csv.field_size_limit(sys.maxsize)
    return csv.reader(lines, delimiter=delimiter, quoting=quoting)  # type: ignore[arg-type]


def _best_cut(opened: _Opener, delimiter: str) -> int:
    """Return the quoting by which more rows are as wide as the header."""
    with opened() as handle:
        if not any('"' in line for line in handle):
            return csv.QUOTE_NONE
    cuts = (csv.QUOTE_MINIMAL, csv.QUOTE_NONE)
    return max(cuts, key=lambda quoting: _full_rows(_records(opened, delimiter, quoting)))


def _records(opened: _Opener, delimiter: str, quoting: int) -> Iterator[list[str]]:
    """Yield the rows of a cut; where quotes count, also `_END`, which an unclosed quote has swallowed."""
    with opened() as handle:
        lines = handle if quoting == csv.QUOTE_NONE else chain(handle, ("\n", _END))
        yield from (r for r in _reader(lines, delimiter, quoting) if len(r) > 1 or (r and r[0].strip()))


def _full_rows(records: Iterator[list[str]]) -> int:
    width = len(next(records))
    return sum(len(record) == width and record != [_END] for record in records)


def _text_rows(
    opened: _Opener, delimiter: str, columns: dict[str, int], has_header: bool, found: Format
) -> Iterator[Row]:
    records = _records(opened, delimiter, _best_cut(opened, delimiter))
    first = next(records)
    widths = mitab.WIDTHS if found is mitab.FORMAT else {len(first)}
    rows = records if has_header else chain([first], records)
    for number, cells in enumerate(rows, start=1):
        if cells == [_END]:
            return
        cut_off = cells[-1].endswith(f"\n{_END}")
        cells[-1] = cells[-1].removesuffix(f"\n{_END}")
        while len(cells) > max(widths) and not cells[-1].strip():
            cells.pop()
        error = None if len(cells) in widths else _wrong_width(len(cells), widths)
        yield Row(number, cells, columns, _UNCLOSED if cut_off else error)


_UNCLOSED = RowError(
    "unclosed_quote",
    'a quote (") opens in this row and is never closed, so the rest of the file belongs to it: '
    "was the file truncated? Copy it again, or close the quote",
)


def _wrong_width(got: int, widths: Collection[int]) -> RowError:
    return RowError(
        "wrong_columns",
        f"the row has {got} fields, the table {' or '.join(map(str, sorted(widths)))}; "
        "a separator is missing or too many: quote the field that holds one, or repair the row",
    )


def _json_rows(path: Path, opened: _Opener) -> Iterator[Row]:
    try:
        with opened() as handle:
            entries = json.load(handle)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not readable as JSON: {error}") from None
    for number, entry in enumerate(entries if isinstance(entries, list) else [entries], start=1):
        try:
            cells = corum.flatten(entry)
        except RowError as error:
            yield Row(number, [str(entry)[:1000]], {}, error)
            continue
        columns = _columns(list(cells))
        missing = corum.FORMAT.missing(columns)
        lack = RowError("missing_fields", f"the JSON object lacks {', '.join(missing)}") if missing else None
        yield Row(number, list(cells.values()), columns, lack)

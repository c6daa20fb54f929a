"""Tables that users write for a campaign: a CSV with columns of stated names, read whole or refused."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from foldcp.campaign.formats.files import read_text
from foldcp.campaign.formats.record import column_name
from foldcp.errors import InputError


def read_user_table(path: Path, columns: Sequence[str], take: Callable[..., None], what: str) -> None:
    """Read a CSV.

    Parameters
    ----------
    path
        File, plain or gzip.
    columns
        Columns that it must have, in any order and among others.
    take
        Called with the number of each record, 1 = first after the header, and its text in each column. It
        raises `InputError` for a record that makes no sense.
    what
        What the table is, for the error.

    Raises
    ------
    InputError
        If columns are missing; if it is no CSV, naming the line; or naming every record that is too short or
        makes no sense.
    """
    text, _ = read_text(path)
    lines = list(_records(path, text))
    header = [column_name(cell) for cell in lines[0]] if lines else []
    wanted = [column_name(name) for name in columns]
    if not set(wanted) <= set(header):
        got = ", ".join(lines[0]) if lines else "none"
        raise InputError(f"{path}: expected the columns {', '.join(columns)}; got {got}")
    positions = [header.index(name) for name in wanted]
    mistakes = []
    for number, cells in enumerate(lines[1:], start=1):
        if not any(cell.strip() for cell in cells):
            continue
        try:
            if len(cells) <= max(positions):
                raise InputError(f"{len(cells)} fields; needed: {', '.join(columns)}")
            take(number, *(cells[position].strip() for position in positions))
        except InputError as error:
            mistakes.append(f"  row {number}: {error}")
    if mistakes:
        raise InputError(f"{path}: not {what}:\n" + "\n".join(mistakes))


def _records(path: Path, text: str) -> Iterator[list[str]]:
    # Strict: an unclosed quote would otherwise make one cell of the rest of the file.
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    first = 1
    try:
        for cells in reader:
            yield cells
            first = reader.line_num + 1
    except csv.Error as error:
        raise InputError(
            f"{path}, line {first}: not readable as CSV: {error}; each quote needs its partner, and one "
            "inside a cell is written twice"
        ) from None

"""Alignments as Boltz's `key,sequence` CSV files: streamed, and checked as a3m files are.

The first row is the query. Rows of different proteins whose keys are equal stand for each other's partners: a
key becomes `` Key=<key>`` at the end of the row's header. Rows without a key are partners of none.
"""

import csv
import re
from collections.abc import Collection, Iterator
from pathlib import Path

from foldcp.errors import InputError
from foldcp.msa import a3m
from foldcp.msa.query import KEY
from foldcp.tables.text import lines, shorten

_COLUMNS = ["key", "sequence"]
# fmt: off
_NO_KEY = frozenset({
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>",
    "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
})
# fmt: on
"""What pandas, and with it Boltz, reads as an empty field."""
_BOLTZ_NONE = "-1"
_WHOLE = re.compile(r"([+-]?[0-9]{1,18})(?:\.0*)?")
_INT32 = range(-(2**31), 2**31)


def read(
    path: Path, sequence: str, modified: Collection[int] | None = None, *, whole_keys: bool = False
) -> Iterator[a3m.Row]:
    """Yield header, `<number>` or `<number> Key=<key>`, and row of a CSV alignment of `sequence`.

    Parameters
    ----------
    path
        The file: UTF-8, plain, gzip or zstd, with the columns `key` and `sequence` in either order.
    sequence
        Sequence of the query, which the first row has to be.
    modified
        As `foldcp.msa.a3m.read`.
    whole_keys
        Take only keys that Boltz's own reader takes: whole numbers of 32 bits.

    Raises
    ------
    InputError
        Naming file and line: no CSV, other columns, no rows, letters that are none, a row of another length,
        another query, or a key that is none.
    """
    return a3m.checked(_rows(path, whole_keys), sequence, modified)


def _rows(path: Path, whole_keys: bool) -> Iterator[a3m.Unchecked]:
    records = _records(path)
    at, names = next(records, (1, []))
    if sorted(names) != _COLUMNS:
        got = ", ".join(repr(shorten(name)) for name in names[:5]) or "nothing"
        raise InputError(f"{path}, line {at}: the columns are {got}; valid: key,sequence")
    number = 0
    for number, (at, fields) in enumerate(records, start=1):
        where = f"{path}, line {at}"
        if len(fields) != len(names):
            raise InputError(f"{where}: {len(fields)} fields; valid: 2, a key (which may be empty) and a row")
        row = dict(zip(names, fields, strict=True))
        key = _key(row["key"], where, whole_keys)
        header = f"{number}{KEY}{key}" if key else str(number)
        yield a3m.Unchecked(where, "the row", header, row["sequence"].strip())
    if not number:
        raise InputError(f"{path}, line {at}: no row follows; the first has to be the query")


def _records(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield line and fields of each record; blank lines are skipped."""
    for number, line in lines(path):
        try:
            # Each line alone: a row has no line breaks, and an open quote would take in all that follows.
            (fields,) = csv.reader([line], strict=True)
        except csv.Error as error:
            raise InputError(f"{path}, line {number}: not CSV ({error})") from None
        if fields:
            yield number, fields


def _key(text: str, where: str, whole: bool) -> str:
    """Return a key; empty where there is none."""
    key = text.strip()
    # A column of whole numbers with gaps in it is written as 7.0 by some programs, and is still key 7.
    match = _WHOLE.fullmatch(key)
    if match:
        key = str(int(match[1]))
    if key in _NO_KEY or key == _BOLTZ_NONE:
        return ""
    if not key.isprintable():
        raise InputError(f"{where}: the key {shorten(key)!r} has characters that cannot be printed")
    if whole and not (match and int(key) in _INT32):
        raise InputError(
            f"{where}: the key {shorten(key)!r} is no whole number of 32 bits, which Boltz asks for"
        )
    return key

"""The a3m format: streamed, checked row by row, and written with one line per row.

In a row, capitals and ``-`` are the columns of the query; lower-case letters are insertions. Lines that start
with ``#`` are comments. Whatever the size of a file, one row at a time is held in memory. Headers are kept as
they are: they tell the species that chains are paired by.
"""

import hashlib
import itertools
import string
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from foldcp.errors import InputError
from foldcp.tables.text import blocks, lines

Row = tuple[str, str]
"""Header, without `>`, and the row under it."""

_COMMENT = "#"
_INSERTIONS = str.maketrans("", "", string.ascii_lowercase + ".")
_LEGAL = str.maketrans("", "", string.ascii_letters + "-.")
_AMBIGUOUS = "BJOUZ"
_UNKNOWN_RESIDUES = str.maketrans(dict.fromkeys(_AMBIGUOUS, "X"))


class Summary(NamedTuple):
    """What an alignment amounts to."""

    depth: int
    """Rows, the query among them."""
    coverage: float | None
    """Share of the query's residues that a row covers, mean over all rows but the query; None without any."""
    sha256: str
    """Hash of the text as it was written."""


class Unchecked(NamedTuple):
    """A row as it stands in a file."""

    where: str
    """File and line."""
    subject: str
    """What a message calls it: `the row`, or `the row below` where the line is its header."""
    header: str
    text: str


def read(path: Path, sequence: str, modified: Collection[int] | None = None) -> Iterator[Row]:
    """Yield header and row of an a3m alignment of `sequence`, plain, gzip or zstd.

    Parameters
    ----------
    path
        The file.
    sequence
        Sequence of the query, which the first row has to be.
    modified
        Places, from 0, of the query's modified residues, which have one letter here and another there. If
        given, X for methionine is taken, too: selenomethionine, as Boltz takes it.

    Raises
    ------
    InputError
        Naming file and line: no rows, letters that are none, a row of another length, or another query.
    """
    return parse(lines(path), path, sequence, modified)


def parse(
    numbered: Iterable[tuple[int, str]], path: Path, sequence: str, modified: Collection[int] | None = None
) -> Iterator[Row]:
    """Yield header and row from numbered lines; as `read`.

    Raises
    ------
    InputError
        As `read`.
    """
    return checked(unchecked(numbered, path), sequence, modified)


def unchecked(numbered: Iterable[tuple[int, str]], path: Path) -> Iterator[Unchecked]:
    """Yield the rows of an a3m file, of which nothing is known yet but that there is one.

    Raises
    ------
    InputError
        If there is none, or text before the first header.
    """
    for block in blocks(numbered, path, comment=_COMMENT):
        text = "".join(text for _, text in block.body)
        yield Unchecked(f"{path}, line {block.line}", "the row below", block.header, text)


def checked(
    rows: Iterable[Unchecked], sequence: str, modified: Collection[int] | None = None
) -> Iterator[Row]:
    """Yield rows, without the dots of a2m, that are an alignment of `sequence`; parameters as `read`.

    Raises
    ------
    InputError
        As `read`; not for want of any row.
    """
    first = True
    for found in rows:
        row, columns = split_insertions(found)
        if first and not is_query(
            columns, sequence if modified is None else _as(sequence, columns, modified)
        ):
            raise InputError(
                f"{found.where}: the first row ({len(columns)} columns) is not the sequence that is folded "
                f"({len(sequence)} residues); make the alignment again with this sequence"
            )
        _check_length(found, columns, sequence)
        first = False
        yield found.header, row


def is_query(columns: str, sequence: str) -> bool:
    """Return whether a row's columns are a sequence, to Boltz: it has one unknown residue, X."""
    return columns.translate(_UNKNOWN_RESIDUES) == sequence.translate(_UNKNOWN_RESIDUES)


def _as(sequence: str, columns: str, modified: Collection[int]) -> str:
    """Return the sequence with the letters that a first row has for its modified residues."""
    return "".join(
        theirs if place in modified or (ours, theirs) == ("M", "X") else ours
        for place, (ours, theirs) in enumerate(itertools.zip_longest(sequence, columns, fillvalue="-"))
    )


def split_insertions(found: Unchecked) -> tuple[str, str]:
    """Return a row without the dots of a2m, and its columns: without its insertions.

    Raises
    ------
    InputError
        If it has letters that are none.
    """
    if illegal := found.text.translate(_LEGAL):
        raise InputError(f"{found.where}: {found.subject} has {illegal[0]!r}; valid: letters, '-' and '.'")
    return found.text.replace(".", ""), columns_of(found.text)


def merge(parts: Sequence[Path], sequence: str) -> Iterator[Row]:
    """Yield the query, then the rows of all parts but the first of each, which is the query.

    Programs that search replace letters they do not know in the query, so it is written as it was asked for.

    Parameters
    ----------
    parts
        Alignments of one query from several databases.
    sequence
        The query.

    Raises
    ------
    InputError
        As `read`.
    """
    yield "query", sequence
    for path in parts:
        for number, found in enumerate(unchecked(lines(path), path)):
            row, columns = split_insertions(found)
            _check_length(found, columns, sequence)
            if number:
                yield found.header, row
            elif any(a != b for a, b in zip(columns, sequence, strict=True) if b not in _AMBIGUOUS):
                raise InputError(f"{found.where}: the first row is not the sequence that was searched")


class Tally:
    """Counts rows as they pass, and hashes their text.

    Parameters
    ----------
    length
        Residues of the query.
    """

    def __init__(self, length: int) -> None:
        self._length, self._depth, self._gaps, self._digest = length, 0, 0, hashlib.sha256()

    def add(self, row: Row) -> bytes:
        """Count a row and return its text: a header line and one line for the row.

        Boltz takes every line of a file as a row of its own, so a row is never wrapped.
        """
        text = f">{row[0]}\n{row[1]}\n".encode()
        self._digest.update(text)
        self._gaps += row[1].count("-")
        self._depth += 1
        return text

    def summary(self) -> Summary:
        """Return what has passed so far."""
        others = self._depth - 1
        coverage = 1 - self._gaps / (others * self._length) if others > 0 else None
        return Summary(self._depth, coverage, self._digest.hexdigest())


def write(rows: Iterable[Row], length: int, put: Callable[[bytes], Any]) -> Summary:
    """Write checked rows, the query first, and return what they amount to.

    Parameters
    ----------
    rows
        Header and row.
    length
        Residues of the query.
    put
        Takes bytes, e.g. the `write` of an open file.
    """
    tally = Tally(length)
    for row in rows:
        put(tally.add(row))
    return tally.summary()


def columns_of(row: str) -> str:
    """Return a row without its insertions."""
    return row.translate(_INSERTIONS)


def _check_length(found: Unchecked, columns: str, sequence: str) -> None:
    if len(columns) != len(sequence):
        raise InputError(
            f"{found.where}: {found.subject} has {len(columns)} columns, the first row has {len(sequence)}; "
            "insertions are lower case"
        )

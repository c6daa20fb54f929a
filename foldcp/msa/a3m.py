"""The a3m format: streamed, checked row by row, and written with one line per row.

In a row, capitals and ``-`` are the columns of the query; lower-case letters are insertions. Lines that start
with ``#`` are comments. Whatever the size of a file, one row at a time is held in memory. Headers are kept as
they are: they tell the species that chains are paired by.
"""

import hashlib
import string
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from foldcp.errors import InputError
from foldcp.tables.text import Block, blocks, lines

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


def read(path: Path, sequence: str, exact: bool = True) -> Iterator[Row]:
    """Yield header and row of an a3m alignment of `sequence`, plain, gzip or zstd.

    Parameters
    ----------
    path
        The file.
    sequence
        Sequence of the query, which the first row has to be.
    exact
        Whether that includes its letters, or only its length.

    Raises
    ------
    InputError
        Naming file and line: no rows, letters that are none, a row of another length, or another query.
    """
    return parse(lines(path), path, sequence, exact)


def parse(
    numbered: Iterable[tuple[int, str]], path: Path, sequence: str, exact: bool = True
) -> Iterator[Row]:
    """Yield header and row from numbered lines; as `read`.

    Raises
    ------
    InputError
        As `read`.
    """
    for number, block in enumerate(blocks(numbered, path, comment=_COMMENT)):
        where = f"{path}, line {block.line}"
        row, columns = _row(block, where)
        if number == 0 and not _is_query(columns, sequence, exact):
            raise InputError(
                f"{where}: the first row ({len(columns)} columns) is not the sequence that is folded "
                f"({len(sequence)} residues); make the alignment again with this sequence"
            )
        _check_length(columns, sequence, where)
        yield block.header, row


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
        for number, block in enumerate(blocks(lines(path), path, comment=_COMMENT)):
            where = f"{path}, line {block.line}"
            row, columns = _row(block, where)
            _check_length(columns, sequence, where)
            if number:
                yield block.header, row
            elif any(a != b for a, b in zip(columns, sequence, strict=True) if b not in _AMBIGUOUS):
                raise InputError(f"{where}: the first row is not the sequence that was searched")


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


def _row(block: Block, where: str) -> tuple[str, str]:
    """Return a row without the dots of a2m, and its columns."""
    row = "".join(text for _, text in block.body)
    if illegal := row.translate(_LEGAL):
        raise InputError(f"{where}: the row below has {illegal[0]!r}; valid: letters, '-' and '.'")
    return row.replace(".", ""), columns_of(row)


def _check_length(columns: str, sequence: str, where: str) -> None:
    if len(columns) != len(sequence):
        raise InputError(
            f"{where}: the row below has {len(columns)} columns, the first row has {len(sequence)}; "
            "in a3m, insertions are lower case"
        )


def _is_query(columns: str, sequence: str, exact: bool) -> bool:
    if exact:
        return _as_boltz_reads(columns) == _as_boltz_reads(sequence)
    return len(columns) == len(sequence)


def _as_boltz_reads(sequence: str) -> str:
    # Boltz has one unknown residue; alignment programs often write X for the same letters.
    return sequence.translate(_UNKNOWN_RESIDUES)

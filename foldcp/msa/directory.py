"""Provider `directory`: precomputed alignments, found by name.

A name is the hash of a sequence, or a member that has it (``P12345``, ``P12345-2``); the hash goes before the
members. For each name the first of `_LAYOUTS` that exists counts, plain before ``.gz`` before ``.zst``.
Programs like AlphaFold 3 write two files per protein, rows to pair by species and rows not to pair: the
former come first.
"""

import itertools
from collections.abc import Callable, Iterator, Set
from pathlib import Path
from typing import NamedTuple

from foldcp.errors import InputError, UnreadableError
from foldcp.msa import a3m, csv_rows
from foldcp.msa.query import Query
from foldcp.msa.species import not_paired

PACKED = ("", ".gz", ".zst")
_UNPAIRED = "non_pairing.a3m"


class Source(NamedTuple):
    """An alignment that is there."""

    path: Path
    read: Callable[[Path, str], Iterator[a3m.Row]]
    """Takes the path and the sequence of the query."""


def _read_both(path: Path, sequence: str) -> Iterator[a3m.Row]:
    """Yield the rows of `pairing.a3m`, then those of the file beside it; the query once."""
    beside = (path.with_name(_UNPAIRED + packed) for packed in PACKED)
    other = next((file for file in beside if file.is_file()), None)
    yield from a3m.read(path, sequence)
    if other is not None:
        yield from itertools.islice(_read_unpaired(other, sequence), 1, None)


def _read_unpaired(path: Path, sequence: str) -> Iterator[a3m.Row]:
    return ((not_paired(header), row) for header, row in a3m.read(path, sequence))


_LAYOUTS: tuple[tuple[str, Callable[[Path, str], Iterator[a3m.Row]]], ...] = (
    ("{}.a3m", a3m.read),
    ("{}.csv", csv_rows.read),
    ("{}/pairing.a3m", _read_both),
    (f"{{}}/{_UNPAIRED}", _read_unpaired),
)
"""What an alignment may be called, in order, and what reads it."""


def listing(folder: Path) -> frozenset[str]:
    """Return the names of what a folder holds; none where there is no folder.

    Raises
    ------
    UnreadableError
        If it cannot be listed.
    """
    try:
        return frozenset(path.name for path in folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return frozenset()
    except OSError as error:
        raise UnreadableError(f"{folder}: cannot be listed: {error.strerror}") from None


def find(folder: Path, entries: Set[str], name: str) -> Source | None:
    """Return the alignment of a name.

    Parameters
    ----------
    folder
        Where to look.
    entries
        What the folder holds; only what is among it is looked at.
    name
        The name.
    """
    for layout, read in _LAYOUTS:
        for packed in PACKED:
            file = layout.format(name) + packed
            if file.partition("/")[0] in entries and (folder / file).is_file():
                return Source(folder / file, read)
    return None


class Directory:
    """A folder of alignments.

    Parameters
    ----------
    folder
        The folder. It is listed once, here.

    Attributes
    ----------
    folder, entries
        The folder, and the names of what it holds.

    Raises
    ------
    InputError
        If it does not exist, or cannot be listed.
    """

    name = "directory"

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise InputError(f"{folder}: no such folder (msa.directory)")
        self.folder, self.entries = folder, listing(folder)
        self._lent: dict[str, Source] = {}

    def has(self, query: Query) -> bool:
        """Return whether there is an alignment of a query."""
        return self._find(query) is not None

    def read(self, query: Query) -> Iterator[a3m.Row]:
        """Yield the rows of the query's alignment.

        Raises
        ------
        InputError
            If a file is malformed, or is of another sequence.
        """
        source = self._find(query)
        if source is None:
            raise InputError(f"{self.folder}: no alignment of {query.names or query.sha256} any more")
        return source.read(source.path, query.sequence)

    def origin(self, query: Query) -> str:
        """Return the name of the query's file, from the folder on."""
        source = self._find(query)
        return str(source.path.relative_to(self.folder)) if source else ""

    def lend(self, query: Query, source: Source) -> None:
        """Take an alignment of one complex for all with this sequence, unless there is one already."""
        self._lent.setdefault(query.sha256, source)

    def _find(self, query: Query) -> Source | None:
        names = (query.sha256, *query.names)
        found = (find(self.folder, self.entries, name) for name in names)
        return next(filter(None, found), None) or self._lent.get(query.sha256)

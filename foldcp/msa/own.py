"""Alignments of single complexes, found in the folder of provider `directory`.

In this order, the n-th member of a complex, from 1, has as its own alignment::

    <complex_id>.<sha256>.a3m      as the stage itself calls it
    <complex_id>/<n>.a3m           or another layout of `foldcp.msa.directory`: <n>.csv, <n>/pairing.a3m
    <complex_id>/msa/<n>.a3m       likewise

and a complex without any such file has ``<complex_id>.a3m``, one file for all of its chains. A file called
after a protein is that protein's, also where a complex has the same name. Only complexes whose name is in the
folder are looked at, so that half a million pairs cost nothing.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from foldcp.errors import InputError, UnreadableError
from foldcp.msa import a3m, complex_a3m
from foldcp.msa.directory import PACKED, Directory, Source, find, listing
from foldcp.msa.query import Query
from foldcp.msa.species import without_key

_NAME = re.compile(r"(?P<complex>.+?)(?:\.[0-9a-f]{64})?\.(?:a3m|csv)(?:\.gz|\.zst)?")
_NUMBERED = re.compile(r"(?P<number>[0-9]+)(?:\.(?:a3m|csv)(?:\.gz|\.zst)?)?")

Members = Sequence[Query | None]
"""Members of a complex, in its table's order; None for what is no protein, or has no known sequence."""


def possible(directory: Directory) -> set[str]:
    """Return what complexes have to be called so that they may have alignments of their own."""
    matches = map(_NAME.fullmatch, directory.entries)
    return {match["complex"] for match in matches if match} | directory.entries


class OwnAlignments:
    """The alignments of single complexes.

    Parameters
    ----------
    directory
        Where they are.
    complexes
        Members of each complex that may have some.
    proteins
        Names of proteins, whose files are not those of complexes.

    Attributes
    ----------
    queries
        What there are alignments of, by complex and hash.

    Raises
    ------
    UnreadableError
        If a folder cannot be listed.
    """

    name = Directory.name

    def __init__(
        self, directory: Directory, complexes: Mapping[str, Members], proteins: Collection[str]
    ) -> None:
        self._directory, self._proteins = directory, proteins
        self._sources: dict[Query, Source | str] = {}
        for complex_id in sorted(complexes):
            found = self._of_complex(complex_id, complexes[complex_id])
            by_hash = sorted(found.items(), key=lambda item: item[0].sha256)
            self._sources |= {q._replace(complex_id=complex_id): source for q, source in by_hash}
        self.queries = list(self._sources)

    def has(self, query: Query) -> bool:
        """Return whether there is an alignment of a query."""
        return query in self._sources

    def read(self, query: Query) -> Iterator[a3m.Row]:
        """Yield the rows of a query.

        Raises
        ------
        InputError
            If a file is malformed, of another sequence, or of a member that the complex does not have.
        """
        source = self._sources[query]
        if isinstance(source, str):
            raise InputError(source)
        return source.read(source.path, query.sequence)

    def origin(self, query: Query) -> str:
        """Return the name of the query's file, from the folder on."""
        source = self._sources[query]
        return "" if isinstance(source, str) else str(source.path.relative_to(self._directory.folder))

    def lend(self, query: Query) -> None:
        """Make an alignment, which can be read, that of all complexes if its sequence has no other.

        Its keys stay behind: beside an alignment that another complex lends, equal keys would mean nothing.
        """
        source = self._sources[query]
        assert isinstance(source, Source)  # it can be read
        self._directory.lend(query, Source(source.path, partial(_read_without_keys, source.read)))

    def lend_all(self) -> None:
        """Do so for each sequence without another, with the first that can be read.

        Raises
        ------
        UnreadableError
            If a file cannot be opened or read, which says nothing of what it holds.
        """
        for query in self.queries:
            if not self._directory.has(query):
                try:
                    for _ in self.read(query):
                        pass
                except UnreadableError:
                    raise
                except InputError:
                    continue  # the complex will be told
                self.lend(query)

    def _of_complex(self, complex_id: str, members: Members) -> dict[Query, Source | str]:
        folder = self._directory.folder
        places = [(place, listing(place)) for place in (folder / complex_id, folder / complex_id / "msa")]
        proteins = {number: query for number, query in enumerate(members, start=1) if query is not None}
        found: dict[Query, Source | str] = {}
        for number, query in proteins.items():
            named = find(folder, self._directory.entries, f"{complex_id}.{query.sha256}")
            numbered = (find(place, entries, str(number)) for place, entries in places)
            if source := named or next(filter(None, numbered), None):
                found.setdefault(query, source)
        numbers = list(map(str, proteins))
        if stray := next((s for place in places if (s := _stray(*place, numbers))), None):
            known = ", ".join(numbers)
            reason = f"{stray.path}: named after no protein of this complex, of {len(members)} members from 1"
            return dict.fromkeys(proteins.values(), f"{reason}; its proteins: {known}")
        return found or self._of_whole(complex_id, list(proteins.values()))

    def _of_whole(self, complex_id: str, proteins: Sequence[Query]) -> dict[Query, Source | str]:
        if complex_id in self._proteins:
            return {}
        together = {query.sequence for query in proteins}
        read = partial(complex_a3m.read, together=sorted(together))
        for file in (f"{complex_id}.a3m{packed}" for packed in PACKED):
            path = self._directory.folder / file
            if file in self._directory.entries and path.is_file():
                return dict.fromkeys(proteins, Source(path, read))
        return {}


def _read_without_keys(
    read: Callable[[Path, str], Iterator[a3m.Row]], path: Path, sequence: str
) -> Iterator[a3m.Row]:
    return ((without_key(header), row) for header, row in read(path, sequence))


def _stray(place: Path, entries: Collection[str], numbers: Collection[str]) -> Source | None:
    """Return an alignment in the folder of a complex that is of none of its proteins, if there is one."""
    for entry in sorted(entries):
        match = _NUMBERED.fullmatch(entry)
        number = match["number"] if match else None
        if number and number not in numbers and (source := find(place, {entry}, number)):
            return source
    return None

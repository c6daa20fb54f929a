"""Provider `directory`: precomputed a3m files, found by name.

A file is called after the hash of the sequence or after a member that has it (``P12345``, ``P12345-2``); the
first that exists counts, the hash before the names, plain before ``.gz`` before ``.zst``.
"""

from collections.abc import Iterator
from pathlib import Path

from foldcp.errors import InputError
from foldcp.msa import a3m
from foldcp.msa.query import Query

_SUFFIXES = (".a3m", ".a3m.gz", ".a3m.zst")


class Directory:
    """A folder of a3m files.

    Parameters
    ----------
    folder
        The folder.

    Raises
    ------
    InputError
        If it does not exist.
    """

    name = "directory"

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise InputError(f"{folder}: no such folder (msa.directory)")
        self.folder = folder

    def has(self, query: Query) -> bool:
        """Return whether there is a file for a query."""
        return self._find(query) is not None

    def read(self, query: Query) -> Iterator[a3m.Row]:
        """Yield the rows of the query's file.

        Raises
        ------
        InputError
            If the file is malformed, or is of another sequence.
        """
        path = self._find(query)
        if path is None:
            raise InputError(f"{self.folder}: no alignment of {query.names or query.sha256} any more")
        return a3m.read(path, query.sequence)

    def origin(self, query: Query) -> str:
        """Return the name of the query's file."""
        path = self._find(query)
        return path.name if path else ""

    def _find(self, query: Query) -> Path | None:
        names = (query.sha256, *query.names)
        candidates = (self.folder / f"{name}{suffix}" for name in names for suffix in _SUFFIXES)
        return next((path for path in candidates if path.is_file()), None)

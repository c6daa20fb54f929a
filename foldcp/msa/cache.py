"""The cache of searched alignments, shared by all campaigns.

An entry is one file, ``<cache>/msa/<two digits>/<sha256 of the sequence>.<key of the recipe>.a3m.zst``. The
recipe is all that decides what a search finds: provider, databases, parameters. Another recipe is another
file, so settings are never mixed.

An entry is written under a temporary name, synced and renamed, and never changed: it is whole or absent,
whoever is killed at whatever moment, and processes on several machines may write the same entry at once
(equal searches find the same, and one of them stays). Its first line is a comment with the provenance, its
last one a comment with the number and the hash of the rows, so that damage shows.
"""

import contextlib
import json
import os
import stat
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from foldcp.errors import InputError, MissingError, UnreadableError
from foldcp.msa import a3m
from foldcp.msa.query import Query
from foldcp.tables.files import atomic_write, make_folder, writing
from foldcp.tables.provenance import code_version, sha256_json
from foldcp.tables.text import lines

_HEAD, _TAIL = "#foldcp ", "#end "
_SUFFIX = ".a3m.zst"
_LEFT_OVER_SECONDS = 86_400
"""Age at which a temporary file has no writer any more."""
_LEFT_OVERS = ("*/.*.tmp", "tickets/*.json")


@dataclass(frozen=True)
class Recipe:
    """What decides the result of a search.

    Attributes
    ----------
    provider
        mmseqs or server.
    databases
        What was searched, in order: names with checksums, or the address of the service.
    parameters
        Settings of the search.
    """

    provider: str
    databases: tuple[Mapping[str, Any], ...]
    parameters: Mapping[str, Any]

    @property
    def key(self) -> str:
        """Sixteen hexadecimal digits that name this recipe."""
        return sha256_json(asdict(self))[:16]


class Cache:
    """Entries of one recipe.

    Parameters
    ----------
    folder
        The cache folder of foldcp; entries are below its `msa`.
    recipe
        How they are made.
    """

    def __init__(self, folder: Path, recipe: Recipe) -> None:
        self.folder, self.recipe = folder / "msa", recipe

    def path(self, query: Query) -> Path:
        """Return where the entry of a query is, or will be."""
        return self.folder / query.sha256[:2] / f"{query.sha256}.{self.recipe.key}{_SUFFIX}"

    def prepare(self, queries: Iterable[Query]) -> None:
        """Make the folders of entries, before the hours that a search takes.

        Raises
        ------
        WriteError
            If an entry could not be written there.
        """
        for folder in sorted({self.path(query).parent for query in queries}):
            make_shared_folder(folder, self.folder.parent)
            with writing(folder / "an alignment"), tempfile.TemporaryFile(dir=folder):
                pass

    def has(self, query: Query) -> bool:
        """Return whether there is an entry of a query.

        Raises
        ------
        UnreadableError
            If that cannot be told.
        """
        path = self.path(query)
        try:
            return path.is_file()
        except OSError as error:
            raise UnreadableError(f"{path}: cannot be read: {error.strerror}") from None

    def put(self, query: Query, rows: Iterable[a3m.Row], **origin: Any) -> None:
        """Write an entry, unless it is there.

        Parameters
        ----------
        query
            The sequence.
        rows
            Checked rows, the query first.
        origin
            Further provenance: tool, version, ...

        Raises
        ------
        InputError
            From `rows`. Nothing is written then.
        WriteError
            If the file cannot be written.
        """
        if self.has(query):
            return
        path = self.path(query)
        make_shared_folder(path.parent, self.folder.parent)
        said = {
            "sha256": query.sha256,
            **asdict(self.recipe),
            **origin,
            "made": datetime.now(UTC).isoformat(timespec="seconds"),
            "foldcp": code_version(),
        }
        # The stream closes what it writes to; the handle has to stay open, to be synced.
        with (
            atomic_write(path) as handle,
            os.fdopen(os.dup(handle.fileno()), "wb") as own,
            pa.CompressedOutputStream(own, "zstd") as stream,
        ):
            stream.write(f"{_HEAD}{json.dumps(said)}\n".encode())
            summary = a3m.write(rows, len(query.sequence), stream.write)
            stream.write(f"{_TAIL}{json.dumps(summary._asdict())}\n".encode())

    def read(self, query: Query) -> Iterator[a3m.Row]:
        """Yield the rows of an entry.

        Raises
        ------
        UnreadableError
            If the entry cannot be read. It stays: a filesystem that does not answer says nothing about it.
        MissingError
            If it is damaged, and so deleted: it can be made again.
        """
        path = self.path(query)
        tail: dict[str, Any] = {}
        tally = a3m.Tally(len(query.sequence))
        try:
            for row in a3m.parse(_rows_and_tail(path, tail), path, query.sequence):
                tally.add(row)
                yield row
            if tally.summary().sha256 != tail.get("sha256"):
                raise InputError("its rows are not those that were written")
        except UnreadableError:
            raise
        except (InputError, ValueError) as error:
            raise MissingError(
                f"{path}: the cached alignment was damaged, and {_delete(path)} ({error}); run again with "
                "--forcerun msa_batches to search it again"
            ) from None


def make_shared_folder(path: Path, root: Path) -> None:
    """Make a folder of the cache, and those above it, with the mode of the folder that each is in.

    Who makes it may have a umask that keeps others out, whom the owner of `root` lets in.

    Raises
    ------
    WriteError
        If it cannot be made.
    """
    if path == root:
        make_folder(root)
    elif not path.is_dir():
        make_shared_folder(path.parent, root)
        with writing(path), contextlib.suppress(FileExistsError):  # somebody was faster
            path.mkdir()
            path.chmod(stat.S_IMODE(path.parent.stat().st_mode))


def _delete(path: Path) -> str:
    """Delete a file and say so; in a folder of other people it may not be allowed."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        return f"has to be deleted by its owner: {error.strerror}"
    return "is deleted"


def _rows_and_tail(path: Path, tail: dict[str, Any]) -> Iterator[tuple[int, str]]:
    """Yield the numbered lines; what the last one says goes into `tail`."""
    for number, line in lines(path):
        if line.startswith(_TAIL):
            tail |= json.loads(line.removeprefix(_TAIL))
        else:
            yield number, line


class Kind(NamedTuple):
    """The entries of one recipe."""

    provenance: dict[str, Any]
    """Of one of its entries."""
    entries: int
    n_bytes: int


def kinds(folder: Path) -> dict[str, Kind]:
    """Return what a cache folder holds, by the key of the recipe.

    Parameters
    ----------
    folder
        The cache folder of foldcp.

    Raises
    ------
    InputError
        If an entry is damaged.
    """
    found: dict[str, Kind] = {}
    for path in sorted((folder / "msa").glob(f"??/*{_SUFFIX}")):
        key = path.name.removesuffix(_SUFFIX).rpartition(".")[2]
        known = found.get(key) or Kind(provenance(path), 0, 0)
        found[key] = Kind(known.provenance, known.entries + 1, known.n_bytes + path.stat().st_size)
    return found


def provenance(path: Path) -> dict[str, Any]:
    """Return what an entry was made with.

    Raises
    ------
    InputError
        If it does not say so.
    """
    _, first = next(lines(path), (0, ""))
    if not first.startswith(_HEAD):
        raise InputError(f"{path}, line 1: expected the provenance of a cached alignment; delete the file")
    return json.loads(first.removeprefix(_HEAD))


def left_overs(folder: Path) -> list[Path]:
    """Return what is at least a day old of killed processes and can be deleted: temporary files, tickets."""
    latest = time.time() - _LEFT_OVER_SECONDS
    found = [path for pattern in _LEFT_OVERS for path in (folder / "msa").glob(pattern)]
    return [path for path in found if path.stat().st_mtime < latest]

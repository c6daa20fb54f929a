"""Providers of alignments: the ones that a configuration names, in its order, behind one small protocol."""

import json
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from foldcp.config import MsaConfig, cache_folder
from foldcp.errors import InputError
from foldcp.msa import a3m
from foldcp.msa.cache import Cache, Recipe, provenance
from foldcp.msa.directory import Directory
from foldcp.msa.mmseqs import Mmseqs
from foldcp.msa.query import Query, SearchError
from foldcp.msa.server import Server

_EXTRA_SEARCHES = 24
"""Searches that may be spent on finding the sequences that make a batch fail: one in 200 takes 16. Where
there are more, the next run goes on with the few that are left."""
_IN_VAIN = 7
"""Searches without any result, of all, both halves and all quarters, after which it is not the sequences."""


class Provider(Protocol):
    """Where alignments are ready."""

    name: str

    def has(self, query: Query) -> bool:
        """Return whether there is an alignment of a query."""

    def read(self, query: Query) -> Iterator[a3m.Row]:
        """Yield its checked rows; an `InputError` says what is wrong with them."""

    def origin(self, query: Query) -> str:
        """Return where they come from."""


class Search(Protocol):
    """How alignments are made."""

    name: str

    @property
    def recipe(self) -> Recipe:
        """What decides the result."""

    def origin(self) -> dict[str, Any]:
        """Return further provenance."""

    def turn(self) -> AbstractContextManager[None]:
        """Wait until this process may search, and keep others from it where that is due."""

    def search(self, queries: Sequence[Query]) -> Iterator[tuple[Query, Iterator[a3m.Row]]]:
        """Yield each query with its rows; a `SearchError` says that the search of all of them failed."""


class Searched:
    """A provider of what a search has put into the cache.

    Parameters
    ----------
    search
        Makes alignments.
    cache
        Holds them.
    """

    def __init__(self, search: Search, cache: Cache) -> None:
        self.name, self.cache, self._search = search.name, cache, search

    def has(self, query: Query) -> bool:
        """Return whether the cache holds the query; an `UnreadableError` says that it cannot be told."""
        return self.cache.has(query)

    def read(self, query: Query) -> Iterator[a3m.Row]:
        """Yield the rows of the cached alignment.

        Raises
        ------
        UnreadableError, MissingError
            If it cannot be read, or is damaged.
        """
        return self.cache.read(query)

    def origin(self, query: Query) -> str:
        """Return program, databases and settings, as JSON."""
        said = provenance(self.cache.path(query))
        return json.dumps({key: value for key, value in said.items() if key != "sha256"})

    def fill(self, queries: Sequence[Query]) -> dict[str, str]:
        """Search what the cache lacks.

        A batch that fails is searched in halves, so that one bad sequence takes no other with it.

        Returns
        -------
        dict
            Hash of each sequence that failed, and the reason.

        Raises
        ------
        SearchError
            If it is not the sequences: all of several failed. Or if more make the batch fail than can be told
            apart. What was found is in the cache.
        WriteError
            If the cache cannot be written.
        """
        missing = [query for query in queries if not self.has(query)]
        self.cache.prepare(missing)
        failed: dict[str, str] = {}
        batches = deque([missing] if missing else [])
        searches, found = 0, False
        while batches:
            batch = batches.popleft()
            searches += 1
            try:
                failed |= self._fill_once(batch)
                found = True
            except SearchError as error:
                left = [query for query in batch if not self.has(query)]
                found = found or len(left) < len(batch)
                if len(left) <= 1:
                    failed |= {query.sha256: str(error) for query in left}
                    continue
                batches += [left[: len(left) // 2], left[len(left) // 2 :]]
                if searches >= _IN_VAIN and not found:
                    tried = f"{searches} searches of {len(missing)} sequences, together and in parts, failed"
                    raise SearchError(f"{tried}: {error}") from None
                if searches > _EXTRA_SEARCHES:
                    raise SearchError(
                        f"gave up after {searches} searches with {sum(map(len, batches))} of {len(missing)} "
                        f"sequences left: {error}. What was found is kept; run again for the rest"
                    ) from None
        if len(failed) == len(missing) > 1:
            raise SearchError(f"each of {len(missing)} sequences failed: {next(iter(failed.values()))}")
        return failed

    def _fill_once(self, queries: Sequence[Query]) -> dict[str, str]:
        failed: dict[str, str] = {}
        origin = self._search.origin()
        with self._search.turn():
            # Another process may have had its turn before.
            missing = [query for query in queries if not self.has(query)]
            for query, rows in self._search.search(missing) if missing else ():
                try:
                    self.cache.put(query, rows, **origin)
                except InputError as error:
                    failed[query.sha256] = f"{self.name} gave an alignment that cannot be used: {error}"
        return failed


def providers(config: MsaConfig) -> list[Provider]:
    """Return the providers but `none`, in the order they are tried.

    Raises
    ------
    InputError
        If a folder or database that a provider needs is not there.
    """
    return [_provider(name, config) for name in config.providers if name != "none"]


def searched(config: MsaConfig) -> Searched | None:
    """Return the provider that searches, or None.

    Raises
    ------
    InputError
        As `providers`.
    """
    return next((p for p in providers(config) if isinstance(p, Searched)), None)


def _provider(name: str, config: MsaConfig) -> Provider:
    folder = cache_folder(config.cache)
    if name == "directory":
        assert config.directory is not None  # the configuration sees to it
        return Directory(config.directory)
    search: Search = Mmseqs(config.mmseqs) if name == "mmseqs" else Server(config.server, folder)
    return Searched(search, Cache(folder, search.recipe))

"""Pairing of the alignments of a complex's proteins by species.

In the alignment of a complex, rows of several chains stand side by side if they are of one species: what
changed together tells where the chains touch. Each protein brings the first row of each species, which is the
most similar one. Copies of a protein are paired with themselves.

- `greedy`: a species counts that gives rows to at least two chains.
- `complete`: a species counts that gives a row to every protein that has an alignment.
- `none`: no rows are paired.

Further rows of a species (paralogs) are paired between the copies of their own protein; by `complete`, only
if there is no other protein. The names are ColabFold's: Mirdita et al., Nature Methods 19, 679 (2022).

Pairs are ordered as Boltz orders them: by number of chains, then by the row in the first of its proteins.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from foldcp.config.alignments import MOST_ROWS
from foldcp.msa.a3m import Row
from foldcp.msa.species import species

STRATEGIES = ("greedy", "complete", "none")
_GAP = -1


@dataclass(frozen=True)
class Pairing:
    """How the alignments of a complex are put together.

    Attributes
    ----------
    strategy
        One of `STRATEGIES`.
    max_rows
        Most rows of one protein's alignment.
    max_paired
        Most rows that pair chains, the queries' among them; None for `max_rows`, which it never exceeds.
    """

    strategy: str = "greedy"
    max_rows: int = MOST_ROWS
    max_paired: int | None = None

    @property
    def most_pairs(self) -> int:
        """Most pairs, below the row of the queries."""
        return min(self.max_rows, self.max_paired or self.max_rows) - 1


@dataclass(frozen=True)
class Index:
    """Where the species of an alignment are.

    Attributes
    ----------
    depth
        Distinct rows, the query among them: Boltz leaves out rows whose residues it has seen.
    duplicates
        Numbers of the rows that are left out.
    first
        Species to the number of its first row, in the order of rows. Species of the query and its duplicates
        are not among them, nor those whose first row is a duplicate of another species' row.
    others
        Numbers of further rows of known species.
    """

    depth: int
    duplicates: frozenset[int]
    first: dict[str, int]
    others: tuple[int, ...]


class Indexer:
    """Finds where the species of an alignment are, as its rows pass."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}
        self._duplicates: set[int] = set()
        self._first: dict[str, int | None] = {}
        self._owners: dict[int, str] = {}

    def watch(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Yield header and row of an alignment, from the query on, and take note of them."""
        for number, (header, row) in enumerate(rows):
            self._add(number, header, row)
            yield header, row

    def _add(self, number: int, header: str, row: str) -> None:
        original = self._numbers.setdefault(hash(row.replace("-", "").upper()), number)
        if original != number:
            self._duplicates.add(number)
        if (name := species(header)) is None:
            return
        owner = self._owners.get(original)
        if original == 0 or owner not in (None, name):
            # The row most like the query is the query, or stands for another species: none stands for this.
            self._first.setdefault(name, None)
        elif owner is None:
            self._owners[original] = name
            self._first.setdefault(name, original)

    def result(self) -> Index:
        """Return what was found."""
        rows = {name: row for name, row in self._first.items() if row is not None}
        first = dict(sorted(rows.items(), key=lambda item: item[1]))
        others = self._owners.keys() - first.values()
        return Index(len(self._numbers), frozenset(self._duplicates), first, tuple(sorted(others)))


def index(rows: Iterable[Row]) -> Index:
    """Return where the species of an alignment are.

    Parameters
    ----------
    rows
        Header and row, the query first.
    """
    indexer = Indexer()
    for _ in indexer.watch(rows):
        pass
    return indexer.result()


class Entity(NamedTuple):
    """A protein of a complex, or another molecule."""

    copies: int
    depth: int
    """Distinct rows of its alignment, 1 where there is none."""
    species: np.ndarray
    """int64. Number of each of its species, in the order of their first rows."""
    n_others: int
    """Further rows of known species."""


def pairs(entities: Sequence[Entity], pairing: Pairing) -> np.ndarray:
    """Return which rows stand side by side.

    Parameters
    ----------
    entities
        The molecules of a complex; those without an alignment have a depth of 1.
    pairing
        Strategy and limits.

    Returns
    -------
    np.ndarray
        int64 (P, entities). Each row is a pair: places in an entity's list of species and, after them, other
        rows; -1 where an entity has no part in it.
    """
    if pairing.strategy == "none" or not entities:
        return np.empty((0, len(entities)), np.int64)
    copies = np.array([entity.copies for entity in entities])
    keys = np.concatenate(_keys(entities))
    counts = [len(entity.species) + entity.n_others for entity in entities]
    _, key = np.unique(keys, return_inverse=True)
    places = np.full((key.max(initial=-1) + 1, len(entities)), _GAP)
    places[key, np.repeat(np.arange(len(entities)), counts)] = np.concatenate([np.arange(n) for n in counts])
    there = places != _GAP
    n_chains = there @ copies
    wanted = n_chains > 1
    if pairing.strategy == "complete":
        aligned = np.array([entity.depth > 1 for entity in entities])
        wanted &= there[:, aligned].all(axis=1)
    places, there, n_chains = places[wanted], there[wanted], n_chains[wanted]
    leading = there.argmax(axis=1)
    rank = np.take_along_axis(places, leading[:, None], axis=1)[:, 0]
    return places[np.lexsort((rank, leading, -n_chains))][: pairing.most_pairs]


def _keys(entities: Sequence[Entity]) -> list[np.ndarray]:
    """Return a number for every row of known species; those of further rows are nobody else's."""
    found, free = [], max((int(entity.species.max(initial=-1)) for entity in entities), default=-1) + 1
    for entity in entities:
        found.append(np.concatenate([entity.species, free + np.arange(entity.n_others)]))
        free += entity.n_others
    return found


class Depths(NamedTuple):
    """Rows of a complex's alignment."""

    paired: int
    """Rows that pair chains by species, the queries' among them."""
    total: int


def depths(entities: Sequence[Entity], places: np.ndarray, max_rows: int) -> Depths:
    """Return how many rows Boltz stacks for a complex.

    Chains without a part in a pair, and all chains below the pairs, go through their own rows from the top.

    Parameters
    ----------
    entities
        As `pairs` takes them.
    places
        From `pairs`.
    max_rows
        Most rows of one protein's alignment.
    """
    paired = len(places) + 1
    left = 0
    for entity, column in zip(entities, places.T, strict=True):
        own = min(entity.depth, max_rows) - 1
        left = max(left, own - min(own, int((column == _GAP).sum())))
    return Depths(paired, paired + left)

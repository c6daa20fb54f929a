"""Thinning of alignments: rows that say nothing new are left out, species are not."""

from collections.abc import Iterable, Iterator

import numpy as np

from foldcp.msa.a3m import Row, columns_of
from foldcp.msa.species import species

_GAP = ord("-")
_NOTHING = 0
"""Stands for a gap in the row that is compared, so that it equals no residue."""


def diverse(rows: Iterable[Row], max_identity: float, max_rows: int) -> Iterator[Row]:
    """Yield the query, and each row that is like none that was kept before, or is its species' first.

    Identity is the share of a row's aligned residues that another row has, too: a fragment of a kept row is
    like it. The first row of a species is kept whatever it is like, because chains are paired by it.

    Parameters
    ----------
    rows
        Header and row, the query first. One at a time is read.
    max_identity
        Above it, a row is left out; 1 keeps all.
    max_rows
        Rows that are read of an alignment: when so many are kept, others would not be read.
    """
    if max_identity >= 1:
        yield from rows
        return
    kept = _Kept()
    seen: set[str] = set()
    for header, row in rows:
        letters = np.frombuffer(columns_of(row).encode(), np.uint8)
        name = species(header)
        is_first = not kept.n or (name is not None and name not in seen)
        if is_first or (kept.n < max_rows and not kept.has_like(letters, max_identity)):
            kept.add(letters)
            yield header, row
        if name is not None:
            seen.add(name)


class _Kept:
    """Rows that were kept, one below the other in an array that grows."""

    def __init__(self) -> None:
        self.n = 0
        self._letters = np.empty((0, 0), np.uint8)

    def add(self, letters: np.ndarray) -> None:
        if self.n == len(self._letters):
            grown = np.empty((2 * self.n + 256, len(letters)), np.uint8)
            if self.n:
                grown[: self.n] = self._letters
            self._letters = grown
        self._letters[self.n] = letters
        self.n += 1

    def has_like(self, letters: np.ndarray, max_identity: float) -> bool:
        residues = letters != _GAP
        same = (self._letters[: self.n] == np.where(residues, letters, _NOTHING)).sum(axis=1)
        return bool((same > max_identity * residues.sum()).any())

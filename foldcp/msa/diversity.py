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
        Distinct rows that are read of an alignment: when so many are kept, others would not be read.
    """
    kept = _Kept(max_identity)
    seen: set[str] = set()
    for header, row in rows:
        name = species(header)
        is_first = not kept.n or (name is not None and name not in seen)
        if is_first or (kept.n < max_rows and not kept.has_like(row)):
            if kept.n < max_rows:
                kept.add(row)
            yield header, row
        if name is not None:
            seen.add(name)


class _Kept:
    """Rows that were kept, one below the other in an array that grows."""

    def __init__(self, max_identity: float) -> None:
        self._max_identity = max_identity
        self._texts: set[int] = set()
        self._letters = np.empty((0, 0), np.uint8)

    @property
    def n(self) -> int:
        """Distinct rows."""
        return len(self._texts)

    def add(self, row: str) -> None:
        """Keep a row; its letters only where rows are compared, and only the first of equal ones."""
        before = self.n
        self._texts.add(_text(row))
        if self._max_identity >= 1 or self.n == before:
            return
        letters = _columns(row)
        if before == len(self._letters):
            grown = np.empty((2 * before + 256, len(letters)), np.uint8)
            if before:
                grown[:before] = self._letters
            self._letters = grown
        self._letters[before] = letters

    def has_like(self, row: str) -> bool:
        """Return whether a kept row has more of the row's residues than the limit; never where that is 1."""
        if self._max_identity >= 1:
            return False
        if _text(row) in self._texts:  # Boltz reads it once
            return True
        letters = _columns(row)
        residues = letters != _GAP
        same = (self._letters[: self.n] == np.where(residues, letters, _NOTHING)).sum(axis=1)
        return bool((same > self._max_identity * residues.sum()).any())


def _text(row: str) -> int:
    return hash(row.replace("-", "").upper())


def _columns(row: str) -> np.ndarray:
    return np.frombuffer(columns_of(row).encode(), np.uint8)

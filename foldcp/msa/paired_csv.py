"""The alignments of one complex as Boltz reads them paired: a CSV of `key,sequence` for each protein.

Rows of equal key stand side by side. Each pair has a key of its own, so that Boltz's reading
(`boltz.data.parse.csv`, `construct_paired_msa`) is the pairing of `foldcp.msa.pairing`, row by row. A file
starts with the query, then come the paired rows in the order of pairs, then all others, without a key.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from foldcp.msa.a3m import Row
from foldcp.msa.pairing import Depths, Entity, Index, Pairing, depths, index, pairs
from foldcp.tables.files import atomic_write

_HEADER = "key,sequence\n"


@dataclass(frozen=True)
class Protein:
    """A protein of a complex, with its alignment.

    Attributes
    ----------
    copies
        Chains of it.
    rows
        Reads the alignment, from the query on; it is called twice, so that no alignment is held in memory.
    """

    copies: int
    rows: Callable[[], Iterator[Row]]


def write(proteins: Sequence[Protein], folder: Path, pairing: Pairing) -> tuple[list[Path], Depths]:
    """Write the alignments of a complex.

    Parameters
    ----------
    proteins
        Those with an alignment, in the order of their chains.
    folder
        Where files go, named by number.
    pairing
        How to pair, and how many rows a file may have: paired ones go first.

    Returns
    -------
    files : list of Path
        One for each protein.
    depths : Depths
        Rows of the complex's alignment.

    Raises
    ------
    InputError
        From reading an alignment: naming file and line.
    """
    found = [index(protein.rows()) for protein in proteins]
    entities = _entities(proteins, found)
    places = pairs(entities, pairing)
    files = []
    for number, (protein, its, column) in enumerate(zip(proteins, found, places.T, strict=True)):
        path = folder / f"{number}.csv"
        with atomic_write(path, "w") as handle:
            handle.write(_HEADER)
            handle.writelines(_lines(protein.rows(), its, column, pairing.max_rows))
        files.append(path)
    return files, depths(entities, places, pairing.max_rows)


def _entities(proteins: Sequence[Protein], found: Sequence[Index]) -> list[Entity]:
    numbers: dict[str, int] = {}
    return [
        Entity(
            protein.copies,
            its.depth,
            np.array([numbers.setdefault(name, len(numbers)) for name in its.first], np.int64),
            len(its.others),
        )
        for protein, its in zip(proteins, found, strict=True)
    ]


def _lines(rows: Iterable[Row], its: Index, places: np.ndarray, max_rows: int) -> Iterator[str]:
    """Yield the lines of a protein's file: query, paired rows by key, the others."""
    known = [*its.first.values(), *its.others]
    keys = {known[place]: key for key, place in enumerate(places.tolist()) if place >= 0}
    paired: dict[int, str] = {}
    others: list[str] = []
    for number, (_, row) in enumerate(rows):
        if number in keys:
            paired[keys[number]] = row
        elif number not in its.duplicates and len(others) < max_rows:
            others.append(row)
    yield f",{others[0]}\n"
    yield from (f"{key},{paired[key]}\n" for key in sorted(paired))
    yield from (f",{row}\n" for row in others[1 : max_rows - len(paired)])

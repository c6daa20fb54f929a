"""One a3m file for a whole complex, as ColabFold writes it, taken apart into an alignment per chain.

The first line, ``#233,352<TAB>1,1``, has the length of each distinct chain and its copies; every row spans
all distinct chains. A row with residues in several of them is a paired one, and becomes a row of each, with
the same key (`` Key=<number of the row>`` at the end of the header); the others are not to be paired
(`` Key=-``). A row that is all gaps in a chain gives it none. The first row with residues in a chain is its
query. Insertions between two chains stay with the one before.
"""

import itertools
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from foldcp.errors import InputError
from foldcp.msa import a3m
from foldcp.msa.query import KEY
from foldcp.msa.species import not_paired
from foldcp.tables.text import lines, shorten

_FIRST_LINE = re.compile(r"#\s*(?P<lengths>[0-9]+(?:,[0-9]+)*)\s+(?P<copies>[0-9]+(?:,[0-9]+)*)\s*")
_FIRST_NAME = 101
"""ColabFold calls the queries 101, 102, ..., and starts the block of each chain with it."""


class _Row(NamedTuple):
    found: a3m.Unchecked
    text: str
    columns: str

    def has(self, chain: slice) -> bool:
        """Return whether the row has residues in a chain."""
        return self.columns[chain].strip("-") != ""

    def of(self, chain: slice) -> str:
        """Return the text of a chain: its columns, and the insertions in and after them."""
        if len(self.text) == len(self.columns):
            return self.text[chain]
        places = [at for at, letter in enumerate(self.text) if not letter.islower()]
        start = places[chain.start] if chain.start else 0
        return self.text[start : places[chain.stop] if chain.stop < len(places) else None]


def read(path: Path, sequence: str, together: Collection[str]) -> Iterator[a3m.Row]:
    """Yield header and row of one chain.

    Parameters
    ----------
    path
        The file, plain, gzip or zstd.
    sequence
        Sequence of the chain.
    together
        Sequences of all proteins of the complex.

    Raises
    ------
    InputError
        Naming the file, and the line where there is one: another first line, letters that are none, a row of
        another length, or chains that are not the proteins of the complex.
    """
    chains, queries = _layout(path)
    _check_chains(path, queries, together)
    index = next(n for n, query in enumerate(queries) if a3m.is_query(query, sequence))
    return a3m.checked(_rows_of(path, chains, index), sequence)


def _layout(path: Path) -> tuple[list[slice], list[str]]:
    """Return the columns of each chain, and its query."""
    numbered = lines(path)
    at, line = next(numbered, (1, ""))
    match = _FIRST_LINE.fullmatch(line)
    lengths = [int(text) for text in match["lengths"].split(",")] if match else []
    if not match or 0 in lengths or len(lengths) != match["copies"].count(",") + 1:
        raise InputError(
            f"{path}, line {at}: got {shorten(line)!r}; an alignment of a whole complex starts with "
            "#<lengths of its distinct chains><TAB><their copies>, e.g. #233,352<TAB>1,1, as ColabFold's do"
        )
    ends = list(itertools.accumulate(lengths))
    chains = [slice(end - length, end) for end, length in zip(ends, lengths, strict=True)]
    return chains, _queries(path, numbered, chains)


def _queries(path: Path, numbered: Iterator[tuple[int, str]], chains: Sequence[slice]) -> list[str]:
    found: dict[int, str] = {}
    for row in _rows(path, numbered, chains[-1].stop):
        for index, chain in enumerate(chains):
            if index not in found and row.has(chain):
                found[index] = row.columns[chain]
        if len(found) == len(chains):
            return [found[index] for index in range(len(chains))]
    lacking = next(index for index in range(len(chains)) if index not in found)
    raise InputError(
        f"{path}: no row has residues in chain {lacking + 1} of the {len(chains)} of its first line"
    )


def _rows(path: Path, numbered: Iterator[tuple[int, str]], width: int) -> Iterator[_Row]:
    for found in a3m.unchecked(numbered, path):
        text, columns = a3m.split_insertions(found)
        if len(columns) != width:
            raise InputError(
                f"{found.where}: {found.subject} has {len(columns)} columns, the lengths in the first line "
                f"make {width}; insertions are lower case"
            )
        yield _Row(found, text, columns)


def _check_chains(path: Path, queries: Sequence[str], together: Collection[str]) -> None:
    for number, query in enumerate(queries, start=1):
        if not any(a3m.is_query(query, sequence) for sequence in together):
            raise InputError(
                f"{path}: chain {number} ({len(query)} residues, {shorten(query)}) is none of this complex"
            )
    for sequence in together:
        if not any(a3m.is_query(query, sequence) for query in queries):
            raise InputError(
                f"{path}: it lacks the complex's protein of {len(sequence)} residues, {shorten(sequence)}"
            )


def _rows_of(path: Path, chains: Sequence[slice], index: int) -> Iterator[a3m.Unchecked]:
    chain, first = chains[index], True
    for number, row in enumerate(_rows(path, lines(path), chains[-1].stop), start=1):
        if not row.has(chain):
            continue
        where, subject, header, _ = row.found
        again = header == str(_FIRST_NAME + index)
        if first or not again:
            paired = sum(map(row.has, chains)) > 1
            known = f"{header}{KEY}{number}" if paired else not_paired(header)
            yield a3m.Unchecked(where, subject, header if first else known, row.of(chain))
        first = False

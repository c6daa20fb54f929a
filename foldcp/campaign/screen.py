"""A screen: pairs of proteins to fold, from lists of baits and preys instead of a table of complexes.

Each bait is paired with each prey, or the baits with one another; a pair is one complex, whichever way round
the lists give it. A pair that a table of known interactions puts together has the role `known`, any other is
a `candidate`. A line that names no molecule becomes a rejected row; a protein listed twice counts once.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from foldcp.campaign.formats.files import read_text
from foldcp.campaign.formats.record import column_name, pair_id
from foldcp.campaign.ingested import Ingested, add_content, shorten
from foldcp.campaign.members import CopiesError, Member, MemberError, parse, parse_copies, split_copies
from foldcp.campaign.partners import molecule, read_groups
from foldcp.config import ScreenConfig
from foldcp.errors import InputError, UsageError
from foldcp.names import distinct_ids
from foldcp.tables.rows import empty, rows_to_table
from foldcp.tables.schemas import COMPLEXES, REJECTED

_CHUNK = 10_000
"""Rows that exist as Python objects at a time: a thousand proteins make half a million pairs."""


@dataclass(frozen=True)
class Listed:
    """A protein of a list, with its copies in each pair and its name."""

    member: Member
    copies: int
    name: str | None


@dataclass(frozen=True)
class _Line:
    number: int
    text: str
    copies: str
    name: str | None
    raw: str


def pairs(config: ScreenConfig) -> Ingested:
    """Return the pairs of a screen.

    Raises
    ------
    UsageError
        If no baits are named.
    InputError
        If a file cannot be read, or lists nothing.
    """
    if config.baits is None:
        raise UsageError("a screen needs complexes.screen.baits: the list of proteins to pair")
    listed: dict[str, Listed] = {}
    rejected: list[dict[str, Any]] = []
    baits = _read_list(config.baits, listed, rejected)
    preys = _read_list(config.preys, listed, rejected) if config.preys else None
    found = list(_pairs(baits, preys, config.homodimers))
    known, remarks = _known(config.known, found, listed)
    table = _table(found, listed, known)
    return Ingested(table, rows_to_table(REJECTED, rejected), len(found) + len(rejected), "screen", remarks)


def _read_list(path: Path, listed: dict[str, Listed], rejected: list[dict[str, Any]]) -> list[str]:
    """Return the distinct keys of a list; add its proteins to `listed`, its unusable lines to `rejected`."""
    keys: dict[str, None] = {}
    for line in _lines(path):
        try:
            protein = _protein(line)
            before = listed.setdefault(protein.member.key, protein)
            if before.copies != protein.copies:
                raise CopiesError(f"{protein.copies} copies of {line.text} here and {before.copies} above")
            keys[protein.member.key] = None
        except MemberError as error:
            rejected.append(_rejected(path, line, "malformed_member", str(error)))
        except CopiesError as error:
            rejected.append(_rejected(path, line, "malformed_copies", str(error)))
    return list(keys)


def _lines(path: Path) -> Iterator[_Line]:
    text, _ = read_text(path)
    lines = [(n, line) for n, line in enumerate(text.splitlines(), start=1) if _says_something(line)]
    if not lines:
        raise InputError(
            f"{path}: the list is empty; expected one protein per line, or a CSV with a column member"
        )
    delimiter = next((d for d in "\t;" if d in lines[0][1]), ",")
    header = [column_name(cell) for cell in _cells(lines[0][1], delimiter)]
    if "member" not in header:
        yield from (_Line(n, line.strip(), "", None, line) for n, line in lines)
        return
    for n, line in lines[1:]:
        cells = dict(zip(header, _cells(line, delimiter), strict=False))
        yield _Line(n, cells.get("member", ""), cells.get("copies", ""), cells.get("name") or None, line)


def _says_something(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _cells(line: str, delimiter: str) -> list[str]:
    return [cell.strip() for cell in next(csv.reader(io.StringIO(line), delimiter=delimiter), [])]


def _protein(line: _Line) -> Listed:
    text, copies = split_copies(line.text)
    if line.copies:
        copies = parse_copies(line.copies)
    if copies == 0:
        raise CopiesError(f"0 copies of {text}; at least 1 is needed")
    return Listed(parse(text), copies or 1, line.name)


def _rejected(path: Path, line: _Line, code: str, reason: str) -> dict[str, Any]:
    return {
        "stage": "complexes",
        "source_id": shorten(line.text) or None,
        "source_row": line.number,
        "reason_code": code,
        "reason": f"{path.name}, line {line.number}: {reason}",
        "raw": shorten(line.raw),
    }


def _pairs(baits: list[str], preys: list[str] | None, homodimers: bool) -> Iterator[tuple[str, str]]:
    """Yield each pair of keys once: the bait first, or in alphabetical order where both could be the bait."""
    if preys is None:
        yield from combinations(sorted(baits), 2)
        yield from ((key, key) for key in sorted(baits) if homodimers)
        return
    both = set(baits) & set(preys)
    for bait in sorted(baits):
        for prey in sorted(preys):
            if bait == prey and not homodimers:
                continue
            if bait > prey and bait in both and prey in both:
                continue
            yield bait, prey


def _known(
    path: Path | None, found: Iterable[tuple[str, str]], listed: Mapping[str, Listed]
) -> tuple[set[tuple[str, str]], tuple[str, ...]]:
    """Return the pairs of the screen that are known to interact, and what was read."""
    if path is None:
        return set(), ()
    names = {key: molecule(key, one.member.namespace) for key, one in listed.items()}
    got = read_groups(path, set(names.values()))
    known = {pair for group in got.groups for pair in combinations(sorted(group.molecules), 2)}
    known |= {(name, name) for group in got.groups if group.homomer for name in group.molecules}
    screened = {pair: _unordered(names[pair[0]], names[pair[1]]) for pair in found}
    n_used = len(known & set(screened.values()))
    remarks = (
        f"{path}: {got.n_read} records of partners; {n_used} pairs of the screen are known by them",
        f"{path}: {got.n_unread} records name no molecule",
    )
    return {pair for pair, molecules in screened.items() if molecules in known}, remarks


def _unordered(a: str, b: str) -> tuple[str, str]:
    return (a, b) if a <= b else (b, a)


def _table(
    found: Sequence[tuple[str, str]], listed: Mapping[str, Listed], known: set[tuple[str, str]]
) -> pa.Table:
    names = distinct_ids([pair_id("", *pair) for pair in found])
    numbered = enumerate(zip(found, names, strict=True), start=1)
    parts = [empty(COMPLEXES)]
    while chunk := list(islice(numbered, _CHUNK)):
        rows = [_row(n, name, pair, listed, pair in known) for n, (pair, name) in chunk]
        add_content(rows)
        parts.append(rows_to_table(COMPLEXES, rows))
    return pa.concat_tables(parts)


def _row(
    number: int, complex_id: str, pair: tuple[str, str], listed: Mapping[str, Listed], known: bool
) -> dict[str, Any]:
    copies: dict[str, int] = {}
    for key in pair:
        copies[key] = copies.get(key, 0) + listed[key].copies
    named = [listed[key].name or key for key in pair] if any(listed[key].name for key in pair) else []
    return {
        "complex_id": complex_id,
        "source_id": pair_id("", *pair),
        "source_row": number,
        "source_format": "screen",
        "name": " - ".join(named) or None,
        "members": [
            {
                "member": key,
                "namespace": listed[key].member.namespace,
                "copies": n,
                "copies_source": "table",
            }
            for key, n in copies.items()
        ],
        "annotations": [],
        "flags": [],
        "role": "known" if known else "candidate",
    }

"""Which molecules are known to meet: read from tables of complexes and interactions, in any known format.

All members of one record count as partners of each other, those of its nested complexes included, and all
molecules of a set that the table does not tell apart. A record that becomes no complex, because one of its
members is malformed, still says that the others meet. Isoforms and mature chains of an entry are one.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from foldcp.campaign.formats import Row, RowError, open_table
from foldcp.campaign.formats.detect import Table
from foldcp.campaign.formats.record import Part, is_blank
from foldcp.campaign.members import CopiesError, Member, MemberError, parse, split_copies
from foldcp.campaign.sources.fasta import plain_key


def molecule(key: str, namespace: str) -> str:
    """Return the name that all isoforms and mature chains of one entry share, from a member's key."""
    return key.partition("-")[0] if namespace == "uniprot" else plain_key(key)


@dataclass(frozen=True)
class Group:
    """Molecules that one record of a table says are together.

    Attributes
    ----------
    molecules
        Names as `molecule` gives them.
    homomer
        Whether the record is of several copies of one molecule (small molecules aside).
    """

    molecules: frozenset[str]
    homomer: bool


@dataclass(frozen=True)
class Groups:
    """What a table says about partners.

    Attributes
    ----------
    groups
        One for each record that names a molecule.
    n_unread
        Records that name none.
    """

    groups: list[Group]
    n_unread: int


def read_groups(path: Path, fmt: str = "auto") -> Groups:
    """Read which molecules a table puts together.

    Raises
    ------
    UsageError, InputError
        As `foldcp.campaign.formats.open_table`.
    """
    table = open_table(path, fmt)
    records = [record for row in table.rows if (record := _record(table, row))]
    # Nested complexes are looked up by identifier; the first record of a repeated one counts.
    by_id = dict(reversed(records))
    groups = [group for _, named in records if (group := _group(named, by_id)).molecules]
    return Groups(groups, len(table.rows) - len(groups))


Named = list[tuple[Member, int]]
"""Participants of a record with their copies, at least 1."""


def _record(table: Table, row: Row) -> tuple[str, Named] | None:
    if row.error:
        return None
    try:
        record = table.format.record(row)
    except RowError:
        return None
    parts = [part for part in (*record.parts, *record.expanded) if not is_blank(part.text)]
    named = list(_named(parts))
    # A table may list its participants twice, the second time with nested complexes resolved.
    return record.source_id, list(dict.fromkeys(named)) if record.expanded else named


def _named(parts: Iterable[Part]) -> Iterator[tuple[Member, int]]:
    for part in parts:
        try:
            text, copies = split_copies(part.text)
        except CopiesError:
            text, copies = part.text.rpartition("(")[0], None
        try:
            yield parse(text), (copies if part.copies is None else part.copies) or 1
        except MemberError:
            continue  # refused by the complexes stage, with the reason; the other members still meet


def _group(named: Named, by_id: Mapping[str, Named]) -> Group:
    seen: set[str] = set()
    todo, found, copies = list(named), set(), 0
    while todo:
        member, n = todo.pop()
        copies += n if member.namespace != "chebi" else 0
        if member.namespace != "complexportal":
            found |= {molecule(key, member.namespace) for key in (member.key, *member.alternatives)}
        elif member.key not in seen:
            seen.add(member.key)
            todo += by_id.get(member.key, [])
    polymers = [name for name in found if not name.startswith("CHEBI:")]
    return Group(frozenset(found), homomer=len(polymers) == 1 and copies > 1)


def groups_of(complexes: pa.Table) -> Iterator[frozenset[str]]:
    """Yield the molecules of each row of a COMPLEXES table."""
    for members in complexes["members"].to_pylist():
        yield frozenset(molecule(m["member"], m["namespace"]) for m in members)


class Partners:
    """Known partners among numbered proteins.

    Parameters
    ----------
    groups
        Sets of molecules that are together.
    numbers
        Number of the protein that each molecule is; molecules that are none are left out.
    n
        Proteins.
    """

    def __init__(self, groups: Iterable[Iterable[str]], numbers: Mapping[str, int], n: int) -> None:
        distinct = {frozenset(numbers[name] for name in group if name in numbers) for group in groups}
        pairs = [_pairs(group, n) for group in distinct if len(group) > 1]
        codes = np.unique(np.concatenate([np.arange(n, dtype=np.int64) * (n + 1), *pairs]))
        self._targets = codes % n if n else codes
        self._starts = np.searchsorted(codes, np.arange(n + 1, dtype=np.int64) * n)

    def of(self, protein: int) -> np.ndarray:
        """Return the numbers of a protein's partners, itself included, ascending."""
        return self._targets[self._starts[protein] : self._starts[protein + 1]]


def _pairs(group: Iterable[int], n: int) -> np.ndarray:
    """Return both directions of each pair in a group, and its members with themselves, as a * n + b."""
    members = np.fromiter(group, dtype=np.int64)
    return (members[:, None] * n + members[None, :]).ravel()

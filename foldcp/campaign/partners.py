"""Which molecules are known to meet: read from tables of complexes and interactions, in any known format.

All members of one record count as partners of each other, those of its nested complexes included, and all
molecules of a set that the table does not tell apart. A record that becomes no complex, because one of its
members is malformed, still says that the others meet. Isoforms and mature chains of an entry are one.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from foldcp.campaign.formats import Row, RowError, stream_table
from foldcp.campaign.formats.record import Format, Part, is_blank
from foldcp.campaign.members import CopiesError, Member, MemberError, parse, split_copies
from foldcp.campaign.sources.fasta import plain_key

Named = list[tuple[Member, int]]
"""Participants of a record with their copies, at least 1."""


def molecule(key: str, namespace: str) -> str:
    """Return the name that all isoforms and mature chains of one entry share, from a member's key."""
    return key.partition("-")[0] if namespace == "uniprot" else plain_key(key)


@dataclass(frozen=True)
class Group:
    """Molecules of interest that one record of a table says are together.

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
        The distinct groups of molecules of interest.
    n_read, n_unread
        Records that name a molecule, and that name none.
    n_met
        Records that put two molecules of interest together.
    namespaces
        Databases of the molecules of all records (`foldcp.campaign.members`).
    """

    groups: set[Group]
    n_read: int
    n_unread: int
    n_met: int
    namespaces: frozenset[str]


def read_groups(path: Path, among: Set[str], fmt: str = "auto") -> Groups:
    """Read which molecules a table puts together.

    Tables of interactions may be larger than the memory: row by row, and only what is of interest is kept.

    Parameters
    ----------
    path
        The table.
    among
        Molecules of interest, as `molecule` names them.
    fmt
        One of `foldcp.config.TABLE_FORMATS`.

    Raises
    ------
    UsageError, InputError
        As `foldcp.campaign.formats.open_table`.
    """
    counts, namespaces = Counter[str](), set[str]()
    groups: set[Group] = set()
    for named, by_id in _resolvable(path, fmt):
        namespaces |= {member.namespace for member, _ in named}
        group = _group(named, by_id)
        met = frozenset(group.molecules & among)
        counts["read" if group.molecules else "unread"] += 1
        counts["met"] += len(met) > 1
        if len(met) > 1 or (met and group.homomer):
            groups.add(Group(met, group.homomer))
    return Groups(groups, counts["read"], counts["unread"], counts["met"], frozenset(namespaces))


def _resolvable(path: Path, fmt: str) -> Iterator[tuple[Named, Mapping[str, Named]]]:
    """Yield the participants of each record, with the complexes among them once all have been read."""
    found, rows = stream_table(path, fmt)
    complexes: dict[str, Named] = {}
    waiting: list[Named] = []
    for row in rows:
        source_id, named = _record(found, row) or ("", [])
        if source_id.startswith("CPX-"):
            # The first record of a repeated one counts.
            complexes.setdefault(source_id, named)
        if any(member.namespace == "complexportal" for member, _ in named):
            waiting.append(named)
        else:
            yield named, {}
    yield from ((named, complexes) for named in waiting)


def _record(found: Format, row: Row) -> tuple[str, Named] | None:
    if row.error:
        return None
    try:
        record = found.record(row)
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

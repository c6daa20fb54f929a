"""From a record's participants to the molecules of the complex: nested complexes resolved, copies added up.

A nested complex (`CPX-1410` among the participants) stands for its own participants, taken from the same
table, which keeps its RNAs and ligands; a table that lacks it may still list them as expanded participants.
The copies of a nested complex multiply those of its members; an unknown factor makes the product unknown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from foldcp.campaign.formats.record import Part, Record, RowError, is_blank
from foldcp.campaign.members import CopiesError, Member, MemberError, parse, split_copies

_UNKNOWN = 0


@dataclass(frozen=True)
class Participant:
    """A member with what the table says about its copies: a number, 0 for unknown, None for nothing."""

    member: Member
    copies: int | None
    gene: str | None


@dataclass(frozen=True)
class Parsed:
    """A record whose participants are understood.

    Attributes
    ----------
    record
        The record.
    participants
        Its participants, nested complexes included, in the table's order.
    n_unnamed
        Participants without any identifier.
    """

    record: Record
    participants: list[Participant]
    n_unnamed: int


def parse_record(record: Record) -> Parsed:
    """Return `record` with its participants parsed.

    Raises
    ------
    RowError
        If a participant is malformed: the complex is refused whole, because without a member it would be
        another complex. Also if no participant is named at all.
    """
    named = [part for part in record.parts if not is_blank(part.text)]
    if not named:
        raise RowError("no_members", "no member of the complex has an identifier")
    return Parsed(record, [_participant(part) for part in named], len(record.parts) - len(named))


def _participant(part: Part) -> Participant:
    try:
        text, copies = split_copies(part.text)
        return Participant(parse(text), copies if part.copies is None else part.copies, part.gene)
    except MemberError as error:
        raise RowError("malformed_member", str(error)) from None
    except CopiesError as error:
        raise RowError("malformed_copies", f"member {part.text[:60]!r}: {error}") from None


def expand(parsed: Parsed, table: Mapping[str, Parsed]) -> tuple[list[Participant], list[str]]:
    """Return the participants with nested complexes replaced by their members, and the identifiers replaced.

    Parameters
    ----------
    parsed
        The complex.
    table
        All complexes of the table by identifier.

    Raises
    ------
    RowError
        If a nested complex is described nowhere, or contains itself.
    """
    nested: list[str] = []
    participants = list(_flat(parsed, table, (parsed.record.source_id,), nested))
    if any(p.member.namespace == "complexportal" for p in participants):
        participants = _from_expanded_column(parsed.record, participants)
    return participants, nested


def _flat(
    parsed: Parsed, table: Mapping[str, Parsed], path: tuple[str, ...], nested: list[str]
) -> list[Participant]:
    found: list[Participant] = []
    for participant in parsed.participants:
        if participant.member.namespace != "complexportal":
            found.append(participant)
            continue
        key = participant.member.key
        nested.append(key)
        if key in path:
            raise RowError("nested_complex_cycle", f"the complex contains itself: {' > '.join((*path, key))}")
        if key not in table:
            found.append(participant)
            continue
        inner = _flat(table[key], table, (*path, key), nested)
        found += [replace(p, copies=_product(participant.copies, p.copies)) for p in inner]
    return found


def _product(outer: int | None, inner: int | None) -> int | None:
    if outer is None or inner is None:
        return outer if inner is None else inner
    return outer * inner


def _from_expanded_column(record: Record, participants: Sequence[Participant]) -> list[Participant]:
    missing = [p.member.key for p in participants if p.member.namespace == "complexportal"]
    listed = [_participant(part) for part in record.expanded if not is_blank(part.text)]
    keys = {p.member.key for p in listed}
    if keys <= {p.member.key for p in participants} or any(
        p.member.namespace == "complexportal" for p in listed
    ):
        raise RowError(
            "nested_complex_missing",
            f"it contains the complex {', '.join(missing)}, which this table does not describe; add its row, "
            "or take the Complex Portal file with the column 'Expanded participant list'",
        )
    # The list counts a protein's copies in the whole complex, those outside the nested one included.
    others = (p for p in participants if p.member.namespace != "complexportal" and p.member.key not in keys)
    return [*listed, *others]


def merge(participants: Sequence[Participant]) -> tuple[list[dict], list[str]]:
    """Add up the copies of each member.

    A member that is listed twice has two copies. Copies that the table calls unknown, or does not mention,
    count as one and their source is `assumed`.

    Returns
    -------
    tuple
        Rows of the `members` column, in the order of first mention; flags.
    """
    grouped: dict[str, list[Participant]] = {}
    for participant in participants:
        grouped.setdefault(participant.member.key, []).append(participant)
    members, flags = [], []
    for key, group in grouped.items():
        unknown = any(p.copies == _UNKNOWN for p in group)
        stated = len(group) > 1 or group[0].copies is not None
        members.append(
            {
                "member": key,
                "namespace": group[0].member.namespace,
                "copies": sum(p.copies or 1 for p in group),
                "copies_source": "table" if stated and not unknown else "assumed",
                "gene": group[0].gene,
            }
        )
        flags += [f"unknown_copies:{key}"] if unknown else []
        flags += [f"repeated_member:{key}"] if len(group) > 1 else []
        flags += [f"one_of:{'|'.join(p.member.alternatives)}" for p in group if p.member.alternatives]
    return members, flags

"""Your own table, separated by commas, tabs or semicolons, in one of two forms.

`complex_id,members`: members joined by `;` (or `|`, or `,` in a quoted field, or spaces), copies in
parentheses (`P12345(2);Q67890`) or in a column `copies` (`2;1`).
`id_a,id_b`: one pair per row, with an optional `complex_id`.
Optional columns of both: `name`, `organism`, `score`.
"""

import re
from collections.abc import Sequence

from foldcp.campaign.formats.record import Format, Part, Record, Row, RowError, is_blank, pair_id
from foldcp.campaign.members import CopiesError, parse_copies

# A space before parentheses separates nothing: `P12345 (2)`.
_SEPARATORS = (re.compile(r"[;|]"), re.compile(r","), re.compile(r"\s+(?!\()"))


def _split(text: str) -> list[str]:
    # Commas inside brackets separate the alternatives of one member.
    separators = (s for s in _SEPARATORS if s.search(text) and not (s.pattern == "," and "[" in text))
    separator = next(separators, None)
    return [part.strip() for part in separator.split(text)] if separator else [text]


def _complex(row: Row) -> Record:
    if not (text := row.text("members")):
        raise RowError("no_members", f"the member field is {row.cell('members')!r}: no member is named")
    members = _split(text)
    return _record_of(row, row.cell("complexid"), members)


def _pair(row: Row) -> Record:
    members = [row.text("ida"), row.text("idb")]
    if not all(members):
        raise RowError("no_accession", "one of the two columns id_a and id_b is empty")
    return _record_of(row, pair_id(row.identifier("complexid"), *members), members)


def _record_of(row: Row, source_id: str, members: Sequence[str]) -> Record:
    copies = _split(row.text("copies")) if row.text("copies") else [""] * len(members)
    if len(copies) != len(members):
        raise RowError("malformed_copies", f"{len(copies)} numbers of copies for {len(members)} members")
    try:
        parts = [
            Part(m, None if is_blank(n) else parse_copies(n)) for m, n in zip(members, copies, strict=True)
        ]
    except CopiesError as error:
        raise RowError("malformed_copies", str(error)) from None
    return Record(
        source_id=source_id,
        parts=parts,
        name=row.text("name") or None,
        organism=row.text("organism") or None,
        score=row.number_of("score"),
    )


COMPLEXES = Format("csv", (("complex_id",), ("members",)), _complex, identifier=("complexid",))
PAIRS = Format("csv", (("id_a",), ("id_b",)), _pair, identifier=("complexid",))

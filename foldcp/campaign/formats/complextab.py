"""Complex Portal's ComplexTAB, with 18 columns or the newer 19.

Participants are separated by `|` and carry their copies, `(0)` for unknown. They include small molecules,
RNA, sets of paralogues and nested complexes. The 19th column, `Expanded participant list`, resolves nested
complexes but drops everything that is no protein, so it only fills in for nested complexes the file lacks.
"""

import re

from foldcp.campaign.formats.record import Annotation, Format, Part, Record, Row, RowError

_TERM = re.compile(r"(?P<term>[A-Z]+:[0-9]+)\((?P<label>.*)\)")
_MEMBERS = "identifiersandstoichiometryofmoleculesincomplex"


def _record(row: Row) -> Record:
    members = row.items(_MEMBERS, separator="|")
    if not members:
        raise RowError("no_members", f"the participant field is {row.cell(_MEMBERS)!r}: no molecule is named")
    return Record(
        source_id=row.cell("complexac"),
        parts=[Part(member) for member in members],
        name=row.text("recommendedname") or None,
        organism=row.text("taxonomyidentifier") or None,
        annotations=[*_terms(row, "go", "goannotations"), *_terms(row, "eco", "evidencecode")],
        expanded=[Part(member) for member in row.items("expandedparticipantlist", separator="|")],
    )


def _terms(row: Row, scheme: str, column: str) -> list[Annotation]:
    matches = (_TERM.fullmatch(text) for text in row.items(column, separator="|"))
    return [(scheme, m["term"], m["label"]) for m in matches if m]


FORMAT = Format(
    "complextab",
    (("Complex ac", "#Complex ac"), ("Identifiers (and stoichiometry) of molecules in complex",)),
    _record,
    identifier=("complexac",),
)

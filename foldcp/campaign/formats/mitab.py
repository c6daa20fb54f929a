"""PSI-MI TAB 2.5 to 2.8: one interaction per row, columns by position, header optional.

The interactor is the first identifier that names a molecule whose sequence can be found, among its identifier
and alternative identifiers: UniProt first, then the databases of `foldcp.campaign.members`. Gene identifiers
name no molecule. Aliases are not searched: they hold secondary accessions, which name merged entries.
Specification: https://psicquic.github.io/MITAB28Format.html.
"""

import re
from collections.abc import Sequence

from foldcp.campaign.formats.record import (
    Format,
    Part,
    Record,
    Row,
    RowError,
    copies_or_unknown,
    is_blank,
    mixed_species,
    pair_id,
)

WIDTHS = frozenset({15, 36, 42, 46})
"""Columns of MITAB 2.5, 2.6, 2.7 and 2.8."""

COLUMNS = {
    "ida": 0,
    "idb": 1,
    "alta": 2,
    "altb": 3,
    "taxida": 9,
    "taxidb": 10,
    "type": 11,
    "interaction": 13,
    "confidence": 14,
    "negative": 35,
    "copiesa": 38,
    "copiesb": 39,
}
"""The columns that are read, by position."""

_DATABASES = ("uniprotkb", "chebi", "rnacentral", "complex portal", "ensembl", "string", "refseq", "intact")
_GENETIC = re.compile(r"MI:0208|MI:079[4-9]|MI:080[0-2]|genetic")
_MISCORE = re.compile(r"intact-miscore:([0-9]+(?:\.[0-9]+)?)")
_XREF = re.compile(r'(?P<database>[A-Za-z][^:"|]*):(?:"(?P<quoted>[^"]*)"|(?P<bare>[^("]+))(?:\(.*\))?')


def recognises(cells: Sequence[str]) -> bool:
    """Whether the first line of a tab-separated file is MITAB's header or a MITAB row."""
    return len(cells) in WIDTHS and (
        is_header(cells) or all(_XREF.fullmatch(c.split("|")[0]) for c in cells[:2])
    )


def is_header(cells: Sequence[str]) -> bool:
    """Whether the line names columns."""
    return cells[0].startswith("#") or "interactor" in cells[0].lower()


def _record(row: Row) -> Record:
    types = row.items("type", separator="|")
    if types and all(_GENETIC.search(t) for t in types):
        raise RowError(
            "genetic_interaction", f"a genetic interaction ({row.cell('type')[:80]}) is no physical complex"
        )
    if row.cell("negative").lower() == "true":
        raise RowError("negative_interaction", "the row says that the two do not interact")
    a, b = (_interactor(row, side) for side in "ab")
    taxa = [re.split(r"[(|]", row.text(f"taxid{side}").removeprefix("taxid:"))[0] for side in "ab"]
    known = [taxon for taxon in taxa if taxon and not taxon.startswith("-")]
    score = _MISCORE.search(row.text("confidence"))
    parts = [Part(m, copies_or_unknown(row.cell(f"copies{side}"))) for side, m in (("a", a), ("b", b))]
    return Record(
        source_id=pair_id(row.identifier("interaction").split("|")[0], a, b),
        parts=parts,
        organism="; ".join(dict.fromkeys(known)) or None,
        score=float(score[1]) if score else None,
        flags=mixed_species(known),
    )


def _interactor(row: Row, side: str) -> str:
    xrefs = row.items(f"id{side}", separator="|") + row.items(f"alt{side}", separator="|")
    matches = [match for x in xrefs if (match := _XREF.fullmatch(x))]
    found = {m["database"].lower(): (m["quoted"] or m["bare"] or "").strip() for m in reversed(matches)}
    for database in _DATABASES:
        if not is_blank(identifier := found.get(database, "")):
            return f"refseq:{identifier}" if database == "refseq" else identifier
    raise RowError(
        "no_accession",
        f"interactor {side.upper()} ({row.cell(f'id{side}')[:80]!r}) has no identifier of a molecule; "
        "needed: a UniProt accession, or a ChEBI, RNAcentral, Ensembl, STRING, RefSeq or IntAct identifier",
    )


FORMAT = Format("mitab", (), _record, identifier=("interaction",))

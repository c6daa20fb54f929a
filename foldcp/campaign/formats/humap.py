"""hu.MAP complexes, releases 2 and 3, as published or as ComplexFinder lays them out.

The published CSV separates accessions by spaces, ComplexFinder by `;`, where a subunit whose gene has no
accession is empty (`P12345;;Q67890`). Confidence runs from 1 (extremely high) to 5 or 6.
"""

from foldcp.campaign.formats.record import Format, Part, Record, Row, RowError, aligned

_IDENTIFIER = ("humap3id", "humap2id", "complexname")
_MEMBERS = ("uniprotaccs", "subunitsuniprotids")


def _record(row: Row) -> Record:
    text = row.text(*_MEMBERS)
    if not text:
        raise RowError("no_members", f"the member field is {row.cell(*_MEMBERS)!r}: no subunit is named")
    members = row.items(*_MEMBERS) if ";" in text else text.split()
    genes = aligned(row.text("genenames").replace(";", " ").split(), len(members))
    source_id = row.cell(*_IDENTIFIER)
    return Record(
        source_id=source_id,
        parts=[Part(member, gene=gene) for member, gene in zip(members, genes, strict=True)],
        name=source_id or None,
        organism="Human",
        score=row.number_of("confidence", "complexconfidence"),
    )


FORMAT = Format(
    "humap",
    (
        ("HuMAP3_ID", "HuMAP2_ID", "ComplexName"),
        ("Uniprot_ACCs", "subunits(UniProt IDs)"),
        ("Confidence", "ComplexConfidence"),
        ("genenames",),
    ),
    _record,
    identifier=_IDENTIFIER,
)

"""STRING `protein.links` and its detailed, full and physical variants: two proteins, scores up to 1000.

Proteins are `<taxid>.<Ensembl protein or locus>`, the names of STRING's own `protein.sequences.fa`.
"""

from foldcp.campaign.formats.record import Format, Part, Record, Row, RowError, mixed_species, pair_id


def _record(row: Row) -> Record:
    proteins = [row.text("protein1"), row.text("protein2")]
    if not all(proteins):
        raise RowError("no_accession", "one of the two proteins is not named")
    taxa = [protein.partition(".")[0] for protein in proteins]
    return Record(
        source_id=pair_id("", *proteins),
        parts=[Part(protein) for protein in proteins],
        organism="; ".join(dict.fromkeys(taxa)),
        score=row.number_of("combinedscore"),
        flags=mixed_species(taxa),
    )


FORMAT = Format("string", (("protein1",), ("protein2",)), _record, identifier=())

"""BioGRID tab3: one interaction per row, `-` for missing values, several accessions joined by `|`.

Genetic interactions are no complexes. In the two RNA assays one partner is an RNA, which BioGRID records by
its gene: the gene's protein, whose accession the row holds, is not the molecule that was found.
"""

from foldcp.campaign.formats.record import Format, Part, Record, Row, RowError, labelled, mixed_species

_RNA_ASSAYS = frozenset({"affinity capture-rna", "protein-rna"})


def _record(row: Row) -> Record:
    system = row.text("experimentalsystem")
    if row.text("experimentalsystemtype").lower() == "genetic":
        raise RowError("genetic_interaction", f"a genetic interaction ({system}) is no physical complex")
    if system.lower() in _RNA_ASSAYS:
        raise RowError(
            "rna_partner", f"in this assay ({system}) one partner is an RNA, not the protein of its gene"
        )
    organisms = [row.text(f"organismnameinteractor{s}", f"organismidinteractor{s}") for s in "ab"]
    return Record(
        source_id=row.cell("biogridinteractionid"),
        parts=[Part(_accession(row, s), gene=row.text(f"officialsymbolinteractor{s}") or None) for s in "ab"],
        organism="; ".join(dict.fromkeys(o for o in organisms if o)) or None,
        score=row.number_of("score"),
        annotations=labelled("method", [system], []),
        flags=mixed_species(row.text(f"organismidinteractor{s}") for s in "ab"),
    )


def _accession(row: Row, side: str) -> str:
    for source in ("swissprot", "trembl"):
        if accessions := row.items(f"{source}accessionsinteractor{side}", separator="|"):
            return accessions[0]
    symbol = row.cell(f"officialsymbolinteractor{side}") or "?"
    raise RowError("no_accession", f"interactor {side.upper()} ({symbol}) has no UniProt accession")


FORMAT = Format(
    "biogrid",
    (
        ("BioGRID Interaction ID",),
        ("Experimental System Type",),
        ("SWISS-PROT Accessions Interactor A",),
        ("SWISS-PROT Accessions Interactor B",),
    ),
    _record,
    identifier=("biogridinteractionid",),
)

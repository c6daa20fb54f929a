"""Scores and categories in, enrichment of categories among the best complexes out."""

from foldcp.campaign.enrichment import enrich
from foldcp.campaign.stage import stage
from foldcp.config import parse
from foldcp.tables import Provenance, read_table, schemas, write_table

config = parse(snakemake.config)
with stage("enrichment", snakemake.log[0]) as say:
    got = enrich(
        read_table(snakemake.input.scores, schemas.SCORES_COMPLEXES),
        read_table(snakemake.input.complexes, schemas.COMPLEXES),
        config.enrichment,
    )
    origin = Provenance.of_files(
        *snakemake.input, config_sha256=config.sha256("enrichment"), note=config.note
    )
    write_table(snakemake.output.enrichment, schemas.ENRICHMENT, got, origin)
    say(f"{got.num_rows} categories tested")

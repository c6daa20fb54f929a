"""Unique sequences and complexes in; those whose alignment has to be searched out, in batches."""

from datetime import UTC, datetime

from foldcp.campaign.msa import batches
from foldcp.campaign.stage import stage
from foldcp.config import parse
from foldcp.tables import Provenance, read_table, schemas, write_table

config = parse(snakemake.config)
with stage("msa_batches", snakemake.log[0]) as say:
    sequences = read_table(snakemake.input.sequences, schemas.SEQUENCES)
    got = batches(sequences, config.msa, read_table(snakemake.input.complexes, schemas.COMPLEXES))
    # Snakemake takes a file of the same content for unchanged, and what is missing may be the same as before.
    said = f"missing from the cache at {datetime.now(UTC).isoformat()}"
    sha256 = config.sha256("msa")
    origin = Provenance.of_files(snakemake.input.sequences, config_sha256=sha256, note=said)
    write_table(snakemake.output.batches, schemas.MSA_BATCHES, got, origin)
    jobs = len(got["batch"].unique())
    say(f"{got.num_rows} sequences to search with {config.msa.search}, in {jobs} jobs")

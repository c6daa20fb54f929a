"""Unique sequences and complexes in; one alignment per sequence out, and those of single complexes."""

from pathlib import Path

from foldcp.campaign.msa import collect
from foldcp.campaign.stage import stage
from foldcp.config import parse
from foldcp.tables import Provenance, read_table, schemas, write_table

config = parse(snakemake.config)
with stage("msa", snakemake.log[0]) as say:
    sequences = read_table(snakemake.input.sequences, schemas.SEQUENCES)
    tables = [read_table(path, schemas.MSA_FAILED) for path in snakemake.input.failed]
    failed = {row["sha256"]: row["reason"] for table in tables for row in table.to_pylist()}
    complexes = read_table(snakemake.input.complexes, schemas.COMPLEXES)
    got = collect(sequences, config.msa, Path(snakemake.output.files), failed, complexes)
    origin = Provenance.of_files(*snakemake.input, config_sha256=config.sha256("msa"))
    write_table(snakemake.output.msa, schemas.MSA, got, origin)
    shared = got["complex_id"].null_count
    said = f"{shared} unique sequences, provider {config.msa.provider}"
    say(said + f"; {got.num_rows - shared} alignments of single complexes" * (shared < got.num_rows))
    for row in got.to_pylist():
        if reason := row["error"] or row["failure"]:
            say(f"{row['complex_id'] or ''} {row['sha256']}: {reason}".lstrip())

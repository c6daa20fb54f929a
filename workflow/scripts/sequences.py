"""Members in, sequences and unresolved members out."""

from foldcp.campaign.sequences import resolve
from foldcp.campaign.stage import stage
from foldcp.config import parse
from foldcp.tables import Provenance, read_table, schemas, write_table

config = parse(snakemake.config)
with stage("sequences", snakemake.log[0]) as say:
    got = resolve(read_table(snakemake.input.complexes, schemas.COMPLEXES), config.sequences)
    origin = Provenance.of_files(*snakemake.input, config_sha256=config.sha256("sequences"))
    write_table(snakemake.output.sequences, schemas.SEQUENCES, got.sequences, origin)
    write_table(snakemake.output.unresolved, schemas.UNRESOLVED, got.unresolved, origin)
    say(f"{got.sequences.num_rows} members resolved, {got.unresolved.num_rows} not")
    for row in got.unresolved.to_pylist():
        if row["reason_code"] in ("malformed_sequence", "duplicate_sequence"):
            say(row["reason"])

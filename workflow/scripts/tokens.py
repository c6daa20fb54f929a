"""Complexes and sequences in, foldable complexes with their token counts out."""

from pathlib import Path

import pyarrow as pa

from foldcp.campaign.stage import stage
from foldcp.campaign.tokens import count
from foldcp.config import parse
from foldcp.msa.pairing import Pairing
from foldcp.tables import Provenance, read_table, schemas, write_table

config = parse(snakemake.config)
with stage("tokens", snakemake.log[0]) as say:
    complexes = [read_table(snakemake.input[name], schemas.COMPLEXES) for name in ("complexes", "controls")]
    got = count(
        pa.concat_tables(table.replace_schema_metadata() for table in complexes),
        read_table(snakemake.input.sequences, schemas.SEQUENCES),
        read_table(snakemake.input.unresolved, schemas.UNRESOLVED),
        read_table(snakemake.input.msa, schemas.MSA),
        config.sequences,
        Pairing(config.msa.pairing, config.msa.max_rows, config.msa.max_paired),
        Path(snakemake.output.tokens).parent,
    )
    origin = Provenance.of_files(*snakemake.input, config_sha256=config.sha256("sequences", "msa"))
    write_table(snakemake.output.tokens, schemas.TOKENS, got.tokens, origin)
    write_table(snakemake.output.rejected, schemas.REJECTED, got.rejected, origin)
    say(f"{got.tokens.num_rows} complexes can be folded, {got.rejected.num_rows} rejected")

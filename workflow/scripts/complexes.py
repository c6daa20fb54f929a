"""Table in, complexes and rejected rows out."""

from pathlib import Path

from foldcp.campaign.complexes import read
from foldcp.campaign.stage import stage
from foldcp.config import parse
from foldcp.tables import Provenance, schemas, write_table

config = parse(snakemake.config)
with stage("complexes", snakemake.log[0]) as say:
    got = read(config.complexes, Path(snakemake.output.complexes).parent)
    origin = Provenance.of_files(*snakemake.input, config_sha256=config.sha256("complexes"))
    write_table(snakemake.output.complexes, schemas.COMPLEXES, got.complexes, origin)
    write_table(snakemake.output.rejected, schemas.REJECTED, got.rejected, origin)
    for remark in got.remarks:
        say(remark)
    say(f"{got.n_rows} rows in, {got.complexes.num_rows} complexes, {got.rejected.num_rows} rejected")

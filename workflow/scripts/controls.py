"""Complexes and their subunits in, decoys out."""

from foldcp.campaign.controls import make_controls
from foldcp.campaign.stage import stage
from foldcp.config import parse
from foldcp.tables import Provenance, read_table, schemas, write_table

config = parse(snakemake.config)
with stage("controls", snakemake.log[0]) as say:
    got = make_controls(
        read_table(snakemake.input.complexes, schemas.COMPLEXES),
        read_table(snakemake.input.sequences, schemas.SEQUENCES),
        read_table(snakemake.input.unresolved, schemas.UNRESOLVED),
        read_table(snakemake.input.msa, schemas.MSA),
        config,
    )
    sha256 = config.sha256("seed", "complexes", "sequences", "controls")
    origin = Provenance.of_files(*snakemake.input, config_sha256=sha256)
    write_table(snakemake.output.controls, schemas.COMPLEXES, got.decoys, origin)
    write_table(snakemake.output.rejected, schemas.REJECTED, got.rejected, origin)
    for remark in got.remarks:
        say(remark)
    say(f"{got.decoys.num_rows} decoys, {got.rejected.num_rows} complexes without")

"""Finished predictions in, score tables out."""

from foldcp.campaign.scores import collect
from foldcp.campaign.stage import stage
from foldcp.config import parse
from foldcp.tables import Provenance, read_table, schemas, write_table

config = parse(snakemake.config)
with stage("scores", snakemake.log[0]) as say:
    tokens = read_table(snakemake.input.tokens, schemas.TOKENS)
    got = collect(config.results / "06_predictions", tokens)
    origin = Provenance.of_files(*snakemake.input, config_sha256=config.sha256("predict"), note=config.note)
    write_table(snakemake.output.complexes, schemas.SCORES_COMPLEXES, got.complexes, origin)
    write_table(snakemake.output.chains, schemas.SCORES_CHAINS, got.chains, origin)
    write_table(snakemake.output.interfaces, schemas.SCORES_INTERFACES, got.interfaces, origin)
    write_table(snakemake.output.failed, schemas.REJECTED, got.failed, origin)
    say(f"{got.complexes.num_rows} scored samples, {got.failed.num_rows} unreadable predictions")
    say(f"{len(got.unfinished)} complexes without a prediction")
    if got.meaningless:
        say(config.note or "some predictions were made with demo weights: their scores mean nothing")

"""Finished predictions of one bin in, score tables of that bin out."""

from foldcp.campaign.scores import score_bin
from foldcp.campaign.stage import stage
from foldcp.config import parse
from foldcp.tables import Provenance

# The processes that read predictions run this file again, under another name.
if __name__ == "__main__":
    config = parse(snakemake.config)
    name = snakemake.wildcards.bin
    with stage(f"scores {name}", snakemake.log[0]) as say:
        origin = Provenance.of_files(
            *snakemake.input, config_sha256=config.sha256("predict"), note=config.note
        )
        got = score_bin(config.results, name, config.results / "07_scores", origin, snakemake.threads)
        say(f"{got.rows['samples']} scored samples, {got.rows['failed']} unreadable predictions")
        say(f"{len(got.unfinished)} complexes without a prediction")
        if got.meaningless:
            say(config.note or "some predictions were made with demo weights: their scores mean nothing")

"""Scores, complexes and controls in, statistics out."""

from foldcp.campaign.enrichment import run, summary
from foldcp.campaign.stage import stage
from foldcp.config import parse

config = parse(snakemake.config)
with stage("enrichment", snakemake.log[0]) as say:
    tables = run(config.results, snakemake.input.scores, config, config.note)
    for line in summary(tables):
        say(line)
    if config.note:
        say(config.note)

"""All tables in, one self-contained page out."""

from pathlib import Path

from foldcp.campaign.report import render
from foldcp.campaign.stage import stage
from foldcp.config import parse

config = parse(snakemake.config)
with stage("report", snakemake.log[0]) as say:
    render(config.results, config, Path(snakemake.output.report))
    say(f"open {snakemake.output.report}")

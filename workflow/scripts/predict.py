"""One bin of the plan in, an outcome for each of its complexes out."""

from foldcp.campaign.jobs import run_bin
from foldcp.campaign.stage import stage
from foldcp.config import parse

config = parse(snakemake.config)
name = snakemake.wildcards.bin
with stage(f"predict {name}", snakemake.log[0]) as say:
    run_bin(config.results, name, config, say)

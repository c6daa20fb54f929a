# The configuration, validated once, and the places of results. No arithmetic here.

import sys
from dataclasses import asdict

from snakemake.exceptions import WorkflowError
from snakemake.io import contains_wildcard
from snakemake.utils import validate

from foldcp import config as settings
from foldcp.campaign.structure_templates import files_at_hand
from foldcp.errors import FoldcpError
from foldcp.plan import Workload
from foldcp.plan.gpus import get_gpu
from foldcp.tables import distinct

# The typed configuration speaks plainly, so it is asked first; the schema file is generated from it, for editors.
try:
    CONFIG = settings.parse(config)
    get_gpu(CONFIG.plan.gpu, CONFIG.plan.gpus)
except FoldcpError as error:
    raise WorkflowError(str(error)) from None
# As parsed: what a profile or --config holds reaches Snakemake as text.
config.update(CONFIG.model_dump(mode="json"))
validate(config, "../workflow/schemas/config.schema.yaml", set_default=False)

# On a cluster, stages too short for a queue of their own share a job (`group`). But its nodes often have no
# network: where sequences are fetched, the stages up to that run where snakemake does.
UP_TO_SEQUENCES = None if CONFIG.sequences.uniprot.fetch else "prepare"


# Where alignments are searched, jobs of their own come between the stages up to sequences and those from msa on.
AFTER_SEARCHES = "prepare" if CONFIG.msa.search is None else "measure"


def deciding(section: str, *keys: str) -> dict:
    """Return the settings whose change makes a stage's results out of date: not where or how it runs.

    With `keys`, only those of the section.
    """
    values = CONFIG.deciding(section)
    return {key: values[key] for key in keys} if keys else values


def result(name: str) -> str:
    """Return the path of a result inside the campaign folder."""
    return str(CONFIG.results / name)


def given(*paths) -> list[str]:
    """Return those of the user's input files that the configuration names."""
    names = [str(path) for path in paths if path is not None]
    if bad := [name for name in names if contains_wildcard(name)]:
        # It has no way to write a brace that is one.
        raise WorkflowError(
            f"Snakemake takes a word in braces for a wildcard; rename {', '.join(bad)}"
        )
    return names


def searches(wildcards) -> list[str]:
    """Return what each search job could not find; none where nothing is searched."""
    if CONFIG.msa.search is None:
        return []
    names = distinct(checkpoints.msa_batches.get().output.batches, "batch")
    return [result(f"03_searches/{name}.parquet") for name in names]


def planned_bins(wildcards) -> list[str]:
    """Return the bins that the plan found work for: one predict job each."""
    return distinct(checkpoints.plan.get().output.plan, "bin")


def ledgers(wildcards) -> list[str]:
    """Return the ledger of every bin of the plan."""
    return [result(f"06_ledger/{name}.parquet") for name in planned_bins(wildcards)]


def score_parts(wildcards) -> list[str]:
    """Return every part of the score tables: one of each table for each bin of the plan."""
    return expand(list(rules.scores.output), bin=planned_bins(wildcards))


onstart:
    # Before the first job, not after four stages.
    if not CONFIG.demo:
        from foldcp.predict.weights import locate

        try:
            locate(CONFIG.predict.model, CONFIG.predict.cache)
        except FoldcpError as error:
            raise WorkflowError(str(error)) from None
    said = "launcher" in workflow.config_settings.config.get("predict", {})
    if workflow.non_local_exec and CONFIG.predict.launcher != "slurm" and not said:
        raise WorkflowError(
            "the CPU stages would go to the cluster, but predictions would run here (predict.launcher is "
            f"{CONFIG.predict.launcher}). Snakemake drops the config section of a profile when --config is on "
            "the command line: put those settings into a file (--configfile), or say there where predictions "
            "run as well: --config 'predict={launcher: slurm}'"
        )

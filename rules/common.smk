# The configuration, validated once, and the places of results. No arithmetic here.

from snakemake.exceptions import WorkflowError
from snakemake.utils import validate

from foldcp import config as settings
from foldcp.errors import FoldcpError
from foldcp.plan.gpus import get_gpu
from foldcp.tables import distinct

# The typed configuration speaks plainly, so it is asked first; the schema file is generated from it, for editors.
try:
    CONFIG = settings.parse(config)
    get_gpu(CONFIG.plan.gpu, CONFIG.plan.gpus)
except FoldcpError as error:
    raise WorkflowError(str(error)) from None
validate(config, "../workflow/schemas/config.schema.yaml", set_default=False)

SECTIONS = CONFIG.model_dump(mode="json")


def result(name: str) -> str:
    """Return the path of a result inside the campaign folder."""
    return str(CONFIG.results / name)


def given(*paths) -> list[str]:
    """Return those of the user's input files that the configuration names."""
    return [str(path) for path in paths if path is not None]


def planned_bins(wildcards) -> list[str]:
    """Return the bins that the plan found work for: one predict job each."""
    return distinct(checkpoints.plan.get().output.plan, "bin")


def ledgers(wildcards) -> list[str]:
    """Return the ledger of every bin of the plan."""
    return [result(f"06_ledger/{name}.parquet") for name in planned_bins(wildcards)]


onstart:
    # Before the first job, not after four stages: are the weights here?
    if not CONFIG.demo:
        from foldcp.predict.weights import locate

        try:
            locate(CONFIG.predict.model, CONFIG.predict.cache)
        except FoldcpError as error:
            raise WorkflowError(str(error)) from None

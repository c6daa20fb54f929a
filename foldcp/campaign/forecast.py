"""What a campaign would still submit: jobs, meshes, time limits and GPU-hours.

Shown by `snakemake -n`, so it is quick and touches nothing: it plans the complexes of the tokens table as the
configuration now stands, and reads completion markers and ledger tables. It hashes no file, needs no weights
and asks no cluster.
"""

from collections import defaultdict
from collections.abc import Container
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from foldcp.campaign.bins import settings_of
from foldcp.campaign.launch.slurm import time_limit_minutes
from foldcp.config import Config
from foldcp.plan import Workload, make_plan
from foldcp.plan.coverage import aligned, duration
from foldcp.plan.depth import limit_of
from foldcp.plan.mesh import Mesh
from foldcp.plan.time import OVERHEADS
from foldcp.predict import current
from foldcp.predict.markers import read_marker, run_key
from foldcp.predict.outcomes import Outcome
from foldcp.tables import read_table
from foldcp.tables.schemas import LEDGER, TOKENS

_TOKENS = "04_tokens.parquet"
_FAILURE = ["complex_id", "outcome", "run_key"]
_HEADER = (
    *("bin", "planned", "done", "failed", "left", "mesh", "jobs"),
    *("nodes x GPUs", "longest job", "time limit", "GPU-hours"),
)


@dataclass(frozen=True)
class BinForecast:
    """What is left of one bin.

    Attributes
    ----------
    name
        Bin.
    planned, done, failed
        Complexes of the bin, and those of them that are done, or failed when the bin ran to its end.
    mesh, nodes
        Mesh of its jobs, and the nodes that one spans. A rank is a GPU, or a process on the CPU.
    jobs
        Jobs that would be submitted, as one array.
    longest_seconds
        Predicted wall time of the longest job, start-up included.
    gpu_hours
        Predicted rank-hours of all jobs, start-up included.
    """

    name: str
    planned: int
    done: int
    failed: int
    mesh: Mesh
    nodes: int
    jobs: int
    longest_seconds: float
    gpu_hours: float

    @property
    def left(self) -> int:
        """Complexes that jobs would be submitted for."""
        return self.planned - self.done - self.failed


def forecast(campaign: Path, config: Config) -> str:
    """Return what the predict stage would submit, as text.

    Parameters
    ----------
    campaign
        Campaign folder; it need not exist.
    config
        Campaign configuration.

    Raises
    ------
    InputError
        If there is a tokens or ledger table that is none of ours.
    """
    if not (campaign / _TOKENS).is_file():
        return (
            "Forecast: sizes are not known yet, nor what will be submitted. The stages up to the plan fold "
            "nothing; run them with `--until plan`, then dry-run again."
        )
    bins = bin_forecasts(campaign, config)
    launcher = config.predict.launcher
    ends = f"{sum(b.done for b in bins)} predictions are done, {sum(b.failed for b in bins)} have failed"
    if not any(b.left for b in bins):
        return f"Forecast: nothing to submit; {ends}."
    where = f"Forecast: predict.launcher {launcher}, GPU model {config.plan.gpu}; {ends}"
    in_all = (
        f"in all {sum(b.jobs for b in bins)} jobs in {sum(b.jobs > 0 for b in bins)} arrays for "
        f"{sum(b.left for b in bins)} complexes, {sum(b.gpu_hours for b in bins):.1f} GPU-hours "
        "(time is an estimate)"
    )
    return "\n".join([where, aligned([_HEADER, *(_cells(b, config) for b in bins)]), in_all])


def bin_forecasts(campaign: Path, config: Config) -> list[BinForecast]:
    """Return what is left of each bin.

    A complex is done if its marker carries the run key of its input and settings, and has failed if its row
    in the ledger tables does. The weights are those of the last run: to see whether they have changed since
    would cost hashing gigabytes.
    """
    tokens = read_table(campaign / _TOKENS, TOKENS)
    weights = current.weights(campaign / "06_predictions" / "ledger")
    settings, failures = settings_of(config), _failures(campaign)
    bins: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in make_plan(tokens, config.plan, Workload.of(config.predict)).plan.to_pylist():
        own = replace(settings, msa_rows=limit_of(row))
        key = None if weights is None else run_key(row["input_key"], own, weights)
        bins[row["bin"]].append(row | {"state": _state(campaign, row["complex_id"], key, failures)})
    return [_of_bin(name, rows) for name, rows in sorted(bins.items())]


def _failures(campaign: Path) -> set[tuple[str, str]]:
    """Return complex and run key of each failure."""
    tables = [read_table(path, LEDGER) for path in (campaign / "06_ledger").glob("*.parquet")]
    rows = (row for table in tables for row in table.select(_FAILURE).to_pylist())
    return {(row["complex_id"], row["run_key"]) for row in rows if row["outcome"] != Outcome.DONE}


def _state(campaign: Path, name: str, key: str | None, failures: Container[tuple[str, str | None]]) -> str:
    if key is None:
        return "left"
    if (read_marker(campaign / "06_predictions" / name) or {}).get("run_key") == key:
        return "done"
    return "failed" if (name, key) in failures else "left"


def _of_bin(name: str, rows: list[dict[str, Any]]) -> BinForecast:
    loads: dict[int, float] = defaultdict(lambda: OVERHEADS.startup_seconds)
    states = [row["state"] for row in rows]
    for row in rows:
        if row["state"] == "left":
            loads[row["shard"]] += row["predicted_seconds"]
    mesh = Mesh(rows[0]["mesh_rows"], rows[0]["mesh_cols"])
    return BinForecast(
        name=name,
        planned=len(rows),
        done=states.count("done"),
        failed=states.count("failed"),
        mesh=mesh,
        nodes=rows[0]["n_nodes"],
        jobs=len(loads),
        longest_seconds=max(loads.values(), default=0.0),
        gpu_hours=mesh.ranks * sum(loads.values()) / 3600,
    )


def _cells(b: BinForecast, config: Config) -> tuple[str, ...]:
    limit = "none"
    if config.predict.launcher == "slurm" and b.jobs:
        seconds = b.longest_seconds - OVERHEADS.startup_seconds
        limit = duration(60 * time_limit_minutes(seconds, config.predict.slurm))
    return (
        *(b.name, f"{b.planned}", f"{b.done}", f"{b.failed}", f"{b.left}", f"{b.mesh}", f"{b.jobs}"),
        *(f"{b.nodes} x {b.mesh.ranks // b.nodes}", duration(b.longest_seconds), limit, f"{b.gpu_hours:.1f}"),
    )

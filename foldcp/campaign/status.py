"""Where a campaign stands, read from its folder alone: at any time, from any terminal, while jobs write."""

import dataclasses
import socket
from collections import Counter, defaultdict
from collections.abc import Collection
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq

from foldcp.campaign.failures import Failure, failure_of
from foldcp.campaign.launch.progress import pace
from foldcp.campaign.launch.slurm_queue import FOLDER, waiting_jobs
from foldcp.errors import InputError
from foldcp.plan.depth import limit_of
from foldcp.predict import current
from foldcp.predict.ledger import Attempt, attempts
from foldcp.predict.markers import read_marker
from foldcp.predict.outcomes import Outcome
from foldcp.predict.pardons import is_forgotten, pardons
from foldcp.tables import read_table
from foldcp.tables.dataset import part_paths
from foldcp.tables.schemas import PLAN

_STAGES = {
    "complexes": {"01_complexes": "complexes", "01_rejected": "rejected rows"},
    "sequences": {"02_sequences": "members with a sequence", "02_unresolved": "without"},
    "msa": {"03_msa": "alignments and single sequences"},
    "controls": {"03_controls": "decoys", "03_rejected": "complexes without enough"},
    "tokens": {"04_tokens": "complexes", "04_rejected": "rejected"},
    "plan": {"05_plan": "predictions", "05_rejected": "rejected"},
    "scores": {"07_scores/samples": "scored samples"},
    "enrichment": {"08_enrichment/enrichment": "categories"},
}


@dataclasses.dataclass(frozen=True)
class BinStatus:
    """State of one bin.

    Attributes
    ----------
    name, mesh, planned
        Bin, mesh of its jobs, complexes in it.
    done, running
        Complexes finished (their completion marker is there), and being predicted now.
    lost
        Complexes that were finished and whose marker is gone; they wait to be predicted again.
    failed
        Failed complexes by outcome.
    hours_used, hours_planned
        Rank-hours measured so far, failures included, and expected by the plan. A rank is a GPU, or a process
        on the CPU.
    seconds_left
        Expected time to the end of the bin at its present pace; None while nothing runs.
    """

    name: str
    mesh: str
    planned: int
    done: int
    running: int
    lost: int
    failed: dict[str, int]
    hours_used: float
    hours_planned: float
    seconds_left: float | None

    @property
    def waiting(self) -> int:
        """Complexes whose turn has not come."""
        return self.planned - self.done - self.running - sum(self.failed.values())


@dataclasses.dataclass(frozen=True)
class CampaignStatus:
    """State of a campaign.

    A prediction counts as done while its completion marker is there and names the present input, settings and
    weights; its files are not compared with it, which would mean reading them all. Attempts with another
    input, settings or weights do not count, nor do failures before a pardon (`foldcp retry`).

    Attributes
    ----------
    stages
        Stage to what its tables hold, in words; stages without tables are left out.
    bins
        One entry per bin of the plan; empty before there is a plan, and where it has no predictions.
    failures
        Every failed complex, in the order of the plan.
    waits
        Why jobs wait in SLURM, and what keeps some from ever starting, in sentences.
    """

    stages: dict[str, str]
    bins: list[BinStatus]
    failures: list[Failure]
    waits: list[str] = dataclasses.field(default_factory=list)

    @property
    def summary(self) -> str:
        """One sentence on what the campaign is doing."""
        if not self.stages:
            return "nothing is computed yet"
        if not self.bins and "plan" in self.stages:
            return "the plan is empty: no complex is left to predict, and the rejected tables say why"
        if not self.bins:
            return f"stage {list(self.stages)[-1]} is done; there is no plan yet"
        ended = sum(b.done + sum(b.failed.values()) for b in self.bins)
        planned = sum(b.planned for b in self.bins)
        if any(b.running for b in self.bins):
            return f"predicting: {ended} of {planned} predictions have ended"
        return f"{ended} of {planned} predictions have ended, and none is running"

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return {
            "summary": self.summary,
            "stages": self.stages,
            "bins": [dataclasses.asdict(bin) | {"waiting": bin.waiting} for bin in self.bins],
            "waits": self.waits,
            "failures": [dataclasses.asdict(failure) | {"helps": failure.helps} for failure in self.failures],
        }


def read_status(campaign: Path) -> CampaignStatus:
    """Return where the campaign in a folder stands.

    Raises
    ------
    InputError
        If there is no such folder.
    """
    if not campaign.is_dir():
        raise InputError(
            f"{campaign}: no such folder; expected a campaign's results folder (config: results)"
        )
    plan_file = campaign / "05_plan.parquet"
    if not plan_file.is_file():
        return CampaignStatus(_stages(campaign), [], [])
    plan = read_table(plan_file, PLAN).to_pylist()
    predictions = campaign / "06_predictions"
    keys = current.run_keys(
        predictions / "ledger",
        {row["complex_id"]: row["input_key"] for row in plan},
        {row["complex_id"]: limit_of(row) for row in plan},
    )
    done = {
        name for name, key in keys.items() if (read_marker(predictions / name) or {}).get("run_key") == key
    }
    found = [a for a in attempts(predictions / "ledger") if a["run_key"] == keys.get(a["complex_id"])]
    tried = _since_pardon(found, predictions / "ledger")
    by_bin = defaultdict(list)
    for row in plan:
        by_bin[row["bin"]].append(row)
    bins = [_bin(name, by_bin[name], tried, done, found) for name in sorted(by_bin)]
    ended = {name for name in by_bin if (campaign / "06_ledger" / f"{name}.parquet").is_file()}
    failures = [
        failure_of(its, row["bin"], row["bin"] in ended)
        for row in plan
        if row["complex_id"] not in done and _has_failed(its := tried[row["complex_id"]])
    ]
    waits = waiting_jobs(campaign / "logs" / "predict" / FOLDER)
    return CampaignStatus(_stages(campaign), bins, failures, waits)


def _since_pardon(found: list[Attempt], ledger: Path) -> dict[str, list[Attempt]]:
    """Return the attempts at each complex since it was pardoned, oldest first."""
    pardoned = pardons(ledger)
    tried: dict[str, list[Attempt]] = defaultdict(list)
    for attempt in found:
        if not is_forgotten(attempt, pardoned):
            tried[attempt["complex_id"]].append(attempt)
    return tried


def _stages(campaign: Path) -> dict[str, str]:
    stages = {}
    for stage, tables in _STAGES.items():
        counts = [
            f"{sum(pq.read_metadata(path).num_rows for path in paths)} {what}"
            for name, what in tables.items()
            if (paths := _files(campaign / name))
        ]
        if counts:
            stages[stage] = ", ".join(counts)
    return stages


def _files(table: Path) -> list[Path]:
    """Return the files of a table: the one of its name, or its parts."""
    whole = table.with_name(f"{table.name}.parquet")
    return [whole] if whole.is_file() else list(part_paths(table).values())


def _bin(
    name: str, rows: list[dict], tried: dict[str, list[Attempt]], done: set[str], found: list[Attempt]
) -> BinStatus:
    ranks = rows[0]["mesh_rows"] * rows[0]["mesh_cols"]
    left = {row["complex_id"]: row["predicted_seconds"] for row in rows if row["complex_id"] not in done}
    running = [complex_id for complex_id in left if _is_running(tried[complex_id])]
    failed = [complex_id for complex_id in left if _has_failed(tried[complex_id])]
    lost = [complex_id for complex_id in left if _has_ended(tried[complex_id], {Outcome.DONE})]
    measured = [a for a in found if a["bin"] == name and a.get("wall_seconds")]
    seconds = sum(seconds for complex_id, seconds in left.items() if complex_id not in failed)
    return BinStatus(
        name=name,
        mesh=f"{rows[0]['mesh_rows']}x{rows[0]['mesh_cols']}",
        planned=len(rows),
        done=len(rows) - len(left),
        running=len(running),
        lost=len(lost),
        failed=dict(Counter(str(tried[complex_id][-1]["outcome"]) for complex_id in failed)),
        hours_used=sum(a["wall_seconds"] * _ranks(a["mesh"]) for a in measured) / 3600,
        hours_planned=sum(row["predicted_seconds"] for row in rows) * ranks / 3600,
        seconds_left=seconds * pace(measured) / len(running) if running else None,
    )


def _ranks(mesh: str) -> int:
    rows, _, columns = mesh.partition("x")
    return int(rows) * int(columns)


def _has_ended(tried: list[Attempt], outcomes: Collection[str]) -> bool:
    return bool(tried) and tried[-1].get("outcome") in outcomes


def _has_failed(tried: list[Attempt]) -> bool:
    return _has_ended(tried, set(Outcome) - {Outcome.DONE})


def _is_running(tried: list[Attempt]) -> bool:
    """Whether the last attempt is under way; one of a process killed on another machine still counts."""
    if not tried or "outcome" in tried[-1]:
        return False
    return tried[-1]["host"] != socket.gethostname() or psutil.pid_exists(tried[-1]["pid"])

"""Where a campaign stands, read from its folder alone: at any time, from any terminal, while jobs write."""

import dataclasses
import socket
from collections import Counter, defaultdict
from pathlib import Path

import psutil
import pyarrow.parquet as pq

from foldcp.campaign.launch.progress import pace
from foldcp.errors import InputError
from foldcp.predict.ledger import Attempt, attempts, latest
from foldcp.predict.markers import MARKER
from foldcp.predict.outcomes import Outcome
from foldcp.tables import read_table
from foldcp.tables.schemas import PLAN

_STAGES = {
    "complexes": {"01_complexes": "complexes", "01_rejected": "rejected rows"},
    "sequences": {"02_sequences": "members with a sequence", "02_unresolved": "without"},
    "msa": {"03_msa": "distinct proteins"},
    "tokens": {"04_tokens": "complexes", "04_rejected": "rejected"},
    "plan": {"05_plan": "predictions", "05_rejected": "rejected"},
    "scores": {"07_scores/complexes": "scored samples"},
    "enrichment": {"08_enrichment": "categories"},
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

    A prediction counts as done while its completion marker exists; its files are not compared with it, which
    would mean reading them all.

    Attributes
    ----------
    stages
        Stage to what its tables hold, in words; stages without tables are left out.
    bins
        One entry per bin of the plan; empty before there is a plan, and where it has no predictions.
    failures
        Last attempt of every failed complex, as ledger values.
    """

    stages: dict[str, str]
    bins: list[BinStatus]
    failures: list[Attempt]

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
    inputs = {row["complex_id"]: row["input_key"] for row in plan}
    # Attempts at another version of a complex (its sequence has changed since) do not count.
    found = [
        a
        for a in attempts(campaign / "06_predictions" / "ledger")
        if a.get("input_key") == inputs.get(a["complex_id"])
    ]
    by_bin, tried = defaultdict(list), defaultdict(list)
    for row in plan:
        by_bin[row["bin"]].append(row)
    for attempt in found:
        tried[attempt["bin"]].append(attempt)
    last = latest(found)
    marked = {name for name in inputs if (campaign / "06_predictions" / name / MARKER).is_file()}
    bins = [_bin(name, by_bin[name], last, tried[name], marked) for name in sorted(by_bin)]
    failures = [last[row["complex_id"]] for row in plan if _has_failed(last.get(row["complex_id"]))]
    return CampaignStatus(_stages(campaign), bins, failures)


def _stages(campaign: Path) -> dict[str, str]:
    stages = {}
    for stage, tables in _STAGES.items():
        counts = [
            f"{pq.read_metadata(path).num_rows} {what}"
            for name, what in tables.items()
            if (path := campaign / f"{name}.parquet").is_file()
        ]
        if counts:
            stages[stage] = ", ".join(counts)
    return stages


def _bin(
    name: str, rows: list[dict], last: dict[str, Attempt], tried: list[Attempt], marked: set[str]
) -> BinStatus:
    ranks = rows[0]["mesh_rows"] * rows[0]["mesh_cols"]
    mine = [last[row["complex_id"]] for row in rows if row["complex_id"] in last]
    running = [attempt for attempt in mine if _is_running(attempt)]
    finished = {attempt["complex_id"] for attempt in mine if attempt.get("outcome") == Outcome.DONE}
    failed = [attempt for attempt in mine if _has_failed(attempt)]
    ended = (finished & marked) | {attempt["complex_id"] for attempt in failed}
    left = sum(row["predicted_seconds"] for row in rows if row["complex_id"] not in ended)
    measured = [attempt for attempt in tried if attempt.get("wall_seconds")]
    return BinStatus(
        name=name,
        mesh=f"{rows[0]['mesh_rows']}x{rows[0]['mesh_cols']}",
        planned=len(rows),
        done=len(finished & marked),
        running=len(running),
        lost=len(finished - marked),
        failed=dict(Counter(attempt["outcome"] for attempt in failed)),
        hours_used=sum(attempt["wall_seconds"] for attempt in measured) * ranks / 3600,
        hours_planned=sum(row["predicted_seconds"] for row in rows) * ranks / 3600,
        seconds_left=left * pace(measured) / len(running) if running else None,
    )


def _has_failed(attempt: Attempt | None) -> bool:
    return attempt is not None and attempt.get("outcome", Outcome.DONE) != Outcome.DONE


def _is_running(attempt: Attempt) -> bool:
    """Whether an attempt is under way; a process killed on another machine still counts."""
    if "outcome" in attempt:
        return False
    return attempt["host"] != socket.gethostname() or psutil.pid_exists(attempt["pid"])

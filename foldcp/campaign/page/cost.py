"""What predictions cost, bin by bin, and what the report was made from."""

import json
from collections import defaultdict
from collections.abc import Mapping

from foldcp.campaign.page.grid import Column, Grid
from foldcp.campaign.results import PARTS, TABLES, Results, Row


def bin_costs(results: Results) -> list[Row]:
    """Return one row per planned size bin: work, and predicted against measured cost of what is done.

    `predicted_hours` and `measured_hours` are rank-hours of the same predictions, those that are done;
    `spent_hours` also counts attempts that failed.
    """
    planned: dict[str, list[Row]] = defaultdict(list)
    for row in results.rows("05_plan.parquet"):
        planned[row["bin"]].append(row)
    attempts: dict[str, list[Row]] = defaultdict(list)
    for row in results.ledger.to_pylist():
        attempts[row["bin"]].append(row)
    return [_bin(name, rows, attempts[name], results.last_attempt) for name, rows in sorted(planned.items())]


def _bin(name: str, planned: list[Row], attempts: list[Row], last: Mapping[str, Row]) -> Row:
    ended = [last[row["complex_id"]] for row in planned if row["complex_id"] in last]
    done = [row for row in ended if row["outcome"] == "done"]
    both = [row for row in done if row["predicted_seconds"] and row["wall_seconds"]]
    first = planned[0]
    return {
        "upper": int(name),
        "mesh": f"{first['mesh_rows']}×{first['mesh_cols']}",
        "gpu": first["gpu"],
        "predictions": len(planned),
        "jobs": len({row["shard"] for row in planned}),
        "done": len(done),
        "failed": len(ended) - len(done),
        "predicted_hours": _hours(both, "predicted_seconds"),
        "measured_hours": _hours(both, "wall_seconds"),
        "spent_hours": _hours(attempts, "wall_seconds"),
        "predicted_peak": max((r["predicted_peak_bytes"] or 0 for r in done), default=0) or None,
        "measured_peak": max((r["peak_bytes"] or 0 for r in done), default=0) or None,
    }


def _hours(rows: list[Row], seconds: str) -> float:
    return sum((row[seconds] or 0) * _ranks(row["mesh"]) for row in rows) / 3600


def _ranks(mesh: str) -> int:
    rows, columns = mesh.split("x")
    return int(rows) * int(columns)


def cost_grid(bins: list[Row]) -> Grid:
    """Return the table of costs. A rank is a GPU, or a process where the plan is for the CPU."""
    unit = "Process-hours" if bins and bins[0]["gpu"] == "cpu" else "GPU-hours"
    columns = [
        Column("Tokens up to", "number", 0),
        Column("Mesh", "short"),
        *(Column(name, "number", 0) for name in ("Predictions", "Jobs", "Done", "Failed")),
        Column(f"{unit} predicted", "number", 2, "of the predictions that are done"),
        Column(f"{unit} measured", "number", 2, "of the same predictions"),
        Column("Measured / predicted", "number", 2, "above 1: slower than planned"),
        Column(f"{unit} spent", "number", 2, "failed attempts included"),
        Column("Peak predicted", "bytes", note="largest of a rank, over predictions that are done"),
        Column("Peak measured", "bytes", note="largest of a rank, over predictions that are done"),
    ]
    counts = ("upper", "mesh", "predictions", "jobs", "done", "failed")
    cells = [
        [
            *(row[name] for name in counts),
            *(row["predicted_hours"] or None, row["measured_hours"] or None),
            row["measured_hours"] / row["predicted_hours"] if row["predicted_hours"] else None,
            *(row["spent_hours"] or None, row["predicted_peak"], row["measured_peak"]),
        ]
        for row in bins
    ]
    return Grid("cost", "Cost by size bin", columns, cells)


def provenance_grid(results: Results) -> Grid:
    """Return the tables that the report was made from, with their origins."""
    columns = [
        Column("Table"),
        Column("Rows", "number", 0),
        *(Column("foldcp", "short"), Column("Configuration", "raw"), Column("Inputs", "raw")),
    ]
    cells = [
        [
            name,
            results.count(name),
            said.get("version", ""),
            said.get("config_sha256", "")[:12],
            _inputs(json.loads(said["inputs"])),
        ]
        for name in sorted([*TABLES, *PARTS])
        if (said := results.metadata.get(name))
    ]
    return Grid("provenance", "Tables of the campaign", columns, cells)


def _inputs(inputs: Mapping[str, str]) -> str:
    shown = [f"{name} {sha256[:12]}" for name, sha256 in sorted(inputs.items())]
    more = f" and {len(shown) - 6} more" if len(shown) > 6 else ""
    return ", ".join(shown[:6]) + more

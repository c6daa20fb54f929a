"""The coverage table: how much of a database a cluster can fold, by size, mesh and GPU-hours."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from foldcp.plan.depth import limit_of
from foldcp.plan.mesh import Mesh
from foldcp.plan.shards import makespan
from foldcp.plan.time import OVERHEADS


@dataclass(frozen=True)
class CoverageRow:
    """One size bin of a planned campaign.

    Attributes
    ----------
    upper
        Upper edge of the bin in tokens.
    complexes
        Complexes of at most `upper` tokens that are planned (cumulative; equal inputs counted each).
    share
        The same as a share of all complexes with a known token count, 0 to 1.
    mesh, nodes
        Mesh of this bin and the nodes it spans.
    predictions, shards
        Predictions and jobs of this bin.
    makespan_seconds, ideal_seconds
        Longest job of this bin, and the least that any cut into as many jobs could reach; start-up left out.
    gpu_hours
        Predicted GPU-hours of this bin, start-up of each job included.
    """

    upper: int
    complexes: int
    share: float
    mesh: Mesh
    nodes: int
    predictions: int
    shards: int
    makespan_seconds: float
    ideal_seconds: float
    gpu_hours: float


def coverage(tokens: pa.Table, plan: pa.Table) -> list[CoverageRow]:
    """Return the coverage of a campaign, one row per planned bin, ascending.

    Parameters
    ----------
    tokens
        The TOKENS table that was planned.
    plan
        The PLAN table made from it.
    """
    bin_of = dict(zip(plan["input_key"].to_pylist(), plan["bin"].to_pylist(), strict=True))
    in_bin = Counter(bin_of[key] for key in tokens["input_key"].to_pylist() if key in bin_of)
    rows: list[CoverageRow] = []
    done = 0
    for name, members in sorted(_by_bin(plan).items()):
        done += in_bin[name]
        rows.append(_row(int(name), done, done / tokens.num_rows, members))
    return rows


def _by_bin(plan: pa.Table) -> dict[str, list[dict]]:
    columns = ["bin", "mesh_rows", "mesh_cols", "n_nodes", "shard", "predicted_seconds"]
    groups: dict[str, list[dict]] = {}
    for row in plan.select(columns).to_pylist():
        groups.setdefault(row["bin"], []).append(row)
    return groups


def _row(upper: int, complexes: int, share: float, members: list[dict]) -> CoverageRow:
    loads: Counter = Counter()
    for row in members:
        loads[row["shard"]] += row["predicted_seconds"]
    mesh = Mesh(members[0]["mesh_rows"], members[0]["mesh_cols"])
    longest, ideal = makespan(list(loads.values()), max(row["predicted_seconds"] for row in members))
    busy = sum(loads.values()) + len(loads) * OVERHEADS.startup_seconds
    return CoverageRow(
        upper=upper,
        complexes=complexes,
        share=share,
        mesh=mesh,
        nodes=members[0]["n_nodes"],
        predictions=len(members),
        shards=len(loads),
        makespan_seconds=longest,
        ideal_seconds=ideal,
        gpu_hours=mesh.ranks * busy / 3600,
    )


def cut_line(plan: pa.Table) -> str | None:
    """Return a line about the predictions that read only part of their alignment; None where all read all."""
    limits = [limit for row in plan.select(["msa_depth", "msa_rows"]).to_pylist() if (limit := limit_of(row))]
    if not limits:
        return None
    return (
        f"{len(limits)} predictions read only part of their alignment, where memory is short: "
        f"{min(limits)} rows at least (plan.min_msa_rows)"
    )


_HEADER = (
    *("tokens ≤", "complexes", "share", "mesh", "GPUs", "nodes"),
    *("predictions", "jobs", "longest job", "vs ideal", "GPU-hours"),
)


def render(rows: Sequence[CoverageRow]) -> str:
    """Return the coverage as an aligned text table."""
    cells = [
        (
            f"{row.upper}",
            f"{row.complexes}",
            f"{row.share:.1%}",
            f"{row.mesh}",
            f"{row.mesh.ranks}",
            f"{row.nodes}",
            f"{row.predictions}",
            f"{row.shards}",
            duration(row.makespan_seconds),
            f"{row.makespan_seconds / row.ideal_seconds:.3f}",
            f"{row.gpu_hours:.1f}",
        )
        for row in rows
    ]
    return aligned([_HEADER, *cells])


def aligned(table: Sequence[Sequence[str]]) -> str:
    """Return lines of cells as text, each column as wide as its widest cell and flush right."""
    widths = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
    return "\n".join("  ".join(c.rjust(w) for c, w in zip(line, widths, strict=True)) for line in table)


def duration(seconds: float) -> str:
    """Return a duration for people: 45s, 12m, 3h 20m."""
    if seconds < 60:
        return f"{seconds:.0f}s"
    minutes = round(seconds / 60)
    return f"{minutes}m" if minutes < 60 else f"{minutes // 60}h {minutes % 60:02d}m"

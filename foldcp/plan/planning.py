"""The plan: each complex to a size bin, each bin to a mesh, each prediction to a shard.

A complex goes to the first bin edge that is at least its token count. A bin has one mesh, so that it is one
job array: the smallest on which its most demanding member fits. Rows of an alignment over `plan.min_msa_rows`
make no mesh larger: where they do not fit they are left out (`foldcp.plan.depth`). A complex that fits no
allowed mesh, or that is over the last edge, becomes a rejected row that says what would help.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from foldcp.config import PlanConfig
from foldcp.plan.depth import at_most, rows_that_fit, rows_to_read
from foldcp.plan.gpus import GIB, Gpu, get_gpu
from foldcp.plan.memory import MAX_MSA_ROWS, peak_bytes, stage_bytes
from foldcp.plan.mesh import Mesh, candidates
from foldcp.plan.shards import balance
from foldcp.plan.time import OVERHEADS, predicted_seconds
from foldcp.plan.workload import Size, Workload
from foldcp.tables.rows import rows_to_table
from foldcp.tables.schemas import PLAN, REJECTED

_LARGEST_SUGGESTION = 4096
"""Ranks up to which a rejected row looks for a mesh that would do."""
_COLUMNS = [
    *("complex_id", "n_tokens", "n_atoms", "msa_depth", "n_templates"),
    *("input_key", "predicted_as", "role"),
]


@dataclass(frozen=True)
class Planned:
    """A plan: the PLAN table, and the REJECTED table of complexes that cannot be planned."""

    plan: pa.Table
    rejected: pa.Table


@dataclass(frozen=True)
class _Item:
    complex_id: str
    input_key: str
    predicted_as: str
    role: str
    size: Size
    """With all rows of the alignment; where a mesh is known, with those that are read."""
    msa_depth: int


def bin_name(upper: int) -> str:
    """Return the name of the bin with this upper edge; names sort like edges."""
    return f"{upper:07d}"


def make_plan(tokens: pa.Table, config: PlanConfig, workload: Workload) -> Planned:
    """Plan the predictions of a campaign.

    Parameters
    ----------
    tokens
        The TOKENS table. Complexes of equal input are planned once (`predicted_as`), rejected one by one.
    config
        Bin edges, GPU model, most ranks, rows of an alignment worth GPUs, wall-time target.
    workload
        Samples, recycles, steps, precision, model.

    Returns
    -------
    Planned
        Every row of `tokens` is planned, served by a planned row of equal `input_key`, or rejected.

    Raises
    ------
    UsageError
        If the GPU model is unknown.
    """
    gpu = get_gpu(config.gpu, config.gpus)
    meshes = candidates(config.max_ranks, gpu.gpus_per_node)
    members: dict[int, list[_Item]] = defaultdict(list)
    smallest: dict[int, int] = defaultdict(int)
    rejected: list[dict[str, Any]] = []
    for item in _items(tokens):
        place = bisect_left(config.bins, item.size.tokens)
        if place == len(config.bins):
            rejected.append(_over_bin(item, config.bins[-1]))
            continue
        least = at_most(item.size, config.min_msa_rows)
        fit = _first_fit(least, workload, meshes, gpu)
        if fit is None:
            rejected.append(_over_mesh(replace(item, size=least), workload, meshes[-1], gpu))
            continue
        edge = config.bins[place]
        smallest[edge] = max(smallest[edge], fit)
        if item.predicted_as == item.complex_id:
            rows = rows_to_read(item.size, least.msa_depth, workload, meshes[fit], gpu.usable_bytes)
            members[edge].append(replace(item, size=at_most(item.size, rows)))
    planned: list[dict[str, Any]] = []
    for edge in sorted(members):
        mesh = meshes[smallest[edge]]
        planned += _bin_rows(edge, members[edge], mesh, gpu, workload, config.shard_minutes * 60)
    return Planned(rows_to_table(PLAN, planned), rows_to_table(REJECTED, rejected))


def _items(tokens: pa.Table) -> Iterable[_Item]:
    for row in tokens.select(_COLUMNS).to_pylist():
        depth = min(row["msa_depth"], MAX_MSA_ROWS)
        size = Size(row["n_tokens"], row["n_atoms"], depth, row["n_templates"])
        yield _Item(row["complex_id"], row["input_key"], row["predicted_as"], row["role"], size, depth)


def _first_fit(size: Size, workload: Workload, meshes: list[Mesh], gpu: Gpu) -> int | None:
    fits = (i for i, mesh in enumerate(meshes) if peak_bytes(size, workload, mesh) <= gpu.usable_bytes)
    return next(fits, None)


def _bin_rows(
    edge: int, items: list[_Item], mesh: Mesh, gpu: Gpu, workload: Workload, target_seconds: float
) -> list[dict[str, Any]]:
    seconds = [predicted_seconds(item.size, workload, mesh, gpu) for item in items]
    shards = balance(seconds, target_seconds, OVERHEADS.startup_seconds)
    return [
        {
            "complex_id": items[index].complex_id,
            "n_tokens": items[index].size.tokens,
            "msa_depth": items[index].msa_depth,
            "msa_rows": items[index].size.msa_depth,
            "bin": bin_name(edge),
            "mesh_rows": mesh.rows,
            "mesh_cols": mesh.cols,
            "n_nodes": mesh.nodes(gpu.gpus_per_node),
            "gpu": gpu.name,
            "predicted_peak_bytes": peak_bytes(items[index].size, workload, mesh),
            "predicted_seconds": seconds[index],
            "shard": shard,
            "position": position,
            "input_key": items[index].input_key,
            "role": items[index].role,
        }
        for shard, indices in enumerate(shards)
        for position, index in enumerate(indices)
    ]


def _rejected(item: _Item, code: str, reason: str) -> dict[str, Any]:
    return {"stage": "plan", "complex_id": item.complex_id, "reason_code": code, "reason": reason}


def _over_bin(item: _Item, last: int) -> dict[str, Any]:
    reason = (
        f"{item.size.tokens} tokens are over the last bin edge of {last}; "
        f"add an edge of at least {item.size.tokens} to plan.bins (--bins)"
    )
    return _rejected(item, "over_largest_bin", reason)


def _over_mesh(item: _Item, workload: Workload, largest: Mesh, gpu: Gpu) -> dict[str, Any]:
    stages = stage_bytes(item.size, workload, largest)
    worst = max(stages, key=lambda name: stages[name])
    more = candidates(_LARGEST_SUGGESTION, gpu.gpus_per_node)
    enough = _first_fit(item.size, workload, more, gpu)
    ranks = "" if enough is None else f"plan.max_ranks (--max-ranks) of {more[enough].ranks}, "
    rows = rows_that_fit(item.size, workload, largest, gpu.usable_bytes)
    fewer = f"plan.min_msa_rows (--min-msa-rows) of {rows}, " if rows else ""
    depth = f" and {item.size.msa_depth} rows of alignment" if item.size.msa_depth > 1 else ""
    reason = (
        f"{item.size.tokens} tokens{depth} need {stages[worst] / GIB:.1f} GiB per GPU in the {worst} stage "
        f"on the largest allowed mesh {largest}, but {gpu.name} offers {gpu.usable_bytes / GIB:.1f} GiB; "
        f"what helps: {ranks}{fewer}a GPU with more memory, or fewer samples"
    )
    return _rejected(item, "over_largest_mesh", reason)

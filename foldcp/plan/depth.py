"""Rows of its alignment that a complex reads: all, or as many as fit where memory is short.

Boltz stacks up to 16 384 rows, of which the last thousands say little, and would move a complex near the
limit of a mesh to one of twice the GPUs. So a complex gets the smallest mesh for `plan.min_msa_rows` of its
rows, and on that mesh as many as fit into all but a twentieth of the memory.

The structure depends on that number. So it follows from the complex, the workload, the GPU model and the
meshes that are allowed, and never from the other complexes of its bin, for whose sake it may get a larger
mesh. It does not change when the table grows, nor on the ladder out of memory.
"""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from foldcp.plan.memory import peak_bytes
from foldcp.plan.mesh import Mesh
from foldcp.plan.workload import Size, Workload

STEP = 64
"""An alignment is cut to a multiple of so many rows: as many as the model can tell apart."""
HEADROOM = 0.05
"""Share of the memory that no further rows take: the model's error in the usual setting is within 4 %, and a
peak that is measured a little higher must not send a complex to twice the GPUs for rows it can do without."""


def at_most(size: Size, rows: int) -> Size:
    """Return the size with at most `rows` rows of the alignment."""
    return replace(size, msa_depth=min(size.msa_depth, rows))


def rows_that_fit(size: Size, workload: Workload, mesh: Mesh, limit: int) -> int:
    """Return how many rows of its alignment a complex can read on a mesh.

    Parameters
    ----------
    size
        The complex, with all rows of its alignment.
    workload
        Samples, precision, budget and model.
    mesh
        Mesh the prediction is tiled over.
    limit
        Bytes of a GPU that may be used.

    Returns
    -------
    int
        All rows, or else a multiple of `STEP`; 0 if the complex does not fit whatever its alignment.
    """
    if peak_bytes(size, workload, mesh) <= limit:
        return size.msa_depth
    steps = range(0, size.msa_depth, STEP)
    fitting = bisect_right(steps, limit, key=lambda rows: peak_bytes(at_most(size, rows), workload, mesh))
    return steps[fitting - 1] if fitting else 0


def rows_to_read(size: Size, least: int, workload: Workload, mesh: Mesh, limit: int) -> int:
    """Return how many rows of its alignment a planned complex reads on the mesh of its least rows.

    Parameters
    ----------
    size, workload, mesh
        As `rows_that_fit` takes them.
    least
        Rows that the mesh was chosen for: these are read in any case.
    limit
        Bytes of a GPU that a plan may fill; `HEADROOM` of them stays free of further rows.
    """
    return max(least, rows_that_fit(size, workload, mesh, int((1 - HEADROOM) * limit)))


def limit_of(row: Mapping[str, Any]) -> int | None:
    """Return the most rows of its alignment that a planned complex reads; None if it reads all.

    Parameters
    ----------
    row
        Row of the PLAN table.
    """
    return row["msa_rows"] if row["msa_rows"] < row["msa_depth"] else None

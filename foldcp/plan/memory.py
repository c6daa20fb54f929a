"""The memory model: peak bytes of the worst rank, from coefficients that were traced.

A stage's peak is linear in what a rank holds (`held`), to a few per cent. `memory_coefficients.yaml` has the
bytes for each precision, budget, stage and kind of thing held; `python -m foldcp.trace --write` makes it, by
running the real code on tensors without memory. The peak of a prediction is what is always there (weights,
context of the device) and the most expensive stage. The demo model is narrower; it is charged like Boltz-2.
"""

from functools import cache
from importlib.resources import files
from math import ceil
from typing import Any

import yaml

from foldcp.plan.mesh import Mesh
from foldcp.plan.workload import Size, Workload

MAX_MSA_ROWS = 16_384
"""Boltz stacks at most this many rows in the alignment of a complex (`boltz.data.const.max_msa_seqs`)."""
COEFFICIENTS = "memory_coefficients.yaml"
"""The file beside this one."""
_WINDOW = 32
"""Atoms are cut over ranks in whole windows."""


def held(size: Size, samples: int, mesh: Mesh) -> dict[str, int]:
    """Return what the worst rank holds, by kind.

    Parameters
    ----------
    size
        Tokens, atoms and alignment rows of the complex.
    samples
        Structures to draw.
    mesh
        Mesh the prediction is tiled over.

    Returns
    -------
    dict
        `pairs_alone`: token pairs, on a single rank. `pairs_on_mesh`: those of the largest tile, where
        operands travel. One of the two is 0, as `pairs_if_several` is for a single sample: it stands for what
        several samples keep or do together. `alignment_alone`, `alignment_on_mesh`: likewise elements of the
        largest alignment tile, whose rows are cut over mesh rows.
        `atoms`: atoms of the largest share. `coordinates`: atoms of all samples, whole on every rank.
        `tokens`: likewise. `rank`: 1.
    """
    columns = ceil(size.tokens / mesh.cols)
    pairs = ceil(size.tokens / mesh.rows) * columns
    elements = ceil(min(size.msa_depth, MAX_MSA_ROWS) / mesh.rows) * columns
    return {
        "pairs_alone": pairs if mesh.ranks == 1 else 0,
        "pairs_on_mesh": pairs if mesh.ranks > 1 else 0,
        "pairs_if_several": pairs if samples > 1 else 0,
        "alignment_alone": elements if mesh.ranks == 1 else 0,
        "alignment_on_mesh": elements if mesh.ranks > 1 else 0,
        "atoms": ceil(ceil(size.atoms / _WINDOW) / mesh.ranks) * _WINDOW,
        "coordinates": samples * size.atoms,
        "tokens": size.tokens,
        "rank": 1,
    }


def stage_bytes(size: Size, workload: Workload, mesh: Mesh) -> dict[str, int]:
    """Return the bytes that each stage of one prediction needs on the worst rank, all told.

    Parameters
    ----------
    size
        Tokens, atoms and alignment rows of the complex.
    workload
        Samples, precision, budget and model.
    mesh
        Mesh the prediction is tiled over.

    Returns
    -------
    dict
        Stage name to bytes, weights and context of the device included.
    """
    table = coefficients()
    kept = workload.sizes.weights_bytes + table["hidden_bytes"]
    amounts = held(size, workload.samples, mesh)
    stages = table["stages"][workload.precision][workload.budget]
    return {
        name: ceil(kept + sum(bytes_each * amounts[kind] for kind, bytes_each in stage.items()))
        for name, stage in stages.items()
    }


def peak_bytes(size: Size, workload: Workload, mesh: Mesh) -> int:
    """Return the predicted peak memory of the worst rank, in bytes."""
    return max(stage_bytes(size, workload, mesh).values())


@cache
def coefficients() -> dict[str, Any]:
    """Return the traced coefficients."""
    return yaml.safe_load(files("foldcp.plan").joinpath(COEFFICIENTS).read_text(encoding="utf-8"))

"""Coefficients of the plan's memory model, fitted to a handful of traces.

Each stage's peak is close to linear in what a rank holds (`foldcp.plan.memory.held`). The coefficients are
the least squares of relative errors, none below zero.
"""

from collections.abc import Callable, Iterable
from itertools import islice, product
from typing import Any

import numpy as np
from scipy.optimize import nnls

from foldcp.plan.memory import held
from foldcp.plan.mesh import Mesh
from foldcp.plan.workload import Size
from foldcp.predict.settings import BUDGETS, PRECISIONS
from foldcp.trace.inference import HIDDEN, Case, Traced

POINTS: tuple[dict[str, Any], ...] = tuple(
    {"n_tokens": n, "n_atoms": a, "n_sequences": s, "n_samples": k, "mesh": mesh, "n_templates": 2}
    for n, a, s, k, mesh in (
        (700, 14_000, 64, 5, (1, 1)),
        (1000, 6_000, 8192, 1, (1, 1)),
        (1500, 12_000, 2048, 2, (1, 1)),
        (2000, 40_000, 16, 1, (1, 1)),
        (3000, 24_000, 128, 1, (1, 1)),
        (6000, 48_000, 4096, 3, (1, 1)),
        (3000, 60_000, 1024, 1, (2, 2)),
        (4000, 32_000, 512, 1, (1, 2)),
        (6000, 36_000, 8192, 5, (2, 4)),
        (16_000, 96_000, 1024, 1, (4, 8)),
        (2000, 16_000, 16_384, 1, (1, 1)),
        (2000, 16_000, 16_384, 1, (2, 2)),
        (12_000, 96_000, 16_384, 1, (2, 4)),
    )
)
"""Sizes that tell the coefficients apart: small and large tiles, few and many atoms, sequences, samples.
Sequences up to as many as Boltz reads, alone and on a mesh.

Two templates: from the second on, a tile of their sum is kept beside the template at work; more take no more.
"""


def amounts(case: Case) -> dict[str, int]:
    """Return what the worst rank holds in a traced case."""
    size = Size(case.n_tokens, case.n_atoms, case.n_sequences)
    return held(size, case.n_samples, Mesh(*case.mesh))


def fit(traces: Iterable[Traced]) -> dict[str, dict[str, float]]:
    """Return the bytes of each stage per thing held, by stage and kind; kinds of no cost are left out."""
    traces = list(traces)
    kinds = list(amounts(traces[0].case))
    held_by_case = np.array([[amounts(t.case)[kind] for kind in kinds] for t in traces], dtype=float)
    table = {}
    for name in dict.fromkeys(stage.name for t in traces for stage in t.stages):
        peaks = np.array([next((s.peak for s in t.stages if s.name == name), 0) for t in traces], dtype=float)
        relative = held_by_case / peaks[:, None]
        scale = relative.max(axis=0)
        solution = nnls(relative / scale, np.ones(len(peaks)))[0] / scale
        table[name] = {kind: _rounded(x) for kind, x in zip(kinds, solution, strict=True) if x > 0}
    return table


def predicted(table: dict[str, dict[str, float]], case: Case) -> float:
    """Return the bytes above the weights that fitted coefficients give for a case."""
    of = amounts(case)
    return max(sum(bytes_each * of[kind] for kind, bytes_each in stage.items()) for stage in table.values())


def coefficients(
    say: Callable[[str], None], run: Callable[[Iterable[Case]], Iterable[Traced]]
) -> dict[str, Any]:
    """Trace and fit every precision and budget; return the contents of the plan's file.

    Parameters
    ----------
    say : callable
        Takes a line about each fit: how far off its best and its worst point are.
    run : callable
        Traces many cases, in order.
    """
    kinds = list(product(PRECISIONS, BUDGETS))
    traces = iter(
        run([Case(**p, precision=precision, budget=budget) for precision, budget in kinds for p in POINTS])
    )
    stages: dict[str, dict[str, Any]] = {precision: {} for precision in PRECISIONS}
    for precision, budget in kinds:
        points = list(islice(traces, len(POINTS)))
        table = fit(points)
        off = [predicted(table, point.case) / point.activations - 1 for point in points]
        say(f"{precision} {budget}: off by {min(off):+.1%} to {max(off):+.1%}")
        stages[precision][budget] = table
    return {"hidden_bytes": HIDDEN, "stages": stages}


def _rounded(x: float) -> float:
    return float(f"{x:.4g}")

"""The ladder out of memory: a smaller budget first, then a larger mesh, rung by rung.

Neither changes a prediction, only where and how it is computed, so a complex that climbs keeps its run key.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from foldcp.config import PlanConfig
from foldcp.plan.gpus import Gpu
from foldcp.plan.mesh import Mesh, candidates
from foldcp.predict.ledger import Attempt
from foldcp.predict.outcomes import Outcome
from foldcp.predict.settings import BUDGETS


@dataclass(frozen=True)
class Rung:
    """One way to fold a complex: the budget of intermediates, and the mesh."""

    budget: str
    mesh: Mesh

    def __str__(self) -> str:
        return f"{self.mesh} {self.budget}"


def ladder(first: Rung, plan: PlanConfig, gpu: Gpu) -> list[Rung]:
    """Return the rungs a complex may climb, from where the plan puts it.

    Parameters
    ----------
    first
        Budget of the campaign and mesh of the bin.
    plan
        Most ranks a complex may take.
    gpu
        GPU model, for the sizes of its nodes.
    """
    smaller = BUDGETS[: BUDGETS.index(first.budget) + 1][::-1]
    larger = [mesh for mesh in candidates(plan.max_ranks, gpu.gpus_per_node) if mesh.ranks > first.mesh.ranks]
    return [Rung(budget, first.mesh) for budget in smaller] + [Rung(smaller[-1], mesh) for mesh in larger]


def climb(attempts: Iterable[Attempt], rungs: list[Rung]) -> list[Rung]:
    """Return the rungs left to a complex: those above the highest on which it ran out of memory.

    Parameters
    ----------
    attempts
        Its ended attempts. One that never started says nothing about memory.
    rungs
        The whole ladder.
    """
    names = [(rung.budget, str(rung.mesh)) for rung in rungs]
    failed = [
        names.index((a["budget"], a["mesh"]))
        for a in attempts
        if a["outcome"] == Outcome.OOM and "started_at" in a and (a.get("budget"), a["mesh"]) in names
    ]
    return rungs[max(failed, default=-1) + 1 :]

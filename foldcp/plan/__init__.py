"""The plan: size bins, meshes, predicted memory and time, shards. Imports neither torch nor boltz."""

from foldcp.plan.coverage import CoverageRow, coverage, render
from foldcp.plan.planning import Planned, make_plan
from foldcp.plan.workload import Workload

__all__ = ["CoverageRow", "Planned", "Workload", "coverage", "make_plan", "render"]

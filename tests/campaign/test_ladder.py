import pytest

from foldcp.campaign.ladder import Rung, climb, ladder
from foldcp.config import PlanConfig
from foldcp.plan.gpus import get_gpu
from foldcp.plan.mesh import Mesh


def names(rungs):
    return [str(rung) for rung in rungs]


@pytest.fixture
def rungs():
    return ladder(Rung("medium", Mesh(1, 2)), PlanConfig(max_ranks=16), get_gpu("h100-80gb"))


def test_the_budget_shrinks_first_then_the_mesh_grows(rungs):
    assert names(rungs) == ["1x2 medium", "1x2 small", "2x2 small", "2x4 small", "4x4 small"]


def test_a_mesh_never_grows_beyond_what_the_plan_allows():
    only = ladder(Rung("small", Mesh(2, 2)), PlanConfig(max_ranks=4), get_gpu("h100-80gb"))
    assert names(only) == ["2x2 small"]


def attempt(budget, mesh, outcome="oom", **values):
    return {"budget": budget, "mesh": mesh, "outcome": outcome, "started_at": 0, **values}


def test_what_ran_out_of_memory_climbs_above_the_highest_rung_that_failed(rungs):
    assert climb([], rungs) == rungs
    failed = [attempt("small", "1x2"), attempt("medium", "1x2")]
    assert names(climb(failed, rungs)) == ["2x2 small", "2x4 small", "4x4 small"]
    assert climb([attempt("small", "4x4")], rungs) == []


def test_other_ends_and_turns_that_never_came_climb_nothing(rungs):
    never = attempt("medium", "1x2")
    del never["started_at"]
    assert climb([attempt("medium", "1x2", "crashed"), never], rungs) == rungs


def test_a_rung_of_another_plan_says_nothing(rungs):
    assert climb([attempt("large", "1x1")], rungs) == rungs

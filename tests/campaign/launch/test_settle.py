"""What the end of a job makes of the complexes it leaves; no job runs here."""

from datetime import UTC, datetime

import pytest

from foldcp.campaign.launch.ends import FINISHED, End, killed
from foldcp.campaign.launch.settle import settle
from foldcp.predict.ledger import Ledger, attempts
from foldcp.predict.settings import Settings
from foldcp.predict.shard import ShardSpec, ShardTarget, planned

UP = End("timeout", "the job reached its time limit too often", "timeout")


@pytest.fixture
def spec(tmp_path):
    targets = tuple(ShardTarget(n, tmp_path / n, n, f"key {n}", 1, 1.0) for n in ("big", "a"))
    settings = Settings(model="demo", device="cpu", precision="fp32")
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return ShardSpec("0000512", 0, targets, settings, tmp_path / "predictions", tmp_path / "ledger", at)


def try_big(spec, **end):
    ledger = Ledger(spec.ledger, spec.writer(), **spec.common())
    ledger.start("big", **planned(spec.targets[0]))
    if end:
        ledger.finish("big", **end)


def causes(spec):
    return [(a["complex_id"], a["outcome"], a["cause"]) for a in attempts(spec.ledger)]


def test_an_attempt_that_said_itself_how_the_job_ends_takes_the_blame_alone(spec):
    try_big(spec, outcome="timeout")
    settle(spec, UP)
    assert causes(spec) == [("a", "timeout", "not_reached"), ("big", "timeout", "timeout")][::-1]


def test_an_open_attempt_takes_the_end_of_its_job(spec):
    try_big(spec)
    settle(spec, killed("killed", ""))
    assert causes(spec) == [("big", "crashed", "killed"), ("a", "crashed", "not_reached")]


def test_an_open_attempt_of_a_finished_job_says_what_is_known_of_it(spec):
    try_big(spec)
    settle(spec, FINISHED)
    big = next(a for a in attempts(spec.ledger) if a["complex_id"] == "big")
    assert (big["outcome"], big["message"]) == ("crashed", "its end was never recorded")


def test_a_job_that_ended_before_its_first_complex_counts_against_all(spec):
    settle(spec, UP)
    assert {cause for *_, cause in causes(spec)} == {"timeout"}


def test_what_a_finished_job_left_undone_was_preempted_unless_it_has_its_own_end(spec):
    try_big(spec, outcome="timeout")
    settle(spec, FINISHED)
    assert [row for row in causes(spec) if row[0] == "big"] == [("big", "timeout", "timeout")]


def test_another_complexs_lack_of_memory_is_not_the_kernels():
    assert killed("killed", "shard 0: 1/2 a oom after 1 s (CUDA out of memory)").outcome == "crashed"

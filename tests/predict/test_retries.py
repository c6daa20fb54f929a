from datetime import UTC, datetime, timedelta

import pytest

from foldcp.predict.retries import exhausted, may_try

START = datetime(2026, 1, 2, tzinfo=UTC)
BEFORE = START - timedelta(hours=1)
LIMITS = {"killed": 2, "preempted": 3}


def attempt(cause, at=START):
    return {"outcome": "crashed", "cause": cause, "submitted_at": at}


@pytest.mark.parametrize(
    ("causes", "again"),
    [
        ([], True),
        (["killed"], True),
        (["killed", "killed"], False),
        (["killed", "preempted", "preempted"], True),
        (["preempted"] * 3, False),
        (["not_reached"] * 50 + ["interrupted"] * 50, True),
        (["oom"] * 5, True),  # the ladder decides
        (["bad_input"], False),
        (["done"], False),  # and yet not done: its files are gone
    ],
)
def test_each_cause_has_its_limit(causes, again):
    assert may_try([attempt(cause) for cause in causes], LIMITS, START) is again


def test_what_has_no_limit_is_tried_once_in_each_run():
    assert may_try([attempt("bad_input", BEFORE), attempt("done", BEFORE)], LIMITS, START)


def test_limits_count_over_all_runs_and_name_the_key_that_sets_them():
    tries = [attempt("killed", BEFORE), attempt("killed")]
    assert not may_try(tries, LIMITS, START)
    assert exhausted(tries, LIMITS) == "ended by killed 2 times, and predict.attempts.killed is 2"
    assert exhausted(tries[:1], LIMITS) is None


def test_an_attempt_of_an_older_ledger_ended_by_its_outcome():
    assert exhausted([{"outcome": "preempted"}] * 3, LIMITS)

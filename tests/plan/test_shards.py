import itertools
import random

import pytest

from foldcp.plan.shards import balance, makespan


def test_each_prediction_is_in_one_shard_longest_first():
    rng = random.Random(7)
    seconds = [rng.expovariate(1 / 60) for _ in range(500)]
    shards = balance(seconds, target_seconds=1800)
    assert sorted(i for shard in shards for i in shard) == list(range(500))
    assert all(seconds[a] >= seconds[b] for shard in shards for a, b in itertools.pairwise(shard))
    loads = [sum(seconds[i] for i in shard) for shard in shards]
    longest, ideal = makespan(loads, max(seconds))
    assert longest < 1.01 * ideal


def test_number_of_shards_follows_the_target():
    assert len(balance([60.0] * 100, target_seconds=600)) == 10
    assert len(balance([60.0] * 100, target_seconds=600, startup_seconds=120)) == 13
    assert len(balance([60.0] * 100, target_seconds=1e9)) == 1


def test_longest_first_beats_input_order():
    # In input order the three would come last, on top of a one.
    assert sorted(sorted(s) for s in balance([1.0, 1.0, 1.0, 3.0], target_seconds=3)) == [[0, 1, 2], [3]]


@pytest.mark.parametrize("target", [1.0, 10.0, 45.0])
def test_no_shard_is_empty_however_short_the_target(target):
    assert all(balance([60.0, 30.0, 10.0], target, startup_seconds=45.0))


def test_prediction_over_the_target_is_alone():
    assert balance([100.0, 1.0, 1.0], target_seconds=51) == [[0], [1, 2]]


def test_ideal_is_never_below_the_longest_prediction():
    assert makespan([100.0, 2.0], longest=100.0) == (100.0, 100.0)

"""Shards: the predictions of one bin cut into jobs of about equal wall time.

Longest processing time first (Graham 1969): sort by predicted time, always give the next one to the shard
with the least work. Its makespan is at most 4/3 - 1/(3n) of the optimum over n shards.
"""

import heapq
from collections.abc import Sequence
from math import ceil


def balance(seconds: Sequence[float], target_seconds: float, startup_seconds: float = 0.0) -> list[list[int]]:
    """Cut predictions into shards that each fill about `target_seconds`.

    Parameters
    ----------
    seconds
        Predicted wall time of each prediction; at least one.
    target_seconds
        Wall time a job should fill, start-up included.
    startup_seconds
        Time a job spends before its first prediction.

    Returns
    -------
    list
        For each shard the indices of its predictions, longest first. No shard is empty.
    """
    # A target shorter than start-up is met as well as can be: by one prediction per shard.
    net = max(target_seconds - startup_seconds, min(seconds))
    n = min(len(seconds), ceil(sum(seconds) / net))
    shards: list[list[int]] = [[] for _ in range(n)]
    loads = [(0.0, shard) for shard in range(n)]
    for index in sorted(range(len(seconds)), key=lambda i: -seconds[i]):
        load, shard = loads[0]
        shards[shard].append(index)
        heapq.heapreplace(loads, (load + seconds[index], shard))
    return shards


def makespan(loads: Sequence[float], longest: float) -> tuple[float, float]:
    """Return the makespan of shards and the least that any cut into as many shards could reach.

    Parameters
    ----------
    loads
        Predicted wall time of each shard.
    longest
        Predicted wall time of the longest single prediction.
    """
    return max(loads), max(sum(loads) / len(loads), longest)

"""Whatever stops answering is noticed, named and ended, though no process has died."""

import os
import signal
import time
from datetime import timedelta

import pytest
import rank_works
import torch
from rank_programs import SOON, alive, assert_gone, first_pids, srun_variables, start

from foldcp.predict.outcomes import Outcome, cause_of, classify
from foldcp.predict.ranks import KeeperError, RankError, Ranks, World, silence
from foldcp.predict.ranks.silence import Silence

LIMIT = 2
"""Seconds of silence that the tests allow."""


def test_a_stopped_rank_is_named_and_all_are_killed():
    with Ranks((1, 2), rank_works.build, device="cpu", threads=1, world=World(), silence=LIMIT) as ranks:
        pids = ranks.run({})["pids"]
        started = time.monotonic()
        with pytest.raises(RankError) as caught:
            ranks.run({"acts": {1: "stop"}})
        assert time.monotonic() - started < SOON
        assert not alive(pids)
        assert caught.value.rank == 1 and not isinstance(caught.value, KeeperError)
        assert (cause_of(caught.value), classify(caught.value)[0]) == ("hung", Outcome.CRASHED)
        assert "rank 1 (row 0, column 1), peak 0." in str(caught.value)
        assert str(caught.value).endswith("GiB: has been silent for 2 s")

        # Between two jobs; it reads nothing of the next, which is larger than any buffer.
        pids = ranks.run({})["pids"]
        os.kill(pids[0], signal.SIGSTOP)
        with pytest.raises(RankError, match=r"^rank 0 .* silent for 2 s$"):
            ranks.run({"data": torch.ones(20_000_000, dtype=torch.uint8)})
        assert not alive(pids)


def test_ranks_that_wait_for_one_another_in_vain_are_ended():
    patience = timedelta(seconds=2)
    with Ranks((1, 2), rank_works.build, device="cpu", threads=1, world=World(), patience=patience) as ranks:
        ranks.start()
        with pytest.raises(
            RankError, match=r"rank 0 .*: waited in vain for another rank, which may hang"
        ) as caught:
            ranks.run({"acts": {1: "sleep"}})
    assert cause_of(caught.value) == "hung"


def test_a_rank_that_computes_for_long_is_not_silent():
    with Ranks((1, 1), rank_works.build, device="cpu", threads=1, world=World(), silence=LIMIT) as ranks:
        ranks.start()
        assert ranks.run({"acts": {0: "nap"}})["values"] == [0]


def test_a_stopped_keeper_is_named_and_its_ranks_end_without_it():
    code = f"drive((1, 2), [{{}}, {{0: 'sleep'}}], silence={LIMIT})"
    follower = start(code=code, **srun_variables(1, step=7))
    program = start(code=code, **srun_variables(0, step=7))
    try:
        pids = first_pids(program)
        follower.send_signal(signal.SIGSTOP)
        told = program.stdout.readline()
        assert told.startswith(
            "KeeperError hung crashed rank 1 (row 0, column 1), peak unknown: process 1 of 2"
        )
        assert "which keeps it, has been silent for 2 s" in told
        assert_gone(pids)
    finally:
        for process in (program, follower):
            process.kill()
            process.communicate()


def test_a_listener_that_was_away_has_missed_nothing(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(silence.time, "monotonic", lambda: clock[0])
    it = Silence(limit=3, first=5)

    def too_long(at):
        clock[0] = at
        return it.is_too_long()

    # The job was suspended for an hour, of which one second counts.
    assert [too_long(3600.0 + second) for second in range(6)] == [False] * 5 + [True]
    it.end()
    assert [too_long(3606.0 + second) for second in range(4)] == [False] * 3 + [True]

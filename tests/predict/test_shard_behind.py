"""A shard at two complexes at once: each has its own end, whatever happens to the other or to the job."""

import os
import threading

import psutil
import pytest
from mini_campaign import GOOD, MiniCampaign
from test_shard import spec_of, start

from foldcp.campaign.launch.ends import failed
from foldcp.campaign.launch.settle import settle
from foldcp.campaign.launch.task import ShardTask
from foldcp.predict import behind
from foldcp.predict.behind import Behind
from foldcp.predict.ledger import attempts
from foldcp.predict.session import Session
from foldcp.predict.shard import Shard, run_shard

pytestmark = pytest.mark.model


@pytest.fixture
def campaign(tmp_path, demo_cache, monkeypatch):
    monkeypatch.setattr(behind, "WORTH", 0.0)
    campaign = MiniCampaign(tmp_path / "results", demo_cache)
    campaign.write({"a": GOOD, "b": GOOD[::-1], "c": GOOD[:1]})
    return campaign


@pytest.fixture
def harm(monkeypatch):
    """Do something to the process that finishes, just before and just after it gets a complex, once."""

    def harm(name, before=lambda process: None, after=lambda process: None):
        finish, names = Behind.finish, [name]

        def harmed(self, work, ended):
            if work.target.id not in names:
                finish(self, work, ended)
                return
            names.remove(work.target.id)
            self.wait()
            process = psutil.Process(self._child.popen.pid)
            before(process)
            finish(self, work, ended)
            after(process)

        monkeypatch.setattr(Behind, "finish", harmed)

    return harm


@pytest.fixture
def while_folding(monkeypatch):
    """Let something happen while a complex is folded."""

    def while_folding(name, what):
        fold = Session.fold

        def folding(self, target, predictions):
            if target.id == name:
                what()
            return fold(self, target, predictions)

        monkeypatch.setattr(Session, "fold", folding)

    return while_folding


def ends(campaign):
    return {a["complex_id"]: (a.get("outcome"), a.get("cause")) for a in campaign.attempts()}


def child_of(shard):
    return psutil.Process(shard._session._behind._child.popen.pid)


DONE = ("done", "done")


def test_every_complex_is_done_when_the_shard_ends(campaign):
    run_shard(spec_of(campaign))
    assert ends(campaign) == {"a": DONE, "b": DONE, "c": DONE}
    assert all(a["rank_peaks"] == [a["peak_bytes"]] for a in campaign.attempts())


def test_its_time_is_its_own(campaign, while_folding):
    """What is done is said at once, not when the next complex has been folded."""
    told = []
    spec = spec_of(campaign)

    def wait():
        behind_it = shard._session._behind
        behind_it.wait()
        told.extend(attempts(spec.ledger))

    while_folding("b", wait)
    shard = Shard(spec)
    shard.run()
    first = next(a for a in told if a["complex_id"] == "a")
    assert first["outcome"] == "done"
    assert "outcome" not in next(a for a in told if a["complex_id"] == "b")


def test_a_finisher_that_is_killed_takes_one_complex_with_it(campaign, harm):
    harm("a", before=psutil.Process.suspend, after=psutil.Process.kill)
    run_shard(spec_of(campaign))
    assert ends(campaign) == {"a": ("crashed", "killed"), "b": DONE, "c": DONE}
    run_shard(spec_of(campaign))  # it has tries left
    assert campaign.tries()["a"] == ["crashed", "done"]


class EndOfJobError(Exception):
    """As submitit's, which it raises out of its signal handler."""


@pytest.mark.parametrize("stuck", [False, True])
def test_what_is_finished_counts_when_the_job_must_end_and_what_is_not_is_closed(
    campaign, harm, while_folding, monkeypatch, stuck
):
    def leave():
        shard.warned()
        shard.leave("preempted", "the job was preempted", "preempted")
        raise EndOfJobError

    others = set(psutil.Process().children())  # of tests before
    monkeypatch.setattr(behind, "_GRACE", 1.0 if stuck else 60.0)
    if stuck:
        harm("a", before=psutil.Process.suspend)
    while_folding("b", leave)
    shard = Shard(spec_of(campaign), job_id="17")
    with pytest.raises(EndOfJobError):
        shard.run()
    preempted = ("preempted", "preempted")
    assert ends(campaign) == {"a": preempted if stuck else DONE, "b": preempted}
    assert all("warned_at" in attempt for attempt in campaign.attempts() if attempt["outcome"] != "done")
    assert set(psutil.Process().children()) <= others
    monkeypatch.undo()
    run_shard(shard._spec, job_id="17")  # requeued
    assert ends(campaign) == {"a": DONE, "b": DONE, "c": DONE}


@pytest.mark.parametrize(
    ("elapsed", "first", "second"),
    [("58:30", DONE, ("timeout", "timeout")), ("10:00", *[("preempted", "preempted")] * 2)],
)
def test_files_get_longer_when_the_time_is_up_than_before_a_preemption(
    campaign, harm, while_folding, monkeypatch, tmp_path, elapsed, first, second
):
    def leave():
        monkeypatch.setenv("SLURM_JOB_ID", "17")
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
        resumed.start()
        task.checkpoint()
        raise EndOfJobError

    (tmp_path / "squeue").write_text(f"#!/bin/sh\necho {elapsed} 1:00:00\n")
    (tmp_path / "squeue").chmod(0o755)
    monkeypatch.setattr(behind, "_GRACE", 0.5)
    harm("a", before=psutil.Process.suspend)
    while_folding("b", leave)
    task = ShardTask(tmp_path / "none.json")
    task._shard = shard = Shard(spec_of(campaign), job_id="17")
    resumed = threading.Timer(3.0, lambda: child_of(shard).resume())
    with pytest.raises(EndOfJobError):
        shard.run()
    resumed.cancel()
    assert ends(campaign) == {"a": first, "b": second}


def test_an_end_that_cannot_be_recorded_ends_the_shard_and_loses_no_complex(campaign, harm, while_folding):
    def fill_the_disk():
        full = os.open("/dev/full", os.O_WRONLY)
        os.dup2(full, shard._ledger._file)
        os.close(full)
        child_of(shard).resume()

    campaign.write({"a": GOOD, "b": GOOD[::-1]})
    harm("a", before=psutil.Process.suspend)
    while_folding("b", fill_the_disk)
    shard = Shard(spec_of(campaign))
    with pytest.raises(OSError, match="No space left"):
        shard.run()
    assert ends(campaign) == {"a": (None, None), "b": (None, None)}
    settle(shard._spec, failed("OSError: No space left on device"))
    assert ends(campaign) == {"a": DONE, "b": DONE}


def test_the_end_of_the_process_waits_for_the_complex_before(campaign, while_folding):
    def lose_the_gpu():
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    while_folding("b", lose_the_gpu)
    with pytest.raises(RuntimeError):
        run_shard(spec_of(campaign))
    assert ends(campaign) == {"a": DONE, "b": ("crashed", "killed")}


def test_a_requeued_job_knows_what_was_finished_without_a_word(campaign):
    run_shard(spec_of(campaign))
    start(spec_of(campaign), "a", job_id="17")
    run_shard(spec_of(campaign), job_id="17")
    assert campaign.tries() == {"a": ["done", "done"], "b": ["done"], "c": ["done"]}

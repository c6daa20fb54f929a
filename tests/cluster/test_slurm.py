"""The predict stage on a real SLURM. Slow: every job imports torch, which takes seconds."""

import subprocess
import threading
import time

import pytest
from mini_campaign import BAD, GOOD, MiniCampaign

pytestmark = [pytest.mark.slurm, pytest.mark.model]
SLOW = 100_000
"""Diffusion steps that no test waits for."""


@pytest.fixture
def campaign(tmp_path, demo_cache, slurm):
    settings = {"partition": slurm, "cpus_per_task": 1, "mem_gb": 4}
    return MiniCampaign(tmp_path / "results", demo_cache, launcher="slurm", slurm=settings)


def assert_no_jobs_left(seconds=30):
    end = time.monotonic() + seconds
    while left := subprocess.run(["squeue", "-h"], capture_output=True, text=True, check=True).stdout:
        assert time.monotonic() < end, left
        time.sleep(0.5)


def running(campaign, found=lambda attempt: "outcome" not in attempt, seconds=120):
    """Wait for an attempt, and return it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if got := [a for a in campaign.attempts() if found(a)]:
            return got[0]
        time.sleep(0.2)
    raise AssertionError("no attempt was recorded")


def while_running(campaign, act):
    """Predict, and call `act` with the first attempt under way."""
    thread = threading.Thread(target=lambda: act(running(campaign)))
    thread.start()
    table = campaign.run()
    thread.join()
    return table


def test_an_array_of_two_shards(campaign):
    campaign.write({"a": GOOD, "b": GOOD[:1], "c": GOOD[1:]}, [["a", "b"], ["c"]])
    table = campaign.run()
    assert campaign.outcomes(table) == {"a": "done", "b": "done", "c": "done"}
    jobs = dict(zip(table["complex_id"].to_pylist(), table["job_id"].to_pylist(), strict=True))
    array, _, task = jobs["a"].partition("_")
    assert (task, jobs["b"], jobs["c"]) == ("0", jobs["a"], f"{array}_1")  # one array, one task per shard
    assert all(seconds >= 0 for seconds in table["queue_seconds"].to_pylist())
    assert campaign.run().equals(table)
    assert_no_jobs_left()


def test_a_mesh_over_two_nodes_folds_and_a_bad_complex_leaves_it_standing(campaign):
    campaign.mesh, campaign.nodes = (1, 2), 2
    campaign.write({"a": GOOD, "bad": BAD, "b": GOOD[:1]})
    table = campaign.run()
    assert campaign.outcomes(table) == {"a": "done", "bad": "bad_input", "b": "done"}
    assert set(table["mesh"].to_pylist()) == {"1x2"}
    assert_no_jobs_left()


def test_a_cancelled_job_is_typed_and_the_other_goes_on(campaign):
    # Only the first shard is slow: its complex is large.
    campaign.settings["steps"] = 60
    campaign.write({"a": ["MKTAYIAKQR" * 30], "b": GOOD[:1], "c": GOOD[1:]}, [["a", "b"], ["c"]])

    def cancel(_):
        attempt = running(campaign, lambda a: a["complex_id"] == "a")
        subprocess.run(["scancel", attempt["job_id"]], check=True)

    table = while_running(campaign, cancel)
    assert campaign.outcomes(table) == {"a": "crashed", "b": "crashed", "c": "done"}
    messages = dict(zip(table["complex_id"].to_pylist(), table["message"].to_pylist(), strict=True))
    assert messages["a"] == "the job was cancelled (scancel)" and messages["b"].startswith(
        "not reached: the job was"
    )


def test_a_killed_process_does_not_hang_the_campaign(campaign, monkeypatch):
    # Without accounting: only the controller can tell what has become of the job.
    monkeypatch.setattr("foldcp.campaign.launch.slurm_queue._sacct", lambda job_id: None)
    monkeypatch.setattr("foldcp.campaign.jobs.MAX_SUBMISSIONS", 1)
    campaign.settings["steps"] = SLOW
    campaign.write({"a": GOOD, "b": GOOD})
    table = while_running(campaign, lambda a: subprocess.run(["kill", "-9", str(a["pid"])], check=True))
    assert campaign.outcomes(table) == {"a": "crashed", "b": "crashed"}
    assert (
        "exit code 137" in table["message"].to_pylist()[0]
        or "exit code 0:9" in table["message"].to_pylist()[0]
    )
    assert_no_jobs_left()


def test_a_job_that_cannot_load_its_model_says_so_once_for_all(campaign):
    campaign.settings["device"] = "cuda"  # the cluster's GPUs are fake
    campaign.write({"a": GOOD, "b": GOOD})
    table = campaign.run()
    assert campaign.outcomes(table) == {"a": "crashed", "b": "crashed"} and not campaign.tries()
    assert all("torch sees no GPU" in message for message in table["message"].to_pylist())
    (script,) = (campaign.folder / "logs").rglob("*_submission.sh")
    for line in ("--gres=gpu:1", "--partition=gpu", "--mem=4GB", "--cpus-per-task=1", "--kill-on-bad-exit=1"):
        assert line in script.read_text()

"""The predict stage on a real SLURM. Slow: every job imports torch, which takes seconds."""

import pytest
from mini_campaign import BAD, GOOD

pytestmark = [pytest.mark.slurm, pytest.mark.model]


def test_an_array_of_two_shards(campaign):
    campaign.write({"a": GOOD, "b": GOOD[:1], "c": GOOD[1:]}, [["a", "b"], ["c"]])
    table = campaign.run()
    assert campaign.outcomes(table) == {"a": "done", "b": "done", "c": "done"}
    jobs = dict(zip(table["complex_id"].to_pylist(), table["job_id"].to_pylist(), strict=True))
    array, _, task = jobs["a"].partition("_")
    assert (task, jobs["b"], jobs["c"]) == ("0", jobs["a"], f"{array}_1")  # one array, one task per shard
    assert all(seconds >= 0 for seconds in table["queue_seconds"].to_pylist())
    assert campaign.run().equals(table)
    campaign.assert_no_job_is_left()


def test_a_mesh_over_two_nodes_folds_and_a_bad_complex_leaves_it_standing(campaign):
    campaign.mesh, campaign.nodes = (1, 2), 2
    campaign.write({"a": GOOD, "bad": BAD, "b": GOOD[:1]})
    table = campaign.run()
    assert campaign.outcomes(table) == {"a": "done", "bad": "bad_input", "b": "done"}
    assert set(table["mesh"].to_pylist()) == {"1x2"}
    campaign.assert_no_job_is_left()


def test_a_job_that_cannot_load_its_model_says_so_once_for_all(campaign):
    campaign.settings["device"] = "cuda"  # the cluster's GPUs are fake
    campaign.write({"a": GOOD, "b": GOOD})
    table = campaign.run()
    assert campaign.outcomes(table) == {"a": "crashed", "b": "crashed"} and not campaign.tries()
    assert all("torch sees no GPU" in message for message in table["message"].to_pylist())
    (script,) = (campaign.folder / "logs").rglob("*_submission.sh")
    for line in ("--gres=gpu:1", "--partition=gpu", "--mem=4GB", "--cpus-per-task=1", "--kill-on-bad-exit=1"):
        assert line in script.read_text()

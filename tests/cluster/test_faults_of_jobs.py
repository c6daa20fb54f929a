"""Faults of whole jobs: killed, cancelled, and the process that follows them killed or interrupted."""

import os
import signal

import pytest
from cluster.harness import BIG, ask, pin, release, shim, wait_for
from mini_campaign import GOOD

from foldcp.campaign.retry import chosen, give_new_tries

pytestmark = [pytest.mark.slurm, pytest.mark.model]


def test_killed_and_cancelled_jobs_without_accounting(campaign, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    shim(tmp_path / "bin", "sacct", "echo 'Slurm accounting storage is disabled' >&2; exit 1")
    campaign.settings["attempts"] = {"killed": 2, "cancelled": 1}
    shards = [["killed", "after1"], ["cancelled", "after2"], ["calm"]]
    big = {"killed": BIG, "cancelled": BIG}
    campaign.write({**big, "after1": GOOD, "after2": GOOD[:1], "calm": GOOD[1:]}, shards)
    head = campaign.head()
    killed, cancelled = campaign.catch("killed", "cancelled")
    os.kill(killed["pid"], signal.SIGKILL)
    pin(cancelled)
    ask("scancel", cancelled["job_id"])
    assert head.ended() == 0

    assert campaign.ends("killed") == [("crashed", "killed"), ("done", "done")]
    assert campaign.ends("cancelled") == [("crashed", "cancelled")]  # as often as was allowed
    for name in ("after1", "after2", "calm"):
        assert campaign.ends(name) == [("done", "done")]
    table = campaign.table()
    assert "scancel" in table["cancelled"]["message"]
    assert {name for name, row in table.items() if row["outcome"] == "done"} == set(table) - {"cancelled"}
    not_started = [a for a in campaign.attempts() if "started_at" not in a]
    assert {(a["complex_id"], a["cause"]) for a in not_started} == {
        ("after1", "not_reached"),
        ("after2", "not_reached"),
    }
    give_new_tries(campaign.folder, chosen(campaign.folder, ["crashed"], []))
    campaign.run()
    assert campaign.ends("cancelled") == [("crashed", "cancelled"), ("done", "done")]
    assert all(len(campaign.ends(name)) == 1 for name in ("after1", "after2", "calm"))
    campaign.assert_rerun_does_nothing()


def test_ctrl_c_cancels_the_jobs_and_a_killed_campaign_finds_them_again(campaign):
    campaign.write({"a": BIG, "b": GOOD, "c": GOOD[1:]}, [["a", "b"], ["c"]])
    head = campaign.head()
    (a,) = campaign.catch("a")
    pin(a)
    wait_for(lambda: campaign.ends("c") == [("done", "done")], "c")
    head.process.send_signal(signal.SIGINT)
    assert head.ended(60) != 0
    campaign.assert_no_job_is_left()
    assert campaign.ends("a") == [("crashed", "interrupted")]

    head = campaign.head()
    (a,) = campaign.catch("a")
    head.process.kill()
    head.process.wait()
    submitted, queued = campaign.arrays(), campaign.queued()
    assert len(submitted) == 2 and queued
    head = campaign.head()
    head.says("following 1 jobs that an earlier run has submitted")
    release(a)
    assert head.ended() == 0
    assert campaign.arrays() == submitted  # nothing was submitted twice
    assert campaign.ends("a") == [("crashed", "interrupted"), ("done", "done")]
    assert campaign.ends("b") == campaign.ends("c") == [("done", "done")]
    campaign.assert_rerun_does_nothing()

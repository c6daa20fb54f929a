"""Faults of one rank of a mesh: it is killed, it hangs, it runs out of memory."""

import resource
from datetime import UTC, datetime

import pytest
from cluster.harness import BIG, rank_of, release
from mini_campaign import GOOD

pytestmark = [pytest.mark.slurm, pytest.mark.model]
LARGER = ["MKTAYIAKQR" * 45]
HEADROOM = 4 * 2**20
"""Bytes for what the C library asks for, which aborts without them; far less than the model needs."""


def test_a_rank_that_is_killed_or_hangs_or_lacks_memory_costs_one_try_of_its_complex(campaign):
    campaign.mesh, campaign.max_ranks = (1, 2), 2
    campaign.settings["budget"] = "medium"  # so that there is a smaller one to climb to
    shards = [["killed", "after1"], ["hung", "after2"], ["oom", "after3"]]
    big = {"killed": BIG, "hung": BIG, "oom": LARGER}
    campaign.write({**big, "after1": GOOD, "after2": GOOD[:1], "after3": GOOD[1:]}, shards)
    head = campaign.head()
    killed, hung, oom = campaign.catch("killed", "hung", "oom")
    rank_of(killed, 1).kill()
    release(killed)
    released = datetime.now(UTC)
    release(hung, but=rank_of(hung, 1))
    poor = rank_of(oom, 1)
    resource.prlimit(poor.pid, resource.RLIMIT_AS, (poor.memory_info().vms + HEADROOM,) * 2)
    release(oom)
    assert head.ended() == 0

    assert campaign.ends("killed") == [("crashed", "killed"), ("done", "done")]
    assert campaign.ends("hung") == [("crashed", "hung"), ("done", "done")]
    assert campaign.ends("oom") == [("oom", "oom"), ("done", "done")]
    for name in ("after1", "after2", "after3"):
        assert campaign.ends(name) == [("done", "done")]
    first = {a["complex_id"]: a for a in reversed(campaign.attempts())}
    for name in big:
        assert "rank 1 (row 0, column 1)" in first[name]["message"]
    assert "SIGKILL" in first["killed"]["message"]
    # 45 s of silence; the rest is this machine's load.
    assert (first["hung"]["finished_at"] - released).total_seconds() < 120
    table = campaign.table()
    assert {row["outcome"] for row in table.values()} == {"done"}
    assert (table["oom"]["mesh"], table["oom"]["budget"]) == ("1x2", "small")  # one rung up the ladder
    assert (table["killed"]["mesh"], table["killed"]["budget"]) == ("1x2", "medium")
    campaign.assert_rerun_does_nothing()

"""Jobs that SLURM takes and can never start."""

import pytest
from cluster.harness import SlurmCampaign, ask, wait_for
from mini_campaign import BIN, GOOD

from foldcp.campaign.launch import waits
from foldcp.campaign.status import read_status

pytestmark = [pytest.mark.slurm, pytest.mark.model]


@pytest.fixture
def short(tmp_path, demo_cache, slurm):
    """A campaign whose jobs ask for more time than their partition allows."""
    ask("scontrol", "create", "partitionname=short", "nodes=ALL", "maxtime=5", "state=UP")
    campaign = SlurmCampaign(tmp_path / "results", demo_cache, "short")
    campaign.write({"a": GOOD, "b": GOOD[:1]}, [["a"], ["b"]])
    yield campaign
    campaign.clean_up()
    ask("scontrol", "delete", "partitionname=short")


def test_a_job_over_the_partitions_time_limit_is_given_up_and_says_what_to_do(short, monkeypatch):
    monkeypatch.setattr(waits, "PATIENCE", 8.0)
    lines = []
    table = short.run(say=lines.append)
    assert set(short.outcomes(table).values()) == {"crashed"}
    assert table["cause"].to_pylist() == ["never_started"] * 2
    for message in table["message"].to_pylist():
        assert "predict.slurm.partition" in message and "PartitionTimeLimit" in message
    assert not short.tries()
    assert sum("2 jobs cannot start" in line for line in lines) == 1
    assert all(
        failure.helps.startswith("mend what its message names")
        for failure in read_status(short.folder).failures
    )
    short.assert_no_job_is_left()
    # In another partition they run; nothing of the failure is held against them.
    short.settings["slurm"]["partition"] = "gpu"
    assert set(short.outcomes(short.run()).values()) == {"done"}


def test_a_held_job_is_waited_for_however_long(short, monkeypatch):
    monkeypatch.setattr(waits, "PATIENCE", 8.0)
    held = []

    def mend(line):
        if "asks for more time" in line:
            ask("scontrol", "uhold", *short.arrays())
            ask("scontrol", "update", f"jobid={short.arrays()[0]}", "timelimit=3")
        elif "it is held" in line:
            held.append(line)
            if len(held) == 3:
                ask("scontrol", "release", *short.arrays())

    assert set(short.outcomes(short.run(say=mend)).values()) == {"done"}
    assert len(held) == 3


def test_a_held_job_is_reported_and_goes_on_when_it_is_released(short):
    head = short.head()
    head.says("2 jobs cannot start: it asks for more time than its partition allows", 120)
    state = read_status(short.folder)
    assert state.waits[0].startswith("2 jobs wait (PartitionTimeLimit 2)") and len(state.waits) == 2
    (array,) = short.arrays()
    ask("scontrol", "uhold", array)
    ask("scontrol", "update", f"jobid={array}", "timelimit=3")
    head.says("it is held: let it go with `scontrol release`", 60)
    ask("scontrol", "release", array)
    assert head.ended() == 0
    assert {row["outcome"] for row in short.table().values()} == {"done"}
    wait_for(lambda: read_status(short.folder).waits == [], "an empty queue", 30)
    assert read_status(short.folder).bins[0].name == BIN

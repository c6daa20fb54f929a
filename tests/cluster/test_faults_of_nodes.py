"""What the scheduler does to jobs: a node fails, another job takes the place, the time is up, it restarts."""

import os
import signal

import pytest
from cluster.harness import (
    BIG,
    SlurmCampaign,
    ask,
    await_signal,
    cut_power,
    node_of,
    release,
    restore_power,
    shim,
    start_controller,
    stop_controller,
    wait_for,
)
from mini_campaign import GOOD

pytestmark = [pytest.mark.slurm, pytest.mark.model]


@pytest.fixture
def campaign(tmp_path, demo_cache, slurm):
    """A campaign whose jobs may be preempted; each takes most of the memory of a node."""
    campaign = SlurmCampaign(tmp_path / "results", demo_cache, "low", mem_gb=150)
    yield campaign
    campaign.clean_up()


@pytest.fixture
def power():
    """Nodes whose power a test has cut; they get it back."""
    nodes: list[str] = []
    yield nodes
    for node in nodes:
        restore_power(node)


@pytest.fixture
def controller(slurm):
    yield
    start_controller()


def test_a_job_survives_its_node_preemption_its_time_limit_and_the_controller(
    campaign, power, controller, tmp_path, monkeypatch
):
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    questions = shim(tmp_path / "bin", "squeue")
    campaign.write({"victim": BIG, "after": GOOD[:1], "calm": GOOD}, [["victim", "after"], ["calm"]])
    head = campaign.head()
    (victim,) = campaign.catch("victim")
    wait_for(lambda: campaign.ends("calm") == [("done", "done")], "calm")
    job = victim["job_id"]

    power.append(node_of(job))
    cut_power(power[0])
    restore_power(power[0])

    (victim,) = campaign.catch("victim")  # requeued by SLURM, without warning
    another = ["--partition=gpu", f"--nodelist={node_of(job)}", "--mem=150G", "--output=/dev/null"]
    ask("sbatch", *another, "--job-name=foldcp-test-preemptor", "--wrap=true")
    await_signal(victim, signal.SIGUSR2)

    (victim,) = campaign.catch("victim")
    ask("scontrol", "update", f"jobid={job}", "timelimit=2")
    await_signal(victim, signal.SIGUSR2)
    wait_for(lambda: len(campaign.ends("victim")) == 3 and campaign.ends("victim")[2][0], "its end")
    ask("scontrol", "update", f"jobid={job}", "timelimit=20")

    (victim,) = campaign.catch("victim")
    stop_controller()
    asked = len(questions.read_text().splitlines())
    wait_for(lambda: len(questions.read_text().splitlines()) > asked, "a question to a dead controller", 120)
    start_controller()
    release(victim)
    assert head.ended() == 0

    causes = ["node_failure", "preempted", "timeout", "done"]
    assert campaign.ends("victim") == [(cause, cause) for cause in causes]
    assert campaign.ends("after") == campaign.ends("calm") == [("done", "done")]
    assert {row["outcome"] for row in campaign.table().values()} == {"done"}
    assert len(campaign.arrays()) == 1  # the job itself ran again each time
    campaign.assert_rerun_does_nothing()

import dataclasses
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest
from mini_campaign import BAD, BIN, GOOD, MiniCampaign

from foldcp import tables
from foldcp.campaign.bins import prepare
from foldcp.campaign.jobs import share_out
from foldcp.campaign.launch import launchers
from foldcp.campaign.launch.submissions import Submissions
from foldcp.errors import MissingError, UsageError
from foldcp.predict import session
from foldcp.predict.ledger import Ledger
from foldcp.predict.pardons import pardon
from foldcp.predict.shard import planned
from foldcp.tables.schemas import LEDGER

pytestmark = pytest.mark.model
SLOW = 120
"""Diffusion steps that make one tiny complex take seconds, so that it can be caught at work."""


@pytest.fixture
def campaign(tmp_path, demo_cache):
    return MiniCampaign(tmp_path / "results", demo_cache)


def submissions(campaign):
    return sorted((campaign.folder / "logs").rglob("*.json"))


def wait_until(found, seconds=90):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if (got := found()) is not None:
            return got
        time.sleep(0.05)
    raise AssertionError(f"waited {seconds} s in vain")


def at_work(campaign, other_than=()):
    """Return the attempt under way in another process than these, once a complex is done; None before."""
    attempts = campaign.attempts()
    running = [a for a in attempts if "outcome" not in a and a["pid"] not in other_than]
    return running[0] if running and any(a.get("outcome") == "done" for a in attempts) else None


def assert_each_done_once(campaign, names):
    done = Counter(a["run_key"] for a in campaign.attempts() if a.get("outcome") == "done")
    assert set(campaign.tries()) == set(names) and set(done.values()) == {1} and len(done) == len(names)


def test_every_complex_gets_one_row_and_a_rerun_does_nothing(campaign, monkeypatch):
    campaign.write({"a": GOOD, "b": [*GOOD, "GSGSGSGSGS"], "c": ["GSHMLEDPVA"]}, [["b", "a"], ["c"]])
    table = campaign.run()
    assert campaign.outcomes(table) == {"a": "done", "b": "done", "c": "done"}
    assert set(table["role"].to_pylist()) == {"input"}
    assert tables.read_table(campaign.folder / "06_ledger" / f"{BIN}.parquet", LEDGER).equals(table)
    assert (campaign.folder / "06_predictions" / "a" / "a_model_0.cif").is_file()
    before = campaign.attempts(), submissions(campaign)
    monkeypatch.setattr(launchers.DebugLauncher, "submit", None)  # calling it would fail
    assert campaign.run().equals(table)
    assert (campaign.attempts(), submissions(campaign)) == before


def test_a_failing_complex_has_a_typed_row(campaign):
    campaign.write({"a": GOOD, "bad": BAD, "c": GOOD})
    lines = []
    table = campaign.run(say=lines.append)
    assert campaign.outcomes(table) == {"a": "done", "bad": "bad_input", "c": "done"}
    assert "2/3 done, 1 failed" in lines[-1]


def test_a_changed_sequence_predicts_its_complex_again_and_no_other(campaign):
    campaign.write({"a": GOOD, "b": GOOD})
    campaign.run()
    campaign.write({"a": GOOD, "b": ["MKTAYIAKQR", "GSHMLEDPVG"]})
    assert campaign.outcomes(campaign.run()) == {"a": "done", "b": "done"}
    assert {name: len(tries) for name, tries in campaign.tries().items()} == {"a": 1, "b": 2}


def test_a_lost_ledger_does_not_lose_what_is_done(campaign):
    campaign.write({"a": GOOD})
    campaign.run()
    for file in (campaign.folder / "06_predictions" / "ledger").iterdir():
        file.unlink()
    table = campaign.run()
    assert table["message"].to_pylist() == ["found complete"] and campaign.outcomes(table) == {"a": "done"}


def test_unknown_bins_and_absent_weights_are_said_before_any_job(campaign):
    campaign.write({"a": GOOD})
    with pytest.raises(UsageError, match=f"'big'.*valid: {BIN}"):
        from foldcp.campaign.jobs import run_bin

        run_bin(campaign.folder, "big", campaign.config)
    campaign.settings["model"] = str(campaign.folder / "absent.ckpt")
    with pytest.raises(UsageError, match=r"absent\.ckpt"):
        campaign.run()
    assert not submissions(campaign)


def test_a_job_that_is_preempted_and_then_killed_loses_nothing(campaign):
    campaign.settings |= {"launcher": "local", "steps": SLOW}
    campaign.write({"a": GOOD, "b": GOOD[:1], "c": GOOD[1:]}, [["a", "b", "c"]])
    hit = []

    def strike():
        for number in (signal.SIGUSR2, signal.SIGKILL):
            attempt = wait_until(lambda: at_work(campaign, {a["pid"] for a in hit}))
            hit.append(attempt)
            os.kill(attempt["pid"], number)

    striker = threading.Thread(target=strike)
    striker.start()
    table = campaign.run()
    striker.join()
    assert campaign.outcomes(table) == {"a": "done", "b": "done", "c": "done"}
    ends = {a["attempt"]: a["outcome"] for a in campaign.attempts()}
    assert [ends[attempt["attempt"]] for attempt in hit] == ["preempted", "crashed"]
    assert len(submissions(campaign)) == 2  # submitit itself runs a preempted job again
    assert_each_done_once(campaign, "abc")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "terminated"])
def test_jobs_end_with_the_campaign_and_a_rerun_goes_on(campaign, number):
    campaign.settings |= {"launcher": "local", "steps": SLOW}
    campaign.write({"a": GOOD, "b": ["MKTAYIAKQR" * 12], "c": GOOD[1:]}, [["a", "b", "c"]])
    code = (
        "import sys; from pathlib import Path\n"
        "from foldcp import config; from foldcp.campaign.jobs import run_bin\n"
        "run_bin(Path(sys.argv[1]), sys.argv[2], config.Config.model_validate_json(sys.argv[3]))"
    )
    arguments = [str(campaign.folder), BIN, campaign.config.model_dump_json()]
    with subprocess.Popen([sys.executable, "-c", code, *arguments]) as process:
        attempt = wait_until(lambda: at_work(campaign))
        process.send_signal(number)
    job = attempt["pid"]
    wait_until(
        lambda: None if psutil.pid_exists(job) and psutil.Process(job).status() != "zombie" else True, 10
    )
    assert campaign.tries() == {"a": ["done"], "b": ["crashed"]}
    assert not (campaign.folder / "06_ledger" / f"{BIN}.parquet").exists()
    campaign.settings["launcher"] = "debug"
    assert campaign.outcomes(campaign.run()) == {"a": "done", "b": "done", "c": "done"}
    assert_each_done_once(campaign, "abc")


def test_two_campaigns_do_not_predict_one_bin_together(campaign):
    campaign.write({"a": GOOD, "b": GOOD[:1]})
    lines: list[str] = []
    runs = [threading.Thread(target=campaign.run, kwargs={"say": lines.append}) for _ in range(2)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert any("another process is predicting this bin" in line for line in lines)
    assert_each_done_once(campaign, "ab")


def test_slurm_without_slurm_says_what_to_do(campaign, monkeypatch):
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    campaign.settings["launcher"] = "slurm"
    campaign.write({"a": GOOD})
    with pytest.raises(MissingError, match="no sbatch"):
        campaign.run()


def test_a_bin_on_a_mesh_is_folded_by_ranks_of_its_own(campaign):
    campaign.mesh = (2, 1)
    campaign.settings["launcher"] = "local"
    campaign.write({"a": GOOD, "bad": BAD})
    table = campaign.run()
    assert campaign.outcomes(table) == {"a": "done", "bad": "bad_input"}
    assert table["mesh"].to_pylist() == ["2x1", "2x1"]


@pytest.fixture
def small_device(monkeypatch):
    """A device on which complex `a` runs out of memory in this process; ranks of their own have plenty."""
    fold = session.Session.fold

    def run_out(self, target, folder):
        if target.id == "a" and self.settings.mesh == (1, 1):
            raise MemoryError("CUDA out of memory")
        return fold(self, target, folder)

    monkeypatch.setattr(session.Session, "fold", run_out)


def test_out_of_memory_climbs_to_a_smaller_budget_and_then_to_a_larger_mesh(campaign, small_device):
    campaign.settings["budget"], campaign.max_ranks = "medium", 2
    campaign.write({"a": GOOD, "b": GOOD[:1]})
    table = campaign.run()
    assert campaign.outcomes(table) == {"a": "done", "b": "done"}
    ways = [(a["mesh"], a["budget"], a["outcome"]) for a in campaign.attempts() if a["complex_id"] == "a"]
    assert ways == [("1x1", "medium", "oom"), ("1x1", "small", "oom"), ("1x2", "small", "done")]
    assert campaign.tries()["b"] == ["done"]
    everything = tables.read_table(campaign.folder / "06_attempts" / f"{BIN}.parquet", LEDGER)
    assert everything.num_rows == 4
    row = dict(zip(table["complex_id"].to_pylist(), table.to_pylist(), strict=True))["a"]
    assert len(row["rank_peaks"]) == 2 and max(row["rank_peaks"]) == row["peak_bytes"]


@pytest.mark.parametrize(("at_once", "rounds"), [(None, 1), (2, 1), (1, 2)])
def test_rungs_share_the_jobs_that_a_bin_may_have_at_once(campaign, monkeypatch, at_once, rounds):
    """One complex has climbed a rung, another has not been tried."""
    campaign.settings["budget"] = "medium"
    campaign.write({"a": GOOD, "b": GOOD[:1]})
    work = prepare(campaign.folder, BIN, campaign.config)
    (spec,) = work.specs({"a"}, work.rungs[0])
    ledger = Ledger(spec.ledger, spec.writer(), **spec.common())
    ledger.start("before", **planned(spec.targets[0]))
    ledger.finish("before", "oom")
    submit, shares = launchers.DebugLauncher.submit, []

    def noted(self, specs, ranks, nodes, seconds, share):
        shares.append((self, share))
        return submit(self, specs, ranks, nodes, seconds, share)

    monkeypatch.setattr(launchers.DebugLauncher, "submit", noted)
    monkeypatch.setattr(launchers.DebugLauncher, "at_once", at_once)
    assert campaign.outcomes(campaign.run()) == {"a": "done", "b": "done"}
    assert [share for _, share in shares] == [at_once and 1] * 2
    assert len({launcher for launcher, _ in shares}) == rounds


@pytest.mark.parametrize("at_once", [1, 2, 3, 7, 64, 1000])
@pytest.mark.parametrize("jobs", [[1], [1000], [1, 1], [98, 1], [98, 1, 1], [5, 40, 300]])
def test_shares_keep_the_limit_and_leave_nobody_out(at_once, jobs):
    jobs = jobs[:at_once]
    shares = share_out(at_once, jobs)
    assert min(shares) >= 1 and sum(shares) <= at_once
    assert sum(shares) > at_once - len(jobs)  # nothing is wasted but by rounding
    assert sorted(zip(jobs, shares, strict=True)) == sorted(zip(sorted(jobs), sorted(shares), strict=True))


def test_out_of_memory_on_the_last_rung_is_a_row_that_says_what_helps(campaign, small_device):
    campaign.write({"a": GOOD, "b": GOOD[:1]})
    table = campaign.run()
    assert campaign.outcomes(table) == {"a": "oom", "b": "done"}
    message = dict(zip(table["complex_id"].to_pylist(), table["message"].to_pylist(), strict=True))["a"]
    assert "tried last: 1x1 at budget small" in message and "raise plan.max_ranks" in message
    assert campaign.run().equals(table)  # a rerun does not knock at the same door
    campaign.max_ranks = 2
    assert campaign.outcomes(campaign.run()) == {"a": "done", "b": "done"}


def test_a_campaign_counts_with_the_peaks_it_has_measured(campaign):
    campaign.write(dict.fromkeys("abcde", GOOD[:1]))
    campaign.run()
    measured = [a["peak_bytes"] / a["predicted_peak_bytes"] for a in campaign.attempts()]
    campaign.write({"f": GOOD})
    lines: list[str] = []
    campaign.run(say=lines.append)
    last = campaign.attempts()[-1]
    assert last["peak_correction"] == sorted(measured)[3] > 1
    assert any("times the plan's; counting with that" in line for line in lines)


def test_what_is_pardoned_is_tried_again_and_nothing_else(campaign, small_device):
    campaign.write({"a": GOOD, "b": GOOD[:1]})
    campaign.run()
    pardon(campaign.folder / "06_predictions" / "ledger", ["a"])
    campaign.run()
    assert campaign.tries() == {"a": ["oom", "oom"], "b": ["done"]}


def left_by_a_killed_process(campaign, bin):
    """Write down a submitted job of complex `a`, at work, as if its campaign had died."""
    work = prepare(campaign.folder, BIN, campaign.config)
    (spec,) = work.specs({"a"}, work.rungs[0])
    spec = dataclasses.replace(spec, bin=bin)
    path = campaign.folder / "logs" / "lost.json"
    spec.write(path)
    Ledger(spec.ledger, spec.writer(), **spec.common()).start("lost", **planned(spec.targets[0]))
    Submissions(campaign.folder / "06_ledger" / f".{bin}.jobs").add("local", {path: "1"})


@pytest.mark.parametrize("bin", [BIN, "0000099"], ids=["this bin", "a bin of another plan"])
def test_what_a_killed_campaign_has_left_is_settled_and_counts_for_nothing(campaign, bin):
    campaign.settings["attempts"] = dict.fromkeys(["killed", "cancelled", "preempted"], 1)
    campaign.write({"a": GOOD[:1]})
    left_by_a_killed_process(campaign, bin)
    assert campaign.outcomes(campaign.run()) == {"a": "done"}
    assert campaign.outcomes_of_attempts() == [("crashed", "interrupted"), ("done", "done")]
    assert not Submissions(campaign.folder / "06_ledger" / f".{bin}.jobs").open()


def test_interrupted_while_it_submits_a_campaign_leaves_nothing_open(campaign, monkeypatch):
    campaign.write({"a": GOOD, "b": GOOD[:1]})

    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(Submissions, "add", interrupted)
    with pytest.raises(KeyboardInterrupt):
        campaign.run()
    assert not campaign.tries()
    monkeypatch.undo()
    assert campaign.outcomes(campaign.run()) == {"a": "done", "b": "done"}


def test_how_alignments_are_paired_is_a_setting_of_the_predictions(campaign):
    from foldcp.campaign.bins import settings_of

    how = {"pairing": "complete", "max_rows": 100, "max_paired": 50}
    config = campaign.config
    config = config.model_copy(update={"msa": config.msa.model_copy(update=how)})
    settings = settings_of(config)
    assert {name: getattr(settings, name) for name in how} == how

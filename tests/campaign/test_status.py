import json

import pytest
import typer
from mini_campaign import BIN, GOOD, MiniCampaign
from typer.testing import CliRunner

from foldcp.campaign.launch.progress import hours
from foldcp.campaign.launch.slurm_commands import JobState
from foldcp.campaign.launch.slurm_queue import FOLDER, Snapshot
from foldcp.campaign.status import read_status
from foldcp.cli.status import status
from foldcp.errors import InputError
from foldcp.predict.current import remember, run_keys
from foldcp.predict.ledger import Ledger, new_attempt, now
from foldcp.predict.settings import Settings
from foldcp.tables import sha256_json

app = typer.Typer()
app.command()(status)


@pytest.fixture
def campaign(tmp_path):
    return MiniCampaign(tmp_path / "results", tmp_path)


def folder_of(campaign):
    return campaign.folder / "06_predictions" / "ledger"


@pytest.fixture
def ledger(campaign):
    remember(folder_of(campaign), Settings(), "weights")
    common = {"bin": BIN, "shard": 0, "mesh": "1x1", "budget": "small", "seed": 7, "samples": 1}
    return Ledger(folder_of(campaign), f"{BIN}-00000", **common, foldcp_version="0", submitted_at=now())


def key(campaign, chains=tuple(GOOD)):
    """Return the run key of a complex with what predictions are made with now."""
    return run_keys(folder_of(campaign), {"it": sha256_json(list(chains))})["it"]


@pytest.fixture
def start(campaign, ledger):
    def start(name, chains=tuple(GOOD), **values):
        attempt = new_attempt()
        values = {"run_key": key(campaign, chains), "predicted_seconds": 1.0, **values}
        ledger.start(attempt, complex_id=name, **values)
        return attempt

    return start


def mark(campaign, name):
    """Leave the completion marker of a prediction."""
    folder = campaign.folder / "06_predictions" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "done.json").write_text(json.dumps({"run_key": key(campaign)}))
    return folder


def show(campaign, *options):
    result = CliRunner().invoke(app, [str(campaign.folder), *options])
    assert result.exit_code == 0, result.output
    return result.output


def test_a_folder_that_is_none_is_an_error(campaign):
    with pytest.raises(InputError, match="no such folder"):
        read_status(campaign.folder)


def test_before_the_plan_it_says_how_far_the_campaign_is(campaign):
    campaign.folder.mkdir()
    assert "nothing is computed yet" in show(campaign)
    campaign.write({"a": GOOD})
    (campaign.folder / "05_plan.parquet").unlink()
    assert "stage tokens is done; there is no plan yet" in show(campaign)
    assert "1 complexes" in show(campaign)


def test_while_jobs_run_and_after(campaign, ledger, start):
    campaign.write(dict.fromkeys("abcdef", GOOD))
    assert read_status(campaign.folder).bins[0].waiting == 6
    ledger.finish(start("a"), "done")
    mark(campaign, "a")
    ledger.finish(start("b"), "oom", "too big")
    ledger.never_started("timeout", "not reached", "not_reached", complex_id="c", run_key=key(campaign))
    start("d")
    start("e", pid=2**22 + 1)  # its process is no more
    start("f", pid=2**22 + 1, host="elsewhere")  # nobody here can tell
    (bin,) = read_status(campaign.folder).bins
    assert (bin.planned, bin.done, bin.running, bin.waiting) == (6, 1, 2, 1)
    assert bin.failed == {"oom": 1, "timeout": 1}
    assert bin.seconds_left is not None and bin.hours_planned == pytest.approx(6 / 3600)
    text = show(campaign)
    assert "predicting: 3 of 6 predictions have ended" in text and "1 oom, 1 timeout" in text


def test_a_complex_that_the_plan_cuts_counts_with_its_cut(campaign, ledger):
    campaign.cut = dict.fromkeys("abc", 64)
    campaign.write(dict.fromkeys("abc", GOOD))
    cut = run_keys(folder_of(campaign), {"it": sha256_json(GOOD)}, {"it": 64})["it"]
    assert cut != key(campaign)
    for name in "ab":
        (mark(campaign, name) / "done.json").write_text(json.dumps({"run_key": cut}))
    mark(campaign, "c")  # with all rows: another prediction
    (bin,) = read_status(campaign.folder).bins
    assert (bin.planned, bin.done) == (3, 2)


def test_a_second_attempt_replaces_the_first(campaign, ledger, start):
    campaign.write({"a": GOOD})
    ledger.finish(start("a"), "crashed", "killed")
    ledger.finish(start("a"), "done")
    mark(campaign, "a")
    state = read_status(campaign.folder)
    assert (state.bins[0].done, state.bins[0].failed, state.failures) == (1, {}, [])
    assert "1 of 1 predictions have ended, and none is running" in state.summary


def test_attempts_at_another_version_of_a_complex_do_not_count(campaign, ledger, start):
    campaign.write({"a": GOOD})
    ledger.finish(start("a", chains=["MKTAYIAKQR"]), "done")
    assert read_status(campaign.folder).bins[0].waiting == 1


def test_a_deleted_prediction_is_not_done(campaign, ledger, start):
    campaign.write({"a": GOOD, "b": GOOD})
    for name in "ab":
        ledger.finish(start(name), "done")
        mark(campaign, name)
    assert "2 of 2 predictions have ended" in show(campaign)
    assert "--forcerun" not in show(campaign)
    (mark(campaign, "a") / "done.json").unlink()
    (bin,) = read_status(campaign.folder).bins
    assert (bin.done, bin.lost, bin.waiting) == (1, 1, 1)
    text = show(campaign)
    assert "1 of 2 predictions have ended" in text
    assert "finished predictions no longer in 06_predictions: 1;" in text
    assert "--forcerun predict" in text


def test_an_empty_plan_is_told_apart_from_no_plan(campaign):
    campaign.write({})
    text = show(campaign)
    assert "the plan is empty: no complex is left to predict" in text
    assert "no plan yet" not in text


def test_hours_are_of_ranks_and_rounded(campaign, ledger, start):
    campaign.write({"a": GOOD})
    ledger.finish(start("a"), "crashed", "killed")
    text = show(campaign)
    assert "rank-hours" in text and "GPU" not in text
    assert "< 0.01" in text and "e-0" not in text
    assert [hours(value) for value in (0, 0.25, 9.994, 12.34)] == ["0", "0.25", "9.99", "12.3"]


def test_a_failure_says_what_was_tried_and_what_helps(campaign, ledger, start):
    campaign.write({"a": GOOD, "b": GOOD})
    assert "no complex has failed" in show(campaign, "--failures")
    ledger.finish(start("b"), "oom", "too\nbig", peak_bytes=2**30)
    ledger.finish(
        start("b", mesh="1x2", predicted_peak_bytes=2**29), "oom", "too\nbig", "oom", peak_bytes=2**29
    )
    assert "too big" not in show(campaign)
    assert "may try it again" in show(campaign, "--failures")
    table = campaign.folder / "06_ledger" / f"{BIN}.parquet"
    table.parent.mkdir()
    table.touch()
    (line,) = (line for line in show(campaign, "--failures").splitlines() if line.startswith("b: "))
    assert line == (
        "b: oom; 2 tries on 1x1 small, 1x2 small; peak 1.00 GiB, predicted 0.50 GiB; too big; "
        "helps: raise plan.max_ranks, or plan for GPUs with more memory (plan.gpu)"
    )
    (failure,) = json.loads(show(campaign, "--json"))["failures"]
    assert failure["complex_id"] == "b" and failure["ways"] == ["1x1 small", "1x2 small"]
    assert failure["final"] and failure["helps"] in line


def test_the_cause_decides_what_helps(campaign, ledger, start):
    campaign.write({"a": GOOD, "b": GOOD})
    (campaign.folder / "06_ledger").mkdir()
    (campaign.folder / "06_ledger" / f"{BIN}.parquet").touch()
    ledger.finish(start("a"), "crashed", "cancelled", "cancelled")
    ledger.never_started("oom", "x", "another cause", complex_id="b", run_key=key(campaign))
    lines = show(campaign, "--failures").splitlines()
    assert (
        "a: crashed (cancelled); 1 try on 1x1 small; peak unknown, predicted unknown; cancelled; "
        in lines[-2]
    )
    assert lines[-2].endswith("helps: `foldcp retry` gives it new tries")
    assert "raise plan.max_ranks" in lines[-1] and "0 tries; peak" in lines[-1]


def test_other_settings_make_old_attempts_and_predictions_count_no_more(campaign, ledger, start):
    campaign.write({"a": GOOD, "b": GOOD, "c": GOOD})
    ledger.finish(start("a"), "done")
    mark(campaign, "a")
    ledger.finish(start("b"), "crashed", "killed")
    (bin,) = read_status(campaign.folder).bins
    assert (bin.done, bin.failed, bin.waiting) == (1, {"crashed": 1}, 1)
    remember(folder_of(campaign), Settings(steps=10), "weights")
    (bin,) = read_status(campaign.folder).bins
    assert (bin.done, bin.failed, bin.lost, bin.waiting) == (0, {}, 0, 3)
    remember(folder_of(campaign), Settings(mesh=(1, 2), device="cpu"), "weights")  # changes no prediction
    (bin,) = read_status(campaign.folder).bins
    assert (bin.done, bin.failed) == (1, {"crashed": 1})


def test_a_line_cut_off_by_a_kill_does_not_hide_the_others(campaign, ledger, start):
    campaign.write({"a": GOOD})
    ledger.finish(start("a"), "crashed", "killed")
    (file,) = folder_of(campaign).glob("*.jsonl")
    with file.open("a") as lines:
        lines.write('{"attempt": "x", "compl')
    assert [f.complex_id for f in read_status(campaign.folder).failures] == ["a"]


def test_why_jobs_wait_is_read_from_slurms_last_answer(campaign):
    campaign.write({"a": GOOD})
    folder = campaign.folder / "logs" / "predict" / FOLDER
    folder.mkdir(parents=True)
    (folder / "bin.jobs").write_text("7")
    jobs = {
        "7_0": JobState("PENDING", "0:0", "PartitionTimeLimit"),
        "8": JobState("PENDING", "0:0", "Priority"),
    }
    Snapshot(at=now().timestamp() - 90, arrays=["7", "8"], jobs=jobs).write(folder / "squeue.json")
    state = read_status(campaign.folder)
    assert state.waits[0] == "1 job waits (PartitionTimeLimit 1); SLURM was asked 90 s ago"
    assert state.waits[1].startswith("1 job cannot start: it asks for more time")
    assert state.to_json()["waits"] == state.waits
    printed = CliRunner().invoke(app, [str(campaign.folder)]).stdout
    assert "in SLURM's queue: 1 job waits" in printed and "predict.slurm.partition" in printed

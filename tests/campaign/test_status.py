import pytest
import typer
from mini_campaign import BIN, GOOD, MiniCampaign
from typer.testing import CliRunner

from foldcp.campaign.launch.progress import hours
from foldcp.campaign.status import read_status
from foldcp.cli.status import status
from foldcp.errors import InputError
from foldcp.predict.ledger import Ledger, new_attempt, now
from foldcp.tables import sha256_json

app = typer.Typer()
app.command()(status)


@pytest.fixture
def campaign(tmp_path):
    return MiniCampaign(tmp_path / "results", tmp_path)


@pytest.fixture
def ledger(campaign):
    common = {"bin": BIN, "shard": 0, "mesh": "1x1", "seed": 7, "samples": 1, "foldcp_version": "0"}
    folder = campaign.folder / "06_predictions" / "ledger"
    return Ledger(folder, f"{BIN}-00000", **common, submitted_at=now())


def start(ledger, name, chains=tuple(GOOD), **values):
    key = sha256_json(list(chains))
    attempt = new_attempt()
    ledger.start(attempt, complex_id=name, run_key="k", input_key=key, predicted_seconds=1.0, **values)
    return attempt


def mark(campaign, name):
    """Leave the completion marker of a prediction."""
    folder = campaign.folder / "06_predictions" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "done.json").write_text("{}")
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


def test_while_jobs_run_and_after(campaign, ledger):
    campaign.write(dict.fromkeys("abcdef", GOOD))
    assert read_status(campaign.folder).bins[0].waiting == 6
    ledger.finish(start(ledger, "a"), "done")
    mark(campaign, "a")
    ledger.finish(start(ledger, "b"), "oom", "too big")
    ledger.never_started("timeout", "not reached", complex_id="c", run_key="k", input_key=sha256_json(GOOD))
    start(ledger, "d")
    start(ledger, "e", pid=2**22 + 1)  # its process is no more
    start(ledger, "f", pid=2**22 + 1, host="elsewhere")  # nobody here can tell
    (bin,) = read_status(campaign.folder).bins
    assert (bin.planned, bin.done, bin.running, bin.waiting) == (6, 1, 2, 1)
    assert bin.failed == {"oom": 1, "timeout": 1}
    assert bin.seconds_left is not None and bin.hours_planned == pytest.approx(6 / 3600)
    text = show(campaign)
    assert "predicting: 3 of 6 predictions have ended" in text and "1 oom, 1 timeout" in text


def test_a_second_attempt_replaces_the_first(campaign, ledger):
    campaign.write({"a": GOOD})
    ledger.finish(start(ledger, "a"), "crashed", "killed")
    ledger.finish(start(ledger, "a"), "done")
    mark(campaign, "a")
    state = read_status(campaign.folder)
    assert (state.bins[0].done, state.bins[0].failed, state.failures) == (1, {}, [])
    assert "1 of 1 predictions have ended, and none is running" in state.summary


def test_attempts_at_another_version_of_a_complex_do_not_count(campaign, ledger):
    campaign.write({"a": GOOD})
    ledger.finish(start(ledger, "a", chains=["MKTAYIAKQR"]), "done")
    assert read_status(campaign.folder).bins[0].waiting == 1


def test_a_deleted_prediction_is_not_done(campaign, ledger):
    campaign.write({"a": GOOD, "b": GOOD})
    for name in "ab":
        ledger.finish(start(ledger, name), "done")
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


def test_hours_are_of_ranks_and_rounded(campaign, ledger):
    campaign.write({"a": GOOD})
    ledger.finish(start(ledger, "a"), "crashed", "killed")
    text = show(campaign)
    assert "rank-hours" in text and "GPU" not in text
    assert "< 0.01" in text and "e-0" not in text
    assert [hours(value) for value in (0, 0.25, 9.994, 12.34)] == ["0", "0.25", "9.99", "12.3"]


def test_failures_are_listed_with_their_messages(campaign, ledger):
    campaign.write({"a": GOOD, "b": GOOD})
    assert "no complex has failed" in show(campaign, "--failures")
    ledger.finish(start(ledger, "b"), "bad_input", "no component 'QQQQQ'")
    assert "b: bad_input: no component 'QQQQQ'" in show(campaign, "--failures")
    assert "QQQQQ" not in show(campaign)

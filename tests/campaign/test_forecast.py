"""What `snakemake -n` says would be submitted."""

import json
from dataclasses import replace

import pytest
from mini_campaign import BIN, GOOD, MiniCampaign

from foldcp.campaign.bins import settings_of
from foldcp.campaign.forecast import bin_forecasts, forecast
from foldcp.campaign.launch.slurm import time_limit_minutes
from foldcp.plan.time import OVERHEADS
from foldcp.predict.current import remember
from foldcp.predict.markers import run_key
from foldcp.tables import Provenance, rows_to_table, sha256_json, write_table
from foldcp.tables.schemas import LEDGER


@pytest.fixture
def campaign(tmp_path):
    campaign = MiniCampaign(tmp_path / "results", tmp_path, launcher="slurm")
    campaign.write({"a": GOOD, "b": GOOD[:1], "c": GOOD[1:]})
    remember(campaign.folder / "06_predictions" / "ledger", settings_of(campaign.config), "w")
    return campaign


def key(campaign, chains, weights="w"):
    return run_key(sha256_json(list(chains)), settings_of(campaign.config), weights)


def mark(campaign, name, chains, **changes):
    folder = campaign.folder / "06_predictions" / name
    folder.mkdir(parents=True)
    (folder / "done.json").write_text(json.dumps({"run_key": key(campaign, chains), **changes}))


def fail(campaign, name, chains):
    row = {
        "complex_id": name,
        "bin": BIN,
        "shard": 0,
        "mesh": "1x1",
        "budget": "small",
        "seed": 7,
        "samples": 1,
    }
    row |= {"outcome": "oom", "cause": "oom", "run_key": key(campaign, chains)}
    row["foldcp_version"] = "0"
    table = rows_to_table(LEDGER, [row])
    write_table(campaign.folder / "06_ledger" / f"{BIN}.parquet", LEDGER, table, Provenance())


def the_bin(campaign):
    (found,) = bin_forecasts(campaign.folder, campaign.config)
    return found


def test_everything_is_left_at_first(campaign):
    found = the_bin(campaign)
    assert (found.name, found.planned, found.left, found.jobs) == (BIN, 3, 3, 1)
    assert found.gpu_hours * 3600 == pytest.approx(found.longest_seconds)  # one job on one GPU
    assert found.longest_seconds > OVERHEADS.startup_seconds


def test_what_is_done_or_has_failed_is_not_submitted(campaign):
    before = the_bin(campaign)
    mark(campaign, "a", GOOD)
    fail(campaign, "b", GOOD[:1])
    found = the_bin(campaign)
    assert (found.done, found.failed, found.left) == (1, 1, 1)
    assert found.longest_seconds < before.longest_seconds
    mark(campaign, "c", GOOD[1:])
    assert "nothing to submit; 2 predictions are done, 1 have failed" in forecast(
        campaign.folder, campaign.config
    )


def test_a_complex_that_the_plan_cuts_counts_with_its_cut(campaign, monkeypatch):
    mark(campaign, "a", GOOD)
    assert the_bin(campaign).done == 1
    monkeypatch.setattr("foldcp.campaign.forecast.limit_of", lambda row: 64)
    assert the_bin(campaign).done == 0
    limited = replace(settings_of(campaign.config), msa_rows=64)
    mark(campaign, "b", GOOD[:1], run_key=run_key(sha256_json(GOOD[:1]), limited, "w"))
    assert the_bin(campaign).done == 1


def test_a_marker_of_something_else_does_not_count(campaign):
    mark(campaign, "a", GOOD, run_key="of other weights")
    assert the_bin(campaign).left == 3
    (campaign.folder / "06_predictions" / "ledger" / "current.json").unlink()  # nothing was predicted yet
    assert the_bin(campaign).left == 3


def test_changed_settings_leave_everything_to_do(campaign):
    mark(campaign, "a", GOOD)
    fail(campaign, "b", GOOD[:1])
    campaign.settings["steps"] = 3
    assert the_bin(campaign).left == 3


def test_the_text_names_the_time_limit_that_sbatch_will_get(campaign):
    text = forecast(campaign.folder, campaign.config)
    seconds = the_bin(campaign).longest_seconds - OVERHEADS.startup_seconds
    assert f"{time_limit_minutes(seconds, campaign.config.predict.slurm)}m" in text
    assert "predict.launcher slurm" in text and "in all 1 jobs in 1 arrays for 3 complexes" in text
    campaign.settings["launcher"] = "local"
    assert "none" in forecast(campaign.folder, campaign.config)  # jobs on this machine have no limit


def test_before_there_are_sizes_it_says_what_to_run(campaign):
    (campaign.folder / "04_tokens.parquet").unlink()
    assert "--until plan" in forecast(campaign.folder, campaign.config)

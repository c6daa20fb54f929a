"""`foldcp retry` as a user types it; what it does to a campaign is tested in tests/campaign/test_retry.py."""

import pytest
from mini_campaign import BIN, GOOD, MiniCampaign
from typer.testing import CliRunner

from foldcp.cli.app import app
from foldcp.errors import UsageError
from foldcp.predict.current import remember, run_keys
from foldcp.predict.ledger import Ledger, now
from foldcp.predict.pardons import pardons
from foldcp.predict.settings import Settings
from foldcp.tables import sha256_json


@pytest.fixture
def campaign(tmp_path):
    """A campaign in which `a` ran out of memory and `b` crashed."""
    campaign = MiniCampaign(tmp_path / "results", tmp_path)
    campaign.write({"a": GOOD, "b": GOOD, "c": GOOD})
    folder = campaign.folder / "06_predictions" / "ledger"
    remember(folder, Settings(), "weights")
    key = run_keys(folder, {"it": sha256_json(GOOD)})["it"]
    common = {"bin": BIN, "shard": 0, "mesh": "1x1", "submitted_at": now(), "run_key": key}
    ledger = Ledger(folder, f"{BIN}-00000", **common)
    ledger.never_started("oom", "too big", "oom", complex_id="a")
    ledger.never_started("crashed", "killed", "killed", complex_id="b")
    (campaign.folder / "06_ledger").mkdir()
    (campaign.folder / "06_ledger" / f"{BIN}.parquet").touch()
    return campaign


def retry(campaign, *options):
    return CliRunner().invoke(app, ["retry", str(campaign.folder), *options])


def pardoned(campaign):
    return set(pardons(campaign.folder / "06_predictions" / "ledger"))


def test_classes_and_names_add_up(campaign):
    done = retry(campaign, "--class", "oom", "--complex", "b")
    assert done.exit_code == 0 and done.stdout.splitlines() == ["a: oom: too big", "b: crashed: killed"]
    assert "2 complexes get new tries" in done.stderr and "snakemake" in done.stderr
    assert pardoned(campaign) == {"a", "b"}
    again = retry(campaign, "--all")
    assert again.exit_code == 0 and again.stdout == "" and "nothing to do" in again.stderr


def test_a_dry_run_changes_nothing(campaign):
    done = retry(campaign, "--class", "oom", "--dry-run")
    assert done.exit_code == 0 and done.stdout == "a: oom: too big\n" and "nothing was changed" in done.stderr
    assert not pardoned(campaign) and (campaign.folder / "06_ledger" / f"{BIN}.parquet").exists()


def test_an_unknown_class_changes_nothing(campaign):
    done = retry(campaign, "--class", "oom", "--class", "sad")
    assert isinstance(done.exception, UsageError) and "'sad'" in str(done.exception)
    assert not pardoned(campaign)

import errno
import os
from collections import Counter

import pytest
from mini_campaign import BAD, BIN, GOOD, MiniCampaign

from foldcp.campaign import jobs
from foldcp.predict import session, writer
from foldcp.predict.ledger import Ledger
from foldcp.predict.shard import MAX_DEATHS, ShardSpec, planned, run_shard

pytestmark = pytest.mark.model


@pytest.fixture
def campaign(tmp_path, demo_cache):
    campaign = MiniCampaign(tmp_path / "results", demo_cache)
    campaign.write({"a": GOOD, "bad": BAD, "b": GOOD})
    return campaign


def spec_of(campaign):
    work = jobs._prepare(campaign.folder, BIN, campaign.config)
    names = {target.id for target in work.targets}
    jobs._write_inputs(work, names)
    (spec,) = work.specs(names)
    return spec


def die(spec, name, times=1, job_id=None):
    """Record attempts that started in a process that is no more, and never ended."""
    target = next(target for target in spec.targets if target.id == name)
    for number in range(times):
        Ledger(
            spec.ledger, f"{spec.writer()}-dead{number}", **spec.common() | {"pid": 0}, job_id=job_id
        ).start(f"dead{number}", **planned(target))


def order(campaign):
    return [a["complex_id"] for a in campaign.attempts() if "started_at" in a and a["pid"] == os.getpid()]


def test_a_specification_survives_its_file(campaign, tmp_path):
    spec = spec_of(campaign)
    spec.write(tmp_path / "spec.json")
    assert ShardSpec.read(tmp_path / "spec.json") == spec


def test_a_failing_complex_does_not_stop_its_shard(campaign):
    run_shard(spec_of(campaign), job_id="17")
    assert campaign.tries() == {"a": ["done"], "bad": ["bad_input"], "b": ["done"]}
    bad = next(a for a in campaign.attempts() if a["complex_id"] == "bad")
    assert "QQQQQ" in bad["message"]
    done = next(a for a in campaign.attempts() if a["complex_id"] == "a")
    assert done["job_id"] == "17" and done["peak_bytes"] > 0 and done["predicted_seconds"] == 1.0
    assert done["weights_sha256"] and done["device"] == "cpu"


def test_a_full_disk_is_the_outcome_of_one_complex(campaign, monkeypatch, capsys):
    def full(folded, structure, name, *rest):
        if name == "a":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(folded, structure, name, *rest)

    write = writer.write
    monkeypatch.setattr(writer, "write", full)
    run_shard(spec_of(campaign))
    assert campaign.tries() == {"a": ["crashed"], "bad": ["bad_input"], "b": ["done"]}
    failed = next(a for a in campaign.attempts() if a["complex_id"] == "a")
    assert "the disk is full" in failed["message"]
    assert "Traceback" not in capsys.readouterr().err


def test_what_is_done_is_skipped_and_a_finished_shard_loads_no_model(campaign, monkeypatch):
    campaign.write({"a": GOOD, "b": GOOD})
    run_shard(spec_of(campaign))
    (campaign.folder / "06_predictions" / "b" / "b_model_0.cif").write_text("damaged")
    run_shard(spec_of(campaign))
    assert Counter(order(campaign)) == {"a": 1, "b": 2}

    def load(*args):
        raise AssertionError("loaded a model")

    monkeypatch.setattr(session.Session, "__init__", load)
    run_shard(spec_of(campaign))


def test_a_complex_that_ended_its_process_comes_last(campaign):
    die(spec_of(campaign), "a")
    run_shard(spec_of(campaign))
    assert order(campaign) == ["bad", "b", "a"]
    assert campaign.tries()["a"] == [None, "done"]


def test_a_requeued_job_does_not_blame_the_complex_it_was_at(campaign):
    die(spec_of(campaign), "a", MAX_DEATHS, job_id="17")
    run_shard(spec_of(campaign), job_id="17")
    assert order(campaign) == ["a", "bad", "b"]


def test_a_complex_that_ended_its_process_too_often_is_not_tried_again(campaign):
    die(spec_of(campaign), "a", MAX_DEATHS)
    run_shard(spec_of(campaign))
    assert order(campaign) == ["bad", "b"]
    verdict = next(a for a in campaign.attempts() if a.get("outcome") == "crashed")
    assert verdict["complex_id"] == "a" and f"{MAX_DEATHS} times" in verdict["message"]
    # With another sequence it gets a new chance.
    campaign.write({"a": [*GOOD, "GSGSGSGSGS"], "b": GOOD})
    run_shard(spec_of(campaign))
    assert campaign.tries()["a"][-1] == "done"

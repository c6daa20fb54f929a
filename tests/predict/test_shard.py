import errno
import os
from collections import Counter

import pytest
from mini_campaign import BAD, BIN, GOOD, MiniCampaign

from foldcp.campaign import jobs
from foldcp.campaign.bins import prepare
from foldcp.predict import session, writer
from foldcp.predict.ledger import Ledger
from foldcp.predict.shard import ShardSpec, planned, run_shard

pytestmark = pytest.mark.model


@pytest.fixture
def campaign(tmp_path, demo_cache):
    campaign = MiniCampaign(tmp_path / "results", demo_cache)
    campaign.write({"a": GOOD, "bad": BAD, "b": GOOD})
    return campaign


def spec_of(campaign, **values):
    work = prepare(campaign.folder, BIN, campaign.config)
    names = {target.id for target in work.targets}
    jobs._Rounds(work, campaign.config, print)._write_inputs(names)
    (spec,) = work.specs(names, work.rungs[0], limits=campaign.config.predict.attempts.model_dump(), **values)
    return spec


def start(spec, name, number=0, job_id=None):
    """Record an attempt that started in a process that is no more."""
    target = next(target for target in spec.targets if target.id == name)
    ledger = Ledger(spec.ledger, f"{spec.writer()}-dead{number}", **spec.common() | {"pid": 0}, job_id=job_id)
    ledger.start(f"dead{number}", **planned(target))
    return ledger


def die(spec, name, times=1):
    """Record attempts that started in processes that were killed, as the follower of their job does."""
    for number in range(times):
        start(spec, name, number).finish(f"dead{number}", "crashed", "killed", "killed")


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
    assert campaign.tries()["a"] == ["crashed", "done"]


def test_a_job_that_starts_anew_without_warning_closes_what_it_was_at(campaign):
    start(spec_of(campaign), "a", job_id="17")
    run_shard(spec_of(campaign), job_id="17")
    assert order(campaign) == ["bad", "b", "a"]
    lost = next(a for a in campaign.attempts() if a["pid"] == 0)
    assert (lost["outcome"], lost["cause"]) == ("node_failure", "node_failure")
    assert campaign.tries()["a"] == ["node_failure", "done"]


def test_a_job_that_was_told_to_end_and_starts_anew_was_preempted(campaign):
    start(spec_of(campaign), "a", job_id="17").warned("dead0")
    run_shard(spec_of(campaign), job_id="17")
    assert campaign.tries()["a"] == ["preempted", "done"]


def test_a_requeued_job_repeats_nothing_that_has_ended_for_good(campaign):
    spec = spec_of(campaign)
    run_shard(spec, job_id="17")
    (campaign.folder / "06_predictions" / "b" / "b_model_0.cif").write_text("damaged")
    run_shard(spec, job_id="17")
    assert campaign.tries()["bad"] == ["bad_input"]
    run_shard(spec_of(campaign), job_id="18")  # another submission tries it again
    assert campaign.tries()["bad"] == ["bad_input", "bad_input"]


def test_an_attempt_of_another_job_is_not_for_this_one_to_close(campaign):
    start(spec_of(campaign), "a", job_id="18")
    run_shard(spec_of(campaign), job_id="17")
    assert campaign.tries()["a"] == [None, "done"]


def test_a_complex_that_ended_its_process_too_often_is_not_tried_again(campaign, capsys):
    die(spec_of(campaign), "a", 2)
    run_shard(spec_of(campaign))
    assert order(campaign) == ["bad", "b"]
    assert "ended by killed 2 times" in capsys.readouterr().err
    (refused,) = [a for a in campaign.attempts() if "started_at" not in a]
    assert (refused["outcome"], refused["cause"]) == ("crashed", "killed")
    # With another sequence it gets a new chance.
    campaign.write({"a": [*GOOD, "GSGSGSGSGS"], "b": GOOD})
    run_shard(spec_of(campaign))
    assert campaign.tries()["a"][-1] == "done"


def test_what_cannot_fit_on_the_device_is_not_even_tried(campaign, monkeypatch):
    monkeypatch.setattr(session.Session, "capacity_bytes", 10**8 - 1)  # the plan expects 10**8
    run_shard(spec_of(campaign))
    assert set(campaign.outcomes_of_attempts()) == {("oom", "oom")}
    assert "expects a peak of 0.1 GiB per rank on mesh 1x1" in campaign.attempts()[0]["message"]
    monkeypatch.setattr(session.Session, "capacity_bytes", 10**8)
    run_shard(spec_of(campaign))
    assert campaign.tries()["a"] == ["oom", "done"]


def test_every_attempt_says_where_and_how(campaign):
    run_shard(spec_of(campaign, config_sha256="c0ffee"), job_id="17")
    for attempt in campaign.attempts():
        assert (attempt["mesh"], attempt["budget"], attempt["config_sha256"]) == ("1x1", "small", "c0ffee")
        assert attempt["cause"] == attempt["outcome"] and len(attempt["hosts"]) == 1
    done = next(a for a in campaign.attempts() if a["complex_id"] == "a")
    assert done["rank_peaks"] == [done["peak_bytes"]]

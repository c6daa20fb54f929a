from datetime import timedelta

import pytest
from mini_campaign import BAD, BIN, GOOD, MiniCampaign

from foldcp.campaign.retry import chosen, give_new_tries
from foldcp.campaign.status import read_status
from foldcp.errors import UsageError
from foldcp.predict.ledger import Ledger, new_attempt, now
from foldcp.predict.pardons import pardon, pardons


def test_the_newest_pardon_counts_and_a_cut_line_does_not(tmp_path):
    assert pardons(tmp_path) == {}
    before = now()
    pardon(tmp_path, ["a", "b"])
    pardon(tmp_path, ["b"])
    (file,) = (tmp_path / "pardons").iterdir()
    (tmp_path / "pardons" / "other.jsonl").write_text(
        f'{{"pardoned": ["b"], "at": "{before.isoformat()}"}}\n'
    )
    with file.open("a") as lines:
        lines.write('{"pardoned": ["c"], "at"')
    pardon(tmp_path, ["d"])
    found = pardons(tmp_path)
    assert set(found) == {"a", "b", "d"} and before < found["a"] < found["b"] < found["d"]
    assert found["d"] - before < timedelta(minutes=1)


@pytest.fixture
def campaign(tmp_path, demo_cache):
    """A campaign in which `bad` has failed."""
    campaign = MiniCampaign(tmp_path / "results", demo_cache)
    campaign.write({"a": GOOD, "bad": BAD})
    assert campaign.outcomes(campaign.run()) == {"a": "done", "bad": "bad_input"}
    return campaign


@pytest.mark.model
def test_a_pardoned_complex_is_tried_again_and_no_other(campaign):
    table = campaign.folder / "06_ledger" / f"{BIN}.parquet"
    (failure,) = chosen(campaign.folder, ["bad_input"], [])
    give_new_tries(campaign.folder, [failure])
    assert not table.exists()  # so that Snakemake runs this bin
    (bin,) = read_status(campaign.folder).bins
    assert (bin.failed, bin.waiting) == ({}, 1)
    campaign.run()
    assert {name: len(tries) for name, tries in campaign.tries().items()} == {"a": 1, "bad": 2}
    assert [failure.tries for failure in read_status(campaign.folder).failures] == [1]


@pytest.mark.model
def test_what_is_meant_is_said_or_refused(campaign):
    names = [f.complex_id for f in chosen(campaign.folder, [], [], everything=True)]
    assert names == [f.complex_id for f in chosen(campaign.folder, [], ["bad"])] == ["bad"]
    assert chosen(campaign.folder, ["oom"], []) == []
    with pytest.raises(UsageError, match="which failed complexes"):
        chosen(campaign.folder, [], [])
    with pytest.raises(UsageError, match=r"unknown outcome class 'done'; valid: oom, .*crashed"):
        chosen(campaign.folder, ["done"], [])
    with pytest.raises(UsageError, match="no failed complex 'a'; failed are: bad"):
        chosen(campaign.folder, [], ["a", "bad"])


@pytest.mark.model
def test_tries_before_a_pardon_count_towards_no_limit(tmp_path, demo_cache):
    campaign = MiniCampaign(tmp_path / "results", demo_cache)
    campaign.write({"a": GOOD})
    campaign.run()
    (done,) = campaign.attempts()
    (campaign.folder / "06_predictions" / "a" / "done.json").unlink()
    facts = {
        k: done[k] for k in ("complex_id", "bin", "shard", "mesh", "budget", "run_key", "seed", "samples")
    }
    facts |= {"submitted_at": now(), "foldcp_version": "0"}
    ledger = Ledger(campaign.folder / "06_predictions" / "ledger", f"{BIN}-00000", **facts)
    for _ in range(campaign.config.predict.attempts.killed):
        attempt = new_attempt()
        ledger.start(attempt)
        ledger.finish(attempt, "crashed", "killed", "killed")
    assert campaign.outcomes(campaign.run()) == {"a": "crashed"}
    give_new_tries(campaign.folder, chosen(campaign.folder, [], ["a"]))
    assert campaign.outcomes(campaign.run()) == {"a": "done"}

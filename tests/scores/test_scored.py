"""Scores as they are kept beside a prediction."""

import json
import math
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scores.boltz_twin import write_prediction
from scores.sample_twin import random_sample

from foldcp.errors import InputError, WriteError
from foldcp.scores import SCORING_VERSION, Scored, read_prediction, score
from foldcp.tables.rows import rows_to_table
from foldcp.tables.score_schemas import SCORES_INTERFACES

TRIMER = [("protein", 12), ("protein", 12), ("ligand", 4)]


@settings(max_examples=20, deadline=None)
@given(
    st.integers(0, 10**6),
    st.lists(
        st.tuples(st.sampled_from(["protein", "dna", "ligand"]), st.integers(1, 8)), min_size=1, max_size=4
    ),
    st.booleans(),
)
def test_what_is_loaded_is_what_was_saved(tmp_path_factory, seed, chains, with_errors):
    path = tmp_path_factory.mktemp("scored") / "scores_x.json"
    scored = score([random_sample(seed + k, chains, number=k, with_errors=with_errors) for k in range(2)])
    scored.save(path)
    assert Scored.load(path) == scored
    assert not any(token in path.read_text() for token in ("NaN", "Infinity"))


def test_a_number_that_is_none_never_gets_into_the_file(tmp_path):
    scored = score([random_sample(0, TRIMER)])
    scored.samples[0]["ptm"] = math.nan
    with pytest.raises(ValueError, match="not JSON compliant"):
        scored.save(tmp_path / "scores_x.json")
    assert not list(tmp_path.iterdir())


def test_a_place_where_nobody_may_write(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(WriteError, match="cannot be written"):
        score([random_sample(0, TRIMER)]).save(tmp_path / "file" / "scores_x.json")


def test_the_remark_on_demo_weights_is_kept(tmp_path):
    samples = read_prediction(write_prediction(tmp_path / "x", note="demo weights"))
    scored = score(samples)
    scored.save(tmp_path / "scores_x.json")
    assert Scored.load(tmp_path / "scores_x.json").note == "demo weights"
    assert scored.samples[0]["program"] == "foldcp"


def _changed(**changes):
    return lambda path: path.write_text(json.dumps(json.loads(path.read_text()) | changes))


ODD = {
    "another version": (
        _changed(scoring_version=SCORING_VERSION + 1),
        f"is of version {SCORING_VERSION + 1} of scoring, this is {SCORING_VERSION}",
    ),
    "cut in the middle": (lambda path: path.write_text(path.read_text()[:500]), "holds no scores"),
    "absent": (lambda path: path.unlink(), "holds no scores"),
    "another file": (lambda path: path.write_text("[]"), "holds no scores"),
    "no version": (lambda path: path.write_text("{}"), "holds no scores"),
    "no chains": (_changed(chains=None), "holds no scores"),
    "columns of other lengths": (_changed(chains={"a": [1], "b": []}), "holds no scores"),
}


@pytest.mark.parametrize(("spoil", "message"), ODD.values(), ids=ODD)
def test_a_file_that_is_no_good_is_named(tmp_path, spoil, message):
    path = tmp_path / "scores_x.json"
    score([random_sample(0, TRIMER)]).save(path)
    spoil(path)
    with pytest.raises(InputError, match=f"scores_x.json: {message}"):
        Scored.load(path)


def test_numbers_have_six_decimals_and_counts_none():
    rows = score([random_sample(0, TRIMER, scale=1.0)]).interfaces
    assert all(row["ipsae"] is None or row["ipsae"] == round(row["ipsae"], 6) for row in rows)
    assert {type(row["n_clashes"]) for row in rows} == {int}
    assert {type(row["n0chn"]) for row in rows} == {int, type(None)}


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_no_value(tmp_path, value):
    sample = random_sample(0, TRIMER)
    sample.errors.nres_a[0, 1] = sample.errors.ipsae[0, 1] = sample.chain_ptm[0] = value
    scored = score([replace(sample, ranking_score=value)])
    scored.save(tmp_path / "scores_x.json")
    assert Scored.load(tmp_path / "scores_x.json") == scored
    found = scored.interfaces[0]
    assert (found["nres_a"], found["ipsae"], scored.chains[0]["chain_ptm"]) == (None, None, None)
    assert scored.samples[0]["ranking_score"] is None


def test_the_largest_complexes_are_kept_in_seconds(tmp_path):
    chains = [("protein", 3)] * 140
    scored = score([random_sample(k, chains, number=k, scale=30.0) for k in range(5)])
    assert len(scored.interfaces) == 5 * 140 * 139
    start = time.monotonic()
    scored.save(tmp_path / "scores_x.json")
    loaded = Scored.load(tmp_path / "scores_x.json")
    # Two seconds on a machine that does nothing else; this one may.
    assert time.monotonic() - start < 10
    assert loaded.interfaces == scored.interfaces
    one = [
        row | {"complex_id": "x", "role": "input", "meaningless": False} for row in loaded.interfaces[:100]
    ]
    assert rows_to_table(SCORES_INTERFACES, one).num_rows == 100

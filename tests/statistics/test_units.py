"""What counts as a unit."""

import math

import numpy as np
import pyarrow as pa
import pytest
from made_units import complexes_table, scores_table

from foldcp.statistics.null import significance
from foldcp.statistics.units import classes, distinct, scored


def _units(rows, complexes=(), scores=("iptm",)):
    return distinct(scored({"0000512": scores_table(rows)}, complexes_table(complexes), scores))


def test_complexes_that_share_a_prediction_are_one_unit():
    rows = [{"complex_id": name, "predicted_as": "a", "iptm": 0.5} for name in "abc"]
    assert list(_units(rows).index) == ["a"]


def test_equal_members_predicted_apart_are_units_of_their_own():
    rows = [{"complex_id": "a", "iptm": 0.5}, {"complex_id": "b", "iptm": 0.75}]
    got = _units(rows, [{"complex_id": "b", "same_as": "a", "content_key": "a"}])
    assert got["iptm"].to_dict() == {"a": 0.5, "b": 0.75}


def test_predictions_of_equal_members_are_tested_each():
    complexes = [{"complex_id": name, "same_as": "a", "content_key": "a"} for name in "ab"]
    rows = [{"complex_id": name, "iptm": value} for name, value in (("a", 0.5), ("b", 0.75))]
    rows += [{"complex_id": f"d{i}", "role": "decoy", "iptm": value} for i, value in enumerate((0.25, 0.625))]
    table = scored({"0000512": scores_table(rows)}, complexes_table(complexes), ["iptm"])
    tested = significance(table, distinct(table), ["iptm"], 1)
    assert {row["complex_id"]: row["p_value"] for row in tested} == {"a": 2 / 3, "b": 1 / 3}


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        (("decoy", "input"), "input"),
        (("candidate", "known"), "known"),
        (("decoy", "candidate"), "candidate"),
    ],
)
def test_a_decoy_with_the_content_of_a_complex_is_no_decoy(roles, expected):
    rows = [
        {"complex_id": f"c{i}", "predicted_as": "c0", "role": role, "iptm": 0.5}
        for i, role in enumerate(roles)
    ]
    assert _units(rows)["role"].tolist() == [expected]


@pytest.mark.parametrize("value", [None, math.nan, math.inf])
def test_a_score_that_is_no_number_is_missing(value):
    assert _units([{"complex_id": "a", "iptm": value}])["iptm"].isna().all()


def test_one_chain_has_scores_of_a_chain_only():
    rows = [{"complex_id": "a", "n_chains": 1, "iptm": 0.0, "ipsae_max": 0.0, "confidence_score": 0.7}]
    got = _units(rows, scores=("iptm", "ipsae_max", "confidence_score"))
    assert got[["iptm", "ipsae_max"]].isna().all(axis=None)
    assert got["confidence_score"].tolist() == [0.7]


def test_an_unknown_number_of_chains_hides_nothing():
    assert _units([{"complex_id": "a", "n_chains": None, "iptm": 0.4}])["iptm"].tolist() == [0.4]


def test_counts_of_pairs_become_numbers():
    assert (
        _units([{"complex_id": "a", "n_contacts": 12}], scores=("n_contacts",)).loc["a", "n_contacts"] == 12
    )


def test_parts_keep_the_names_of_their_bins_and_no_order_of_rows_matters():
    parts = {
        name: scores_table([{"complex_id": f"{name}{i}", "iptm": i / 9} for i in range(5)]) for name in "yx"
    }
    got = scored(parts, complexes_table([]), ["iptm"])
    assert got["bin"].tolist() == ["x"] * 5 + ["y"] * 5
    turned = {name: part.take(pa.array([4, 2, 0, 1, 3])) for name, part in reversed(parts.items())}
    assert scored(turned, complexes_table([]), ["iptm"]).equals(got)


def test_no_parts_are_no_units():
    assert distinct(scored({}, complexes_table([]), ["iptm"])).empty


@pytest.mark.parametrize(("candidates", "n", "n_positive"), [(False, 2, 1), (True, 4, 2)])
def test_candidates_are_negatives_where_a_screen_says_so(candidates, n, n_positive):
    rows = [
        {"complex_id": role, "role": role, "iptm": 0.5} for role in ("input", "known", "candidate", "decoy")
    ]
    made = _units(rows, [{"complex_id": "decoy", "role": "decoy", "matched_to": "known"}])
    values, positive = classes(made, "iptm", candidates)
    assert len(values) == n and positive.sum() == n_positive
    assert np.all(values == 0.5)


def test_complexes_without_a_scored_decoy_have_no_class():
    # d2's original was not scored, c1's decoy was not; c0 is served by the prediction of c.
    rows = [{"complex_id": name, "iptm": v} for name, v in (("c", 0.9), ("c1", 0.8), ("homomer", 0.99))]
    rows += [{"complex_id": "c0", "predicted_as": "c", "iptm": 0.9}]
    rows += [{"complex_id": name, "role": "decoy", "iptm": 0.1} for name in ("d0", "d2")]
    decoys = {"d0": "c0", "d1": "c1", "d2": "lost"}
    made = _units(
        rows, [{"complex_id": name, "role": "decoy", "matched_to": of} for name, of in decoys.items()]
    )
    assert made["matched"].to_dict() == {"c": True, "c1": False, "d0": False, "d2": False, "homomer": False}
    values, positive = classes(made, "iptm", False)
    assert sorted(zip(values.tolist(), positive.tolist(), strict=True)) == [
        (0.1, False),
        (0.1, False),
        (0.9, True),
    ]

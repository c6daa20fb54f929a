"""Two campaigns: who is paired with whom, and a planted shift."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest

from foldcp.errors import InputError
from foldcp.statistics.compare import Scored, compare, paired


def _side(values, keys=("content_key",), score="iptm", **columns):
    n = len(values)
    names = [f"c{i:03}" for i in range(n)]
    common = {"complex_id": names, "unit": names, "role": "input", "meaningless": False}
    said = {key: [f"{key} {i}" for i in range(n)] for key in keys}
    return Scored(pd.DataFrame({**common, **said, score: np.asarray(values, float), **columns}), tuple(keys))


def _one(first, second, seed=7):
    (row,) = compare(first, second, ["iptm"], seed).to_pylist()
    return row


def test_by_hand():
    row = _one(_side([0.1, 0.2, 0.3, 0.4, 0.5]), _side([0.2, 0.4, 0.6, 0.8, 0.4]))
    assert (row["n_pairs"], row["n_first_higher"], row["n_second_higher"]) == (5, 1, 4)
    assert (row["median_first"], row["median_second"]) == (0.3, 0.4)
    assert row["median_difference"] == pytest.approx(0.2)
    assert row["spearman"] == pytest.approx(5.5 / np.sqrt(10 * 9.5))


def test_a_planted_shift_is_found_and_has_the_sign_of_the_second():
    random = np.random.default_rng(1)
    quality = random.normal(0, 1, 120)
    first, second = (quality + shift + random.normal(0, 0.3, 120) for shift in (0, 0.25))
    row = _one(_side(first), _side(second))
    assert row["low"] < 0.25 < row["high"] and row["low"] > 0
    assert row["p_value"] < 1e-6
    assert row["spearman"] > 0.8
    back = _one(_side(second), _side(first))
    assert back["median_difference"] == -row["median_difference"]


def test_one_outlier_moves_no_median():
    row = _one(_side([0.0] * 21), _side([0.25] * 20 + [100.0]))
    assert [row[k] for k in ("median_difference", "low", "high")] == [0.25] * 3


def test_without_a_shift_p_values_are_uniform_and_intervals_hold_zero():
    p_values, inside = [], 0
    for seed in range(200):
        first, second = np.random.default_rng(seed).standard_normal((2, 40))
        row = _one(_side(first), _side(second), seed)
        p_values.append(row["p_value"])
        inside += row["low"] <= 0 <= row["high"]
    assert kstest(p_values, "uniform").pvalue > 0.05
    assert 0.91 <= inside / 200 <= 0.98


def test_content_pairs_whatever_the_names_and_the_order():
    first = _side([0.1, 0.2, 0.3])
    second = Scored(first.rows.iloc[::-1].assign(complex_id=list("xyz"), unit=list("xyz")), ("content_key",))
    row = _one(first, second)
    assert (row["n_pairs"], row["median_difference"]) == (3, 0)


def test_other_accessions_of_the_same_sequences_pair_by_input():
    keys = ("content_key", "input_key")
    first = _side([0.1, 0.2], keys)
    second = _side([0.3, 0.5], keys, content_key=["content_key 0", "other"])
    pairs = paired(first, second)
    assert pairs[["unit_first", "unit_second"]].to_numpy().tolist() == [["c000", "c000"], ["c001", "c001"]]


def test_what_content_pairs_is_not_paired_again_by_input():
    keys = ("content_key", "input_key")
    first = _side([0.1, 0.2], keys)
    # Of the second, c001 has the content of c000, and c000 its input.
    second = _side([0.3, 0.5], keys, content_key=["other", "content_key 0"])
    assert paired(first, second)[["unit_first", "unit_second"]].to_numpy().tolist() == [["c000", "c001"]]


KEYS = ("content_key", "input_key")


def _twins(*predictions):
    """Return a campaign of predictions of one content, each with its name and input."""
    names, inputs = zip(*predictions, strict=True)
    n = len(names)
    return _side([0.5] * n, KEYS, complex_id=names, unit=names, content_key="same", input_key=inputs)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        # The input says which of the predictions of equal content it is,
        ("a1 b2", "x2 y1", "ay bx"),
        # else the name,
        ("a1 b2", "b3 a4", "aa bb"),
        # else the first is taken.
        ("a1 b2", "x3 y4", "ax"),
        ("a1 b2", "b3", "bb"),
        ("a1 b2", "x2", "bx"),
        ("a1 b2", "a2", "ba"),
    ],
)
def test_predictions_of_equal_content_are_told_apart(first, second, expected):
    sides = [_twins(*(tuple(each) for each in text.split())) for text in (first, second)]
    got = paired(*sides)[["unit_first", "unit_second"]].to_numpy().tolist()
    assert sorted("".join(pair) for pair in got) == expected.split()


def test_a_prediction_is_in_one_pair_only():
    # One prediction of two contents; the second campaign predicts them apart.
    first = _side([0.1, 0.1], unit=["u", "u"])
    second = _side([0.2, 0.3])
    assert len(paired(first, second)) == len(paired(second, first)) == 1


def test_without_content_names_pair():
    first, second = _side([0.1, 0.2], ()), _side([0.3, 0.4])
    assert _one(first, second)["n_pairs"] == 2


def test_a_prediction_counts_once_and_decoys_do_not():
    first = _side([0.1, 0.1, 0.3, 0.9], unit=["u", "u", "v", "w"], role=["input"] * 3 + ["decoy"])
    second = _side([0.2, 0.2, 0.3, 0.9], unit=["u", "u", "v", "w"], role=["input"] * 3 + ["decoy"])
    assert _one(first, second)["n_pairs"] == 2


def test_pairs_without_the_score_are_left_out():
    row = _one(_side([0.1, np.nan, 0.3]), _side([0.2, 0.2, np.nan]))
    assert row["n_pairs"] == 1


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "values", [[0.5], [0.5, 0.5], [0.5] * 30, [0.1, 0.1, 0.2, 0.2], [np.nan, np.nan], [0.1, 0.5]]
)
def test_few_or_equal_scores(values):
    row = _one(_side(values), _side(values))
    assert row["p_value"] is None
    assert row["n_first_higher"] == row["n_second_higher"] == 0
    changed = _one(_side(values), _side([v + 0.25 for v in values]))
    assert changed["n_pairs"] == row["n_pairs"]
    assert changed["median_difference"] == (0.25 if row["n_pairs"] else None)


def test_nothing_in_common():
    with pytest.raises(InputError, match="2 and 1 complexes, matched by content_key"):
        compare(_side([0.1, 0.2]), _side([0.1], content_key=["other"]), ["iptm"], 7)


def test_the_seed_decides_the_interval():
    sides = [_side(values) for values in np.random.default_rng(3).random((2, 30))]
    assert _one(*sides) == _one(*sides)
    assert len({_one(*sides, seed=seed)["low"] for seed in range(9)}) > 1

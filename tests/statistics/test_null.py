"""Empirical p- and q-values: by hand, under the null, and on a planted mixture."""

import numpy as np
import pytest
from made_units import units
from scipy.stats import kstest

from foldcp.statistics.null import p_values, significance


def _significance(made, min_decoys=1, scores=("iptm",)):
    rows = made.assign(complex_id=made.index, unit=made.index, meaningless=False)
    return significance(rows, made, scores, min_decoys)


def test_by_hand():
    # Three decoys; 0.9 beats all, 0.5 ties with one and is beaten by one, 0.1 is beaten by all.
    assert p_values(np.array([0.9, 0.5, 0.1]), np.array([0.5, 0.8, 0.2])).tolist() == [1 / 4, 3 / 4, 1]


def test_rows_say_what_they_were_held_against():
    rows = _significance(units([0.9, 0.5], [0.5, 0.8, 0.2]))
    assert [row["complex_id"] for row in rows] == ["u00000", "u00001"]
    assert [(row["value"], row["p_value"], row["n_null"], row["null_bin"]) for row in rows] == [
        (0.9, 0.25, 3, "0000512"),
        (0.5, 0.75, 3, "0000512"),
    ]
    assert [row["q_value"] for row in rows] == [0.5, 0.75]


def test_complexes_without_a_decoy_of_their_own_are_marked():
    made = units([0.9, 0.5], [0.1]).assign(matched=[True, False, False])
    assert [(row["complex_id"], row["matched"]) for row in _significance(made)] == [
        ("u00000", True),
        ("u00001", False),
    ]


def test_a_bin_has_its_own_null_where_it_has_decoys_enough():
    # The decoys of the large bin score low: its complex is good for its size, and only for that.
    made = units([0.5, 0.5], [0.9, 0.9, 0.1, 0.1, 0.1], bins=["s", "l", "s", "s", "l", "l", "l"])
    by_bin = {row["complex_id"]: row for row in _significance(made, 3)}
    assert by_bin["u00001"]["null_bin"] == "l" and by_bin["u00001"]["p_value"] == 1 / 4
    assert by_bin["u00000"]["null_bin"] == "all" and by_bin["u00000"]["n_null"] == 5
    assert by_bin["u00000"]["p_value"] == 3 / 6


def test_under_the_null_p_values_are_uniform():
    """As many p-values as seeds, each with decoys of its own: independent, on a grid of 1/1000."""
    found = []
    for seed in range(200):
        values = np.random.default_rng(seed).standard_normal(1000)
        (row,) = _significance(units(values[:1], values[1:]))
        found.append(row["p_value"])
    assert kstest(found, "uniform").pvalue > 0.05


def test_false_discoveries_stay_below_the_level():
    """A planted mixture: 40 real complexes among 200, 300 decoys; the mean over seeds, at level 0.1."""
    false, power = [], []
    for seed in range(60):
        random = np.random.default_rng(seed)
        complexes = np.concatenate([random.normal(3.5, 1, 40), random.standard_normal(160)])
        rows = _significance(units(complexes, random.standard_normal(300)))
        called = [int(row["complex_id"][1:]) for row in rows if row["q_value"] <= 0.1]
        false.append(sum(i >= 40 for i in called) / max(1, len(called)))
        power.append(sum(i < 40 for i in called) / 40)
    assert np.mean(false) <= 0.1
    assert np.mean(power) > 0.7


def test_known_pairs_do_not_make_candidates_look_better():
    made = units([3, 4, 5, 1.5, -1], np.linspace(0, 2, 99))
    made.loc[["u00000", "u00001", "u00002"], "role"] = "known"
    made.loc[["u00003", "u00004"], "role"] = "candidate"
    better, worse = (row for row in _significance(made) if row["role"] == "candidate")
    assert (better["complex_id"], worse["q_value"]) == ("u00003", 1)
    assert better["q_value"] == 2 * better["p_value"]


def test_q_values_count_a_prediction_once():
    made = units([3, 1], np.linspace(0, 2, 99))
    rows = made[made["role"] == "input"].assign(complex_id=["a", "b"], unit=made.index[:2])
    more = rows.assign(complex_id=["c", "d"])
    alone = significance(rows, made, ["iptm"], 1)
    both = significance(rows.__class__(rows._append(more)), made, ["iptm"], 1)
    assert {r["complex_id"]: r["q_value"] for r in both} == {
        **{r["complex_id"]: r["q_value"] for r in alone},
        "c": alone[0]["q_value"],
        "d": alone[1]["q_value"],
    }


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("positive", "negative", "n"),
    [([0.5, 0.4], [], 0), ([], [0.5, 0.4], 0), ([], [], 0), ([np.nan], [0.5], 0), ([0.5], [np.nan], 0)],
)
def test_nothing_to_test(positive, negative, n):
    assert len(_significance(units(positive, negative))) == n


@pytest.mark.filterwarnings("error")
def test_ties_count_against_the_complex():
    assert [row["p_value"] for row in _significance(units([0.5, 0.5], [0.5, 0.5]))] == [1, 1]

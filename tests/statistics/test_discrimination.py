"""ROC AUC, average precision, enrichment factors: against scikit-learn, by hand, on planted effects."""

import numpy as np
import pytest
from made_units import config, units
from scipy.optimize import brentq
from scipy.stats import norm
from sklearn.metrics import average_precision_score, roc_auc_score

from foldcp.statistics import ranks
from foldcp.statistics.discrimination import discrimination


def _found(made, scores=("iptm",), seed=7, **values):
    return discrimination(made, list(scores), config(**values), seed)


def _one(made, seed=7, **key):
    (row,) = (row for row in _found(made, seed=seed) if key.items() <= row.items())
    return row


def _normals(seed, n_positive, n_negative, shift):
    random = np.random.default_rng(seed)
    return units(random.normal(shift, 1, n_positive), random.standard_normal(n_negative))


@pytest.mark.parametrize("levels", [3, 20, 10**9])
def test_batches_agree_with_scikit_learn(levels):
    """Scikit-learn takes the counts of a resample as weights."""
    random = np.random.default_rng(levels)
    values = random.integers(0, levels, 60) / levels
    positive = random.random(60) < 0.4
    hits, misses = ranks.count(values, positive)
    drawn = (
        random.multinomial(hits.sum(), hits / hits.sum(), 20),
        random.multinomial(misses.sum(), misses / misses.sum(), 20),
    )
    at = np.unique(values)[::-1]
    labels = np.repeat([1, 0], len(at))
    for i in range(20):
        weights = np.concatenate([side[i] for side in drawn])
        ours = ranks.roc_auc(*drawn)[i], ranks.average_precision(*drawn)[i]
        theirs = (
            measure(labels, np.tile(at, 2), sample_weight=weights)
            for measure in (roc_auc_score, average_precision_score)
        )
        assert ours == pytest.approx(tuple(theirs))


def test_complexes_that_cannot_have_a_decoy_are_no_positives():
    """Homomers that score high do not make a score that knows nothing look good."""
    random = np.random.default_rng(2)
    made = units(np.append(random.random(40), np.ones(40)), random.random(40))
    made["matched"] = np.arange(120) < 40
    matched = made[(made["role"] == "decoy") | made["matched"]]
    assert _found(made) == _found(matched)
    assert _one(made, statistic="roc_auc")["n_positive"] == 40


def test_enrichment_by_hand():
    # Of 20 units 5 are complexes; of the best 2, one is: (1/2) / (5/20).
    made = units([20, 17, 16, 10, 9], [19, 18, 15, 14, 13, 12, 11, *range(1, 9)])
    row = _one(made, top_fraction=0.1)
    assert (row["value"], row["n_top"], row["n_top_positive"]) == (2, 2, 1)
    assert (row["n_positive"], row["n_negative"]) == (5, 15)


def test_units_that_tie_are_top_together():
    made = units([20, 10, 10, 1, 1], [10, 10, *[0] * 13])
    row = _one(made, top_fraction=0.1)
    assert (row["n_top"], row["n_top_positive"]) == (5, 3)
    assert row["value"] == pytest.approx((3 / 5) / (5 / 20))


@pytest.mark.parametrize("levels", [4, 10**9])
def test_the_order_of_rows_never_matters(levels):
    random = np.random.default_rng(3)
    made = units(random.integers(0, levels, 40), random.integers(0, levels, 60))
    mixed = made.sample(frac=1, random_state=5)
    assert _found(mixed) == _found(made)


def test_intervals_depend_on_the_seed_and_on_nothing_else():
    made = _normals(1, 50, 50, 1).assign(lis_max=lambda m: m["iptm"])
    first = _found(made)
    assert _found(made) == first
    assert _found(made, ("lis_max", "iptm"))[-len(first) :] == first
    assert _found(made, seed=8)[0]["low"] != first[0]["low"]


def test_the_area_of_two_normals():
    """P(X > Y) for normals a distance of 1.2 apart is Phi(1.2 / sqrt 2)."""
    row = _one(_normals(4, 300, 300, 1.2), statistic="roc_auc")
    assert row["low"] < norm.cdf(1.2 / np.sqrt(2)) < row["high"]
    assert row["high"] - row["low"] < 0.1


def _law(shift, share, top):
    """The enrichment factor at the best share `top` of normals, complexes being a share of all."""
    cut = brentq(lambda c: share * norm.sf(c - shift) + (1 - share) * norm.sf(c) - top, -20, 20)
    return norm.sf(cut - shift) / top


def test_a_planted_enrichment_factor_of_three_is_found():
    shift = brentq(lambda shift: _law(shift, 0.2, 0.1) - 3.0, 0, 10)
    row = _one(_normals(5, 200, 800, shift), top_fraction=0.1)
    assert row["low"] <= 3.0 <= row["high"]
    assert row["value"] == pytest.approx(3.0, abs=0.5)
    # A score that says nothing is not enriched, and an interval that holds both would be no evidence.
    assert row["low"] > 1.5


def test_intervals_cover_at_about_their_level():
    """95 % intervals of 200 samples hold the truth in about so many; where few are top, in no fewer."""
    truths = {
        ("statistic", "roc_auc"): norm.cdf(1 / np.sqrt(2)),
        ("top_fraction", 0.1): _law(1, 0.5, 0.1),
        ("top_fraction", 0.01): _law(1, 0.5, 0.01),
        ("cutoff", 0.203): 2 * norm.sf(0.203 - 1) / (norm.sf(0.203) + norm.sf(0.203 - 1)),
    }
    inside = dict.fromkeys(truths, 0)
    for seed in range(200):
        made = _normals(seed, 100, 100, 1).rename(columns={"iptm": "lis_max"})
        for row in _found(made, ["lis_max"], bootstrap=200):
            for (name, value), truth in truths.items():
                inside[name, value] += row.get(name) == value and row["low"] <= truth <= row["high"]
    share = {name: n / 200 for name, n in inside.items()}
    assert share.pop(("top_fraction", 0.01)) > 0.9
    assert all(0.91 <= got <= 0.99 for got in share.values()), share


def test_a_handful_called_top_is_no_certainty():
    """Two of two called top are complexes: resampling sees no error, Wilson's interval does."""
    row = _one(units(np.linspace(2, 3, 100), np.linspace(0, 1, 100)), top_fraction=0.01)
    assert (row["n_top"], row["value"]) == (2, 2)
    assert row["low"] < 1


def test_gates_by_hand():
    made = units([0.9, 0.7, 0.6, 0.2, 0.1], [0.65, 0.1, 0.1, 0.1, 0.1], "ipsae_max")
    made["pdockq2_max"] = [0.9, 0.1, 0.23, 0.5, np.nan, 0.1, 0.3, 0.1, 0.1, 0.1]
    gates = [row for row in _found(made, ["ipsae_max", "pdockq2_max"]) if "cutoff" in row]
    got = [(r["score"], r["cutoff"], r["n_top"], r["n_top_positive"], r["n_positive"]) for r in gates]
    assert got == [
        ("ipsae_max", 0.6, 2, 2, 4),  # both cut-offs; the unit without one score takes no part
        ("ipsae_max", 0.6, 4, 3, 5),
        ("pdockq2_max", 0.23, 4, 3, 4),
    ]
    assert gates[1]["value"] == pytest.approx((3 / 4) / (5 / 10))
    assert "0.23" in gates[0]["cutoff_source"]


def test_a_gate_that_all_or_none_pass():
    all_pass = [r for r in _found(units([0.9] * 6, [0.8] * 6, "lis_max"), ["lis_max"]) if "cutoff" in r]
    assert [(r["value"], r["n_top"]) for r in all_pass] == [(1, 12)]
    assert not [r for r in _found(units([0.1] * 6, [0.1] * 6, "lis_max"), ["lis_max"]) if "cutoff" in r]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("positive", "negative"),
    [([0.5] * 9, []), ([], [0.5] * 9), ([], []), ([np.nan] * 9, [0.5] * 9), ([0.5] * 9, [np.nan] * 9)],
)
def test_one_class_tells_nothing_apart(positive, negative):
    assert _found(units(positive, negative)) == []


@pytest.mark.filterwarnings("error")
def test_two_units_have_no_interval():
    rows = _found(units([0.9], [0.1]))
    assert [row["value"] for row in rows] == [1, 1, 2, 2, 2]
    assert not any("low" in row for row in rows)
    assert {row["n_bootstrap"] for row in rows} == {0}


@pytest.mark.filterwarnings("error")
def test_a_constant_score_says_nothing():
    rows = _found(units([0.5] * 10, [0.5] * 30))
    assert [row["value"] for row in rows] == [0.5, 0.25, 1, 1, 1]
    assert all(row["low"] <= row["value"] <= row["high"] for row in rows)
    assert {row["n_top"] for row in rows if "n_top" in row} == {40}


def test_missing_values_are_left_out():
    made = units([0.9, 0.8, np.nan], [0.5, 0.4, np.nan])
    row = _one(made, statistic="roc_auc")
    assert (row["n_positive"], row["n_negative"], row["value"]) == (2, 2, 1)

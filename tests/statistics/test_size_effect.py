"""Scores and size: quartiles by hand, a planted decay, and nothing where nothing is."""

import numpy as np
import pytest
from made_units import units
from scipy.stats import kstest

from foldcp.statistics.size_effect import size_effect


def _all(made, role="input"):
    (row,) = (r for r in size_effect(made, ["iptm"]) if r["role"] == role and r["bin"] == "all")
    return row


def test_quartiles_by_hand():
    made = units([1, 2, 3, 4, 5, 9], [], bins=["a"] * 5 + ["b"])
    rows = size_effect(made, ["iptm"])
    assert [(r["bin"], r["n"], r["low"], r["median"], r["high"]) for r in rows] == [
        ("a", 5, 2, 3, 4),
        ("b", 1, 9, 9, 9),
        ("all", 6, 2.25, 3.5, 4.75),
    ]
    assert rows[-1]["spearman"] == 1


def test_a_planted_decay_is_found_in_each_role():
    random = np.random.default_rng(1)
    tokens = random.integers(100, 5000, 300)
    values = -0.5 * np.log2(tokens) + random.standard_normal(300)
    made = units(values[:150], values[150:], tokens=tokens)
    for role in ("input", "decoy"):
        row = _all(made, role)
        assert row["spearman"] < -0.2 and row["p_value"] < 0.01


def test_without_an_effect_p_values_are_uniform():
    found = [_all(units(np.random.default_rng(seed).random(50), []))["p_value"] for seed in range(200)]
    assert kstest(found, "uniform").pvalue > 0.05


def test_roles_are_apart():
    rows = size_effect(units([1, 2, 3], [10, 20, 30]), ["iptm"])
    assert [(r["role"], r["bin"], r["median"]) for r in rows if r["bin"] == "all"] == [
        ("input", "all", 2),
        ("decoy", "all", 20),
    ]


def test_missing_scores_are_counted():
    row = _all(units([0.1, np.nan, 0.3, np.nan], []))
    assert (row["n"], row["n_missing"]) == (2, 2)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("values", "tokens"),
    [([0.5] * 5, None), ([0.1, 0.2], None), ([0.1, 0.2, 0.3], [7, 7, 7]), ([np.nan] * 4, None)],
)
def test_no_correlation_where_there_is_none_to_see(values, tokens):
    row = _all(units(values, [], tokens=tokens))
    assert "spearman" not in row and "p_value" not in row


@pytest.mark.filterwarnings("error")
def test_no_units_no_rows():
    assert size_effect(units([], []), ["iptm"]) == []

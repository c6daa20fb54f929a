"""Curves: the areas under them are the statistics, before and after thinning."""

import numpy as np
import pytest
from made_units import units
from sklearn.metrics import roc_auc_score

from foldcp.statistics.curves import POINTS, curves, thinned


def _drawn(made, score="iptm"):
    rows = curves(made, [score], False)
    return {
        name: np.array([(r["x"], r["y"]) for r in rows if r["curve"] == name]).T for name in ("roc", "pr")
    }, rows


def _normals(n, shift=1.0):
    random = np.random.default_rng(n)
    return units(random.normal(shift, 1, n), random.standard_normal(n))


@pytest.mark.parametrize("n", [20, 5000])
def test_the_thinned_curve_keeps_its_area(n):
    made = _normals(n)
    got, rows = _drawn(made)
    x, y = got["roc"]
    area = roc_auc_score(made["role"] == "input", made["iptm"])
    assert np.trapz(y, x) == pytest.approx(area, abs=1e-3 if n > 100 else 1e-12)
    assert all(len(points[0]) <= POINTS for points in got.values())
    assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
    assert all(np.all(np.diff(points[0]) >= 0) for points in got.values())
    assert rows[0]["threshold"] is None


def test_no_point_that_is_left_out_is_far_from_the_drawn_line():
    random = np.random.default_rng(2)
    x = np.linspace(0, 1, 20_000)
    y = np.clip(x**0.2 + random.normal(0, 1e-3, len(x)), 0, 1)
    kept = thinned(x, y)
    assert len(kept) <= POINTS and kept[0] == 0 and kept[-1] == len(x) - 1
    path = np.abs(np.diff(x)).sum() + np.abs(np.diff(y)).sum()
    # The noise is path, too.
    assert np.max(np.abs(np.interp(x, x[kept], y[kept]) - y)) < path / (POINTS - 1)
    corner = np.flatnonzero(x < 0.01)
    assert np.isin(kept, corner).sum() > 5  # the steep part keeps its points


def test_a_perfect_score_is_two_lines():
    got, _ = _drawn(units([0.9] * 5, [0.1] * 5))
    assert got["roc"].T.tolist() == [[0, 0], [0, 1], [1, 1]]
    assert [1, 1] in got["pr"].T.tolist()


def test_precision_and_recall_by_hand():
    rows = [r for r in curves(units([4, 2], [3, 1]), ["iptm"], False) if r["curve"] == "pr"]
    assert {(r["x"], r["y"], r["threshold"]) for r in rows} >= {(0, 1, None), (0.5, 1, 4), (1, 2 / 3, 2)}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("positive", "negative"), [([0.5], []), ([], [0.5]), ([], []), ([np.nan], [0.5])])
def test_one_class_has_no_curve(positive, negative):
    assert curves(units(positive, negative), ["iptm"], False) == []


@pytest.mark.filterwarnings("error")
def test_a_constant_score_is_the_diagonal():
    got, _ = _drawn(units([0.5] * 3, [0.5] * 9))
    assert got["roc"].T.tolist() == [[0, 0], [1, 1]]

"""ROC and precision-recall curves, thinned to what a figure can show."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import precision_recall_curve, roc_curve

from foldcp.statistics.units import classes

POINTS = 300
"""Most points of a curve."""


def curves(units: pd.DataFrame, scores: Sequence[str], candidates_as_negatives: bool) -> list[dict[str, Any]]:
    """Return the points of both curves of every score that both classes have.

    Parameters
    ----------
    units
        From `foldcp.statistics.units.distinct`.
    scores
        Score columns.
    candidates_as_negatives
        Whether candidates of a screen count as negatives.

    Returns
    -------
    list
        Rows of CURVES without `meaningless`, x ascending. The ends that belong to no score, where nothing is
        called, have no threshold.
    """
    found = []
    for score in scores:
        values, positive = classes(units, score, candidates_as_negatives)
        if not positive.any() or positive.all():
            continue
        x, y, at = roc_curve(positive, values)
        precision, recall, cuts = precision_recall_curve(positive, values, drop_intermediate=True)
        drawn = {
            "roc": (x, y, at),
            # Scikit-learn starts at the lowest threshold, where recall is 1.
            "pr": (recall[::-1], precision[::-1], np.append(cuts, np.inf)[::-1]),
        }
        for curve, points in drawn.items():
            kept = thinned(*points[:2])
            found += [
                {"score": score, "curve": curve, "x": x, "y": y, "threshold": at if np.isfinite(at) else None}
                for x, y, at in zip(*(axis[kept].tolist() for axis in points), strict=True)
            ]
    return found


def thinned(x: np.ndarray, y: np.ndarray, most: int = POINTS) -> np.ndarray:
    """Return the indices of at most `most` points that keep the shape of a curve.

    They are spread evenly along the curve's own path, both ends included, so that a steep part keeps as many
    as a flat one: no point left out is further from a kept one, along the path, than path / (most - 1).
    """
    if len(x) <= most:
        return np.arange(len(x))
    path = np.concatenate([[0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))])
    wanted = np.linspace(0, path[-1], most)
    return np.unique(np.append(np.searchsorted(path, wanted[:-1]), len(x) - 1))

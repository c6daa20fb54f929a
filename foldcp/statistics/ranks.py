"""Statistics of ranked classes, for a batch of samples at once.

Functions of scikit-learn take one sample at a time, which is minutes for a thousand resamples. A sample here
is the units of each class at each distinct value, best first: two arrays (..., m); statistics are (...).
Units of equal value are never told apart, so no order of rows can matter.
"""

from typing import Any

import numpy as np

Counts = tuple[np.ndarray, np.ndarray]
"""Positives and negatives at each distinct value, best first."""


def count(values: np.ndarray, positive: np.ndarray) -> Counts:
    """Return the counts (m,) of one sample, from the value and the class of each unit (n,)."""
    distinct, index = np.unique(-values, return_inverse=True)
    hits, misses = (np.bincount(index[chosen], minlength=len(distinct)) for chosen in (positive, ~positive))
    return hits, misses


def roc_auc(positive: np.ndarray, negative: np.ndarray) -> np.ndarray:
    """Return the area under the ROC curve: P(positive > negative) + P(equal) / 2."""
    above = np.cumsum(positive, axis=-1) - positive / 2
    return (negative * above).sum(-1) / (positive.sum(-1) * negative.sum(-1))


def average_precision(positive: np.ndarray, negative: np.ndarray) -> np.ndarray:
    """Return the mean over positives of the precision at their value."""
    hits = np.cumsum(positive, axis=-1)
    called = hits + np.cumsum(negative, axis=-1)
    # Nothing is called at the best values where a resample holds none of them; no positive is there either.
    return (positive * hits / np.maximum(called, 1)).sum(-1) / positive.sum(-1)


def n_called_top(n: int, fraction: float) -> int:
    """Return how many of `n` a share is, rounded half up, at least one."""
    return max(1, int(np.floor(fraction * n + 0.5)))


def top(positive: np.ndarray, negative: np.ndarray, fraction: float) -> tuple[Any, Any]:
    """Return positives and negatives (...) among the top share, with all that tie with its last.

    Every sample of a batch must be of the same size, as resamples are.
    """
    hits, misses = np.cumsum(positive, axis=-1), np.cumsum(negative, axis=-1)
    wanted = n_called_top(int((hits + misses)[..., -1].max()), fraction)
    last = np.argmax(hits + misses >= wanted, axis=-1)[..., None]
    return tuple(np.take_along_axis(side, last, axis=-1)[..., 0] for side in (hits, misses))  # type: ignore[return-value]


def enrichment(top_positive: Any, top_negative: Any, positive: np.ndarray, negative: np.ndarray) -> Any:
    """Return the enrichment factor of the units called top; NaN where none is."""
    called = np.asarray(top_positive + top_negative, dtype=float)
    share = np.divide(top_positive, called, out=np.full_like(called, np.nan), where=called > 0)
    return share * (positive.sum(-1) + negative.sum(-1)) / positive.sum(-1)


def enrichment_at(positive: np.ndarray, negative: np.ndarray, fraction: float) -> Any:
    """Return the enrichment factor among the top share."""
    return enrichment(*top(positive, negative, fraction), positive, negative)


def enrichment_of_best(positive: np.ndarray, negative: np.ndarray) -> Any:
    """Return the enrichment factor among the units of the best value."""
    return enrichment(positive[..., 0], negative[..., 0], positive, negative)

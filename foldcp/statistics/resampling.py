"""Bootstrap: resamples of two classes, and percentile intervals."""

from collections.abc import Iterator

import numpy as np

LEVEL = 0.95
FEWEST = 5
"""Units below which no interval is given: resampling a handful says nothing of how they spread."""

_ELEMENTS = 2_000_000
"""Counts that one batch of resamples may hold, so that memory does not grow with the campaign."""


def resampled(
    positive: np.ndarray, negative: np.ndarray, n: int, random: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield bootstrap resamples of two classes, drawn apart so that each keeps its number of units.

    Units of one value are alike, so drawing units with replacement is drawing how often each value occurs.

    Parameters
    ----------
    positive, negative
        Units of each class at each distinct value, (m,).
    n
        Resamples.
    random
        Generator.

    Yields
    ------
    positive, negative
        Batches of counts, (b, m).
    """
    shares = [counts / counts.sum() for counts in (positive, negative)]
    batch = max(1, _ELEMENTS // len(positive))
    for start in range(0, n, batch):
        size = min(batch, n - start)
        yield (
            random.multinomial(positive.sum(), shares[0], size=size),
            random.multinomial(negative.sum(), shares[1], size=size),
        )


def interval(replicates: np.ndarray) -> tuple[float | None, float | None]:
    """Return the percentile interval of bootstrap replicates at `LEVEL`.

    Replicates in which the statistic is not defined (NaN) are left out; without any other there is none.
    """
    defined = replicates[np.isfinite(replicates)]
    if not len(defined):
        return None, None
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)

"""Neighbours of points, a bounded number at a time: where all atoms lie in one heap, N² pairs are near."""

from collections.abc import Iterator

import numpy as np
from scipy.spatial import KDTree

_PAIRS = 200_000
"""Pairs per block: 24 bytes each. One point alone may have more."""


def neighbours(
    points: np.ndarray, tree: KDTree, radius: float, block: int = _PAIRS
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield the pairs of a point and a neighbour, all neighbours of a point in the same block.

    Parameters
    ----------
    points
        (Q, 3), in ångströms.
    tree
        Of the points to find, (M, 3).
    radius
        Farthest neighbour, itself included.
    block
        How many pairs a block has room for.

    Yields
    ------
    points, neighbours, distances
        Indices below Q and M, and ångströms, (B,) each; a point that is in the tree is its own neighbour.
    """
    if not len(points):
        return
    ends = np.cumsum(tree.query_ball_point(points, radius, return_length=True))
    start = 0
    while start < len(points):
        before = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + block, side="right")))
        near = KDTree(points[start:stop]).sparse_distance_matrix(tree, radius, output_type="ndarray")
        yield near["i"] + start, near["j"], near["v"]
        start = stop


def by_pair(
    first: np.ndarray, second: np.ndarray, size: int, weights: np.ndarray | None = None
) -> np.ndarray:
    """Return a (size, size) matrix: how often, or with what sum of `weights`, each pair of indices occurs."""
    return np.bincount(first * size + second, weights, size * size).reshape(size, size)

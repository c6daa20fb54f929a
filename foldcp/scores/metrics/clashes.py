"""Clashes: heavy atoms of different chains in one place."""

import numpy as np
from scipy.spatial import KDTree

from foldcp.scores.metrics.neighbours import by_pair, neighbours
from foldcp.scores.sample import HeavyAtoms

CLASH = 1.1
"""Atoms nearer than this, in ångströms, clash (AlphaFold 3, supplementary section 5.9.2)."""


def clashes(atoms: HeavyAtoms, n_chains: int) -> np.ndarray:
    """Return how many pairs of heavy atoms of two chains clash, (C, C), symmetric; 0 on the diagonal."""
    counts = np.zeros((n_chains, n_chains), np.int64)
    for i, j, distance in neighbours(atoms.coord, KDTree(atoms.coord), CLASH):
        clash = (atoms.chain[i] != atoms.chain[j]) & (distance < CLASH)
        counts += by_pair(atoms.chain[i[clash]], atoms.chain[j[clash]], n_chains)
    return counts

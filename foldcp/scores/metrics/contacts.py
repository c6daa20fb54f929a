"""Contacts between residues of different chains: how many, between which residues, of what pLDDT."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import KDTree

from foldcp.scores.metrics.neighbours import by_pair, neighbours
from foldcp.scores.tokens import ScoredTokens

CONTACT = 8.0
"""Two residues are in contact where their Cβ are at most so far apart, in ångströms (pDockQ)."""


@dataclass(frozen=True)
class Contacts:
    """Contacts of one structure, (C, C) for its chains, with nothing on the diagonal.

    Attributes
    ----------
    pairs
        Pairs of residues in contact; symmetric.
    residues
        [a, b]: residues of chain a in contact with chain b.
    plddt
        Mean pLDDT, 0 to 1, of the residues of both chains in contact; NaN where there are none.
    touching
        (N,) whether a token is in contact with any other chain.
    """

    pairs: np.ndarray
    residues: np.ndarray
    plddt: np.ndarray
    touching: np.ndarray


def contacts(tokens: ScoredTokens) -> Contacts:
    """Find the contacts: a KD-tree, and memory of O(tokens + chains²)."""
    size = len(tokens.kinds)
    counted = np.flatnonzero(tokens.counted)
    chain, plddt = tokens.chain[counted], tokens.plddt[counted]
    points = tokens.contact[counted]
    pairs, residues = np.zeros((size, size), np.int64), np.zeros((size, size), np.int64)
    total = np.zeros((size, size))
    touching = np.zeros(len(tokens.chain), bool)
    tree = KDTree(points) if len(points) else None
    for i, j, _ in neighbours(points, tree, CONTACT) if tree else ():
        other = chain[i] != chain[j]
        i, j = i[other], j[other]
        pairs += by_pair(chain[i], chain[j], size)
        # A residue counts once for each chain it touches; all its neighbours are in this block.
        residue, partner = np.divmod(np.unique(i * size + chain[j]), size)
        residues += by_pair(chain[residue], partner, size)
        total += by_pair(chain[residue], partner, size, plddt[residue])
        touching[counted[residue]] = True
    with np.errstate(invalid="ignore"):
        mean = (total + total.T) / (residues + residues.T)
    return Contacts(pairs, residues, mean, touching)


def mean_plddt(tokens: ScoredTokens, of: np.ndarray) -> float:
    """Return the mean pLDDT, 0 to 1, of some tokens, (N,) true or false; NaN for none."""
    return float(tokens.plddt[of].mean()) if of.any() else float("nan")

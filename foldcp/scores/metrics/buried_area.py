"""Buried area: the solvent-accessible surface that chains lose where they touch.

Shrake & Rupley 1973: points on each atom's sphere (its van der Waals radius and a probe of 1.4 Å) are
accessible unless another atom's sphere holds them. Only atoms within reach of another chain can lose any,
and one look at their points gives every pair of chains and the whole complex. Radii and points are those of
`biotite.structure.sasa`.
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import KDTree

from foldcp.scores.metrics.neighbours import by_pair, neighbours
from foldcp.scores.sample import HeavyAtoms

_PROBE = 1.4
_POINTS = 100
_CROWDED = 400
_BLOCK = 50_000
_UNKNOWN = 1.8
"""Radius of an atom of unknown element, in ångströms: between those of carbon and sulphur."""


@dataclass(frozen=True)
class BuriedArea:
    """Areas in Å².

    Attributes
    ----------
    pairs
        (C, C) half of what two chains lose by touching each other; symmetric, 0 on the diagonal.
    chains
        (C,) what each chain loses in the complex.
    """

    pairs: np.ndarray
    chains: np.ndarray

    @property
    def complex(self) -> float:
        """Half of the sum over chains."""
        return float(self.chains.sum() / 2)


def buried_area(atoms: HeavyAtoms, n_chains: int) -> BuriedArea | None:
    """Return the buried areas, in time and memory of O(atoms).

    None where atoms within reach of another chain have more than 400 neighbours on average, five times what
    packed atoms have: they lie in one heap, whose surface means nothing and takes O(atoms²) to find.
    """
    radius = _radii(atoms) + _PROBE
    reach = 2 * float(radius.max())
    tree = KDTree(atoms.coord)
    exposed = _near_other_chains(atoms, tree, reach, n_chains)
    lost_to, lost = np.zeros((n_chains, n_chains)), np.zeros(n_chains)
    points = atoms.coord[exposed]
    if tree.query_ball_point(points, reach, return_length=True).sum() > _CROWDED * len(points):
        return None
    sphere = _sphere(_POINTS)
    for i, j, distance in neighbours(points, tree, reach, _BLOCK):
        i = exposed[i]
        near = (distance < radius[i] + radius[j]) & (i != j)
        if near.any():
            atom, partner, area, losing, whole = _lost(atoms, radius, sphere, i[near], j[near])
            lost_to += by_pair(atoms.chain[atom], partner, n_chains, area)
            lost += np.bincount(atoms.chain[losing], whole, n_chains)
    return BuriedArea((lost_to + lost_to.T) / 2, lost)


def _near_other_chains(atoms: HeavyAtoms, tree: KDTree, reach: float, n_chains: int) -> np.ndarray:
    """Return the atoms that have one of another chain within reach: more neighbours than in their own."""
    near = tree.query_ball_point(atoms.coord, reach, return_length=True)
    for chain in range(n_chains):
        own = np.flatnonzero(atoms.chain == chain)
        points = atoms.coord[own]
        near[own] -= KDTree(points).query_ball_point(points, reach, return_length=True)
    return np.flatnonzero(near)


def _lost(
    atoms: HeavyAtoms, radius: np.ndarray, sphere: np.ndarray, i: np.ndarray, j: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return what atoms `i` lose of the area that their own chain leaves them, by their neighbours `j`.

    Returns
    -------
    atom, partner, area
        Area that an atom loses to one other chain.
    atom, area
        Area that an atom loses to all others.
    """
    order = np.lexsort((atoms.chain[j], i))
    i, j = i[order], j[order]
    # Edges with one atom and one chain of neighbours are a group.
    starts = np.flatnonzero(np.diff(i, prepend=-1) | np.diff(atoms.chain[j], prepend=-1))
    held = np.logical_or.reduceat(_held(atoms.coord, radius, sphere, i, j), starts)
    atom, partner = i[starts], atoms.chain[j[starts]]
    own = partner == atoms.chain[atom]
    each, at = np.unique(atom, return_inverse=True)
    free = np.ones((len(each), len(sphere)), bool)
    free[at[own]] = ~held[own]
    taken = held[~own] & free[at[~own]]
    atom, partner = atom[~own], partner[~own]
    patch = 4 * np.pi * radius**2 / len(sphere)
    first = np.flatnonzero(np.diff(atom, prepend=-1))
    by_any = np.logical_or.reduceat(taken, first) if len(first) else taken
    whole = by_any.sum(axis=1) * patch[atom[first]]
    return atom, partner, taken.sum(axis=1) * patch[atom], atom[first], whole


def _held(
    coord: np.ndarray, radius: np.ndarray, sphere: np.ndarray, i: np.ndarray, j: np.ndarray
) -> np.ndarray:
    """Return (E, points) whether each point on the sphere of atom `i` lies in the sphere of atom `j`."""
    away = coord[j] - coord[i]
    # |r_i p - away|² < r_j², solved for the component of `away` along the point's direction p.
    bound = (radius[i] ** 2 + (away**2).sum(axis=1) - radius[j] ** 2) / (2 * radius[i])
    return away @ sphere.T > bound[:, None]


def _sphere(n: int) -> np.ndarray:
    """Return `n` directions, (n, 3), evenly spread: a golden spiral."""
    z = 1 - (2 * np.arange(n) + 1) / n
    turn = np.pi * (3 - np.sqrt(5)) * np.arange(n)
    flat = np.sqrt(1 - z**2)
    return np.stack([flat * np.cos(turn), flat * np.sin(turn), z], axis=1)


def _radii(atoms: HeavyAtoms) -> np.ndarray:
    """Return van der Waals radii in ångströms, (A,), of atoms with their hydrogens (ProtOr)."""
    found = {key: _radius(*key) for key in set(zip(atoms.residue, atoms.name, atoms.element, strict=True))}
    return np.array([found[key] for key in zip(atoms.residue, atoms.name, atoms.element, strict=True)])


def _radius(residue: str, name: str, element: str) -> float:
    from biotite.structure import info

    try:
        united = info.vdw_radius_protor(residue, name)
    except KeyError:  # a residue that is not in the chemical component dictionary, or has no such atom
        united = None
    return united or info.vdw_radius_single(element) or _UNKNOWN

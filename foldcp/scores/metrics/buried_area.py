"""Buried area: the solvent-accessible surface that chains lose where they touch.

Shrake & Rupley 1973, by biotite: a probe of 1.4 Å rolls over the atoms, whose radii hold their hydrogens
(ProtOr, Tsai et al. 1999).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.spatial import KDTree

from foldcp.scores.sample import HeavyAtoms

_PROBE = 1.4
_POINTS = 100
"""Points on each atom's sphere; ten times as many changed areas of interfaces by under 2 %."""
_CROWDED = 400
_CELLS = 1e7
"""Cells, as wide as atoms reach, in the box around all atoms: a cube of some 1 400 Å has as many."""
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

    None where an atom has more than 400 others within reach on average, five times what packed atoms have:
    they lie in one heap, whose surface means nothing and takes O(atoms²) to find. None as well where they are
    strewn over thousands of ångströms, as a sampler leaves them that has hardly begun: the cells in which
    neighbours are looked for would fill gigabytes.
    """
    radii = _radii(atoms)
    reach = 2 * (float(radii.max()) + _PROBE)
    if np.prod(np.ptp(atoms.coord, axis=0) / reach + 1, dtype=np.float64) > _CELLS:
        return None
    tree = KDTree(atoms.coord)
    if tree.count_neighbors(tree, reach) > _CROWDED * len(atoms.coord):
        return None
    of_chain = [np.flatnonzero(atoms.chain == chain) for chain in range(n_chains)]
    alone, together = np.zeros(len(atoms.coord)), _accessible(atoms.coord, radii)
    for own in of_chain:
        alone[own] = _accessible(atoms.coord[own], radii[own])
    pairs = np.zeros((n_chains, n_chains))
    for a, b in _touching([atoms.coord[own] for own in of_chain], reach):
        both = np.concatenate([of_chain[a], of_chain[b]])
        lost = alone[both].sum() - _accessible(atoms.coord[both], radii[both]).sum()
        pairs[a, b] = pairs[b, a] = lost / 2
    return BuriedArea(pairs, np.bincount(atoms.chain, alone - together, n_chains))


def _accessible(coord: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """Return the accessible area of each atom in the company of the others, (A,)."""
    from biotite.structure import AtomArray, sasa

    atoms = AtomArray(len(coord))
    atoms.coord = coord
    area = sasa(atoms, _PROBE, ignore_ions=False, point_number=_POINTS, vdw_radii=radii)
    return area.astype(np.float64)


def _touching(chains: list[np.ndarray], reach: float) -> Iterator[tuple[int, int]]:
    """Yield the pairs of chains that have atoms within reach of each other."""
    low, high = (np.array([f(coord, axis=0) for coord in chains]) for f in (np.min, np.max))
    apart = (low[:, None] > high + reach).any(axis=2)
    trees = [KDTree(coord) for coord in chains]
    for a, b in np.argwhere(np.triu(~(apart | apart.T), 1)).tolist():
        if trees[a].count_neighbors(trees[b], reach):
            yield a, b


def _radii(atoms: HeavyAtoms) -> np.ndarray:
    """Return van der Waals radii in ångströms, (A,)."""
    keys = list(zip(atoms.residue, atoms.name, atoms.element, strict=True))
    known = {key: _radius(*key) for key in set(keys)}
    return np.array([known[key] for key in keys])


def _radius(residue: str, name: str, element: str) -> float:
    from biotite.structure import info

    try:
        united = info.vdw_radius_protor(residue, name)
    except KeyError:  # a residue that is not in the chemical component dictionary, or has no such atom
        united = None
    return united or info.vdw_radius_single(element) or _UNKNOWN

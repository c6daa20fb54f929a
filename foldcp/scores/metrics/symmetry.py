"""Symmetry of the copies of one sequence: which rotation takes the copies onto each other, and how well.

Each operation of a point group takes the first copy onto another one, and all copies onto copies. So for
each copy one operation is tried: the superposition of the first copy onto it. If all of them work, the
group is cyclic where one operation visits every copy before it returns, and dihedral where one visits half
of them.
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import cdist

from foldcp.scores.sample import HeavyAtoms

_MOST_COPIES = 60
"""Time grows with the square of the copies; the largest point group of proteins, the icosahedral, has 60."""
_TOLERANCE = 0.1
"""Largest deviation that is still called symmetric, as a fraction of the radius of gyration of the copies."""
_FEWEST_RESIDUES = 3


@dataclass(frozen=True)
class Symmetry:
    """Point group, `C<n>` or `D<n>`, and the root mean square deviation from it in ångströms."""

    group: str
    rmsd: float


def symmetry(atoms: HeavyAtoms, kinds: tuple[str, ...]) -> Symmetry | None:
    """Return the symmetry of the sequence with most copies; the earlier one wins a tie.

    None for fewer than 2 or more than 60 copies, for fewer than 3 residues, for no cyclic or dihedral
    symmetry of all copies, and where the deviation is over a tenth of the copies' radius of gyration.
    """
    copies = _copies(atoms, kinds)
    if not 2 <= len(copies) <= _MOST_COPIES or copies.shape[1] < _FEWEST_RESIDUES:
        return None
    copies = copies - copies.mean(axis=(0, 1))
    orders, squares = [], []
    for k in range(1, len(copies)):
        order = _visited(copies, k)
        if order is None:
            return None
        image = _superposed(copies.reshape(-1, 3), copies[order].reshape(-1, 3))
        squares.append(((image - copies[order].reshape(-1, 3)) ** 2).sum(axis=1).mean())
        orders.append(_cycle(order))
    group = _group(len(copies), orders)
    rmsd = float(np.sqrt(np.mean(squares)))
    gyration = float(np.sqrt((copies**2).sum(axis=2).mean()))
    return Symmetry(group, rmsd) if group and rmsd <= _TOLERANCE * gyration else None


def _copies(atoms: HeavyAtoms, kinds: tuple[str, ...]) -> np.ndarray:
    """Return the Cα (or C1') of all copies of the most frequent sequence, (copies, residues, 3)."""
    found: dict[tuple[str, tuple[str, ...]], list[np.ndarray]] = {}
    wanted = np.array(["CA" if kind == "protein" else "C1'" for kind in kinds])[atoms.chain]
    backbone, residues = np.array(atoms.name) == wanted, np.array(atoms.residue)
    for chain, kind in enumerate(kinds):
        if kind != "ligand":
            own = np.flatnonzero(backbone & (atoms.chain == chain))
            found.setdefault((kind, tuple(residues[own].tolist())), []).append(atoms.coord[own])
    return np.array(max(found.values(), key=len, default=np.empty((0, 0, 3))))


def _visited(copies: np.ndarray, k: int) -> np.ndarray | None:
    """Return which copy each one lands on when the first is put onto copy k; None if two land on one."""
    centres = copies.mean(axis=1)
    rotation, shift = _superposition(copies[0], copies[k])
    landed = cdist(centres @ rotation + shift, centres).argmin(axis=1)
    landed[0] = k
    return landed if len(set(landed.tolist())) == len(landed) else None


def _superposed(mobile: np.ndarray, fixed: np.ndarray) -> np.ndarray:
    rotation, shift = _superposition(mobile, fixed)
    return mobile @ rotation + shift


def _superposition(mobile: np.ndarray, fixed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return rotation (3, 3) and shift (3,) so that `mobile @ rotation + shift` is nearest (Kabsch 1976)."""
    centre, target = mobile.mean(axis=0), fixed.mean(axis=0)
    left, _, right = np.linalg.svd((mobile - centre).T @ (fixed - target))
    mirrored = np.linalg.det(left @ right) < 0
    rotation = left @ np.diag([1, 1, -1 if mirrored else 1]) @ right
    return rotation, target - centre @ rotation


def _cycle(order: np.ndarray) -> int | None:
    """Return how often an operation is repeated until every copy is back; None if not all at once."""
    lengths = set()
    for start in range(len(order)):
        at, length = int(order[start]), 1
        while at != start:
            at, length = int(order[at]), length + 1
        lengths.add(length)
    return lengths.pop() if len(lengths) == 1 else None


def _group(n: int, orders: list[int | None]) -> str | None:
    known = [order for order in orders if order is not None]
    if len(known) < len(orders):
        return None
    if max(known) == n:
        return f"C{n}"
    # Half of the copies on each of two rings; no other group has an operation of half its order.
    return f"D{n // 2}" if 2 * max(known) == n else None

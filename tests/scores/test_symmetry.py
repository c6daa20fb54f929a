"""Point groups of copies that are built to have them, nearly have them, or do not."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from foldcp.scores.metrics.symmetry import _cycle, _group, symmetry
from foldcp.scores.sample import HeavyAtoms

RNG = np.random.default_rng(5)
MONOMER = np.cumsum(RNG.normal(0, 2.2, (30, 3)), axis=0) + np.array([25.0, 8.0, 11.0])


def atoms_of(copies, names=None):
    n, length = len(copies), len(copies[0])
    names = names or [["ALA"] * length] * n
    return HeavyAtoms(
        np.concatenate(copies),
        np.repeat(np.arange(n), length),
        ("CA",) * (n * length),
        tuple(name for part in names for name in part),
        ("C",) * (n * length),
    )


def moved(operations, seed=0):
    """Copies of the monomer by each operation, all turned and shifted together, in a random order."""
    rng = np.random.default_rng(seed)
    turn = Rotation.random(random_state=seed)
    copies = [turn.apply(op.apply(MONOMER)) + np.array([3.0, -70.0, 12.0]) for op in operations]
    return [copies[k] for k in rng.permutation(len(copies))]


def group(name):
    return list(Rotation.create_group(name))


def found(copies, **kwargs):
    return symmetry(atoms_of(copies, **kwargs), ("protein",) * len(copies))


@pytest.mark.parametrize("name", ["C2", "C3", "C4", "C6", "C7", "C13", "D2", "D3", "D4", "D7"])
def test_a_point_group_is_found_whatever_the_order_of_copies(name):
    for seed in range(3):
        got = found(moved(group(name), seed))
        assert got.group == name
        assert got.rmsd < 1e-6


@pytest.mark.parametrize("name", ["C5", "D3"])
def test_the_deviation_of_a_nearly_symmetric_complex_is_given(name):
    noise = np.random.default_rng(1)
    copies = [copy + noise.normal(0, 0.5, copy.shape) for copy in moved(group(name))]
    got = found(copies)
    assert got.group == name
    # Two copies differ by 0.5 · √2 in each of three directions.
    assert got.rmsd == pytest.approx(0.5 * 6**0.5, rel=0.15)


@pytest.mark.parametrize("name", ["T", "O"])
def test_a_cubic_group_is_neither_cyclic_nor_dihedral(name):
    assert found(moved(group(name))) is None


def test_no_symmetry_where_copies_lie_anyhow_or_along_a_screw():
    rng = np.random.default_rng(2)
    anyhow = [Rotation.random(random_state=k).apply(MONOMER) + rng.normal(0, 40, 3) for k in range(3)]
    assert found(anyhow) is None
    turn = Rotation.from_euler("z", 60, degrees=True)
    screw = [(turn**k).apply(MONOMER) + np.array([0, 0, 25.0 * k]) for k in range(6)]
    assert found(screw) is None
    assert found(moved(group("C6"))[:5]) is None  # one copy of the ring is missing


@pytest.mark.parametrize("name", ["C2", "C3", "C6", "D2", "D3"])
def test_residues_in_one_plane_are_not_mirrored(name):
    # Three points have two best superpositions, and one of them is a reflection.
    assert found([copy[:3] for copy in moved(group(name))]).group == name


def test_copies_that_trade_places_but_differ_too_much_are_not_symmetric():
    first, second = moved(group("C2"))
    centre = second.mean(axis=0)
    for degrees, symmetric in [(0, True), (4, True), (60, False)]:
        turned = Rotation.from_euler("x", degrees, degrees=True).apply(second - centre) + centre
        assert bool(found([first, turned])) is symmetric


def test_the_most_frequent_sequence_counts():
    ring = moved(group("C3"))
    names = [["ALA"] * 30] * 3 + [["GLY"] * 30] * 2
    pair = [MONOMER + 200, MONOMER + 300]
    assert found(ring + pair, names=names).group == "C3"


def test_an_operation_that_brings_only_some_copies_back_is_of_no_group():
    assert _cycle(np.array([1, 2, 0])) == 3
    assert _cycle(np.array([1, 0, 2])) is None
    assert _group(3, [3, None]) is None


def test_nothing_to_find():
    assert found([MONOMER]) is None
    assert found([part[:2] for part in moved(group("C2"))]) is None
    assert found(moved(group("C64"))) is None
    assert symmetry(atoms_of(moved(group("C2"))), ("ligand", "ligand")) is None
    different = atoms_of(moved(group("C2")), [["ALA"] * 30, ["GLY"] * 30])
    assert symmetry(different, ("protein", "protein")) is None

"""Metrics of structure and pLDDT against a slow count of every pair, formulas, and areas."""

import time
import tracemalloc

import biotite.structure as bs
import numpy as np
import pytest
from scipy.spatial import KDTree
from scores.sample_twin import random_sample

from foldcp.scores.metrics import buried_area as area_module
from foldcp.scores.metrics.buried_area import buried_area
from foldcp.scores.metrics.clashes import clashes
from foldcp.scores.metrics.contacts import contacts
from foldcp.scores.metrics.ilis import ilis
from foldcp.scores.metrics.neighbours import neighbours
from foldcp.scores.metrics.pdockq import pdockq
from foldcp.scores.metrics.pdockq2 import pdockq2
from foldcp.scores.metrics.weakest import best_partners, weakest
from foldcp.scores.sample import HeavyAtoms
from foldcp.scores.tokens import ScoredTokens

MIXED = [("protein", 40), ("rna", 15), ("ligand", 9), ("protein", 30), ("dna", 1)]


def slow_contacts(tokens, a, b):
    in_a, in_b = (np.flatnonzero((tokens.chain == c) & tokens.counted) for c in (a, b))
    gap = np.linalg.norm(tokens.contact[in_a][:, None] - tokens.contact[in_b], axis=-1) <= 8
    plddt = np.concatenate([tokens.plddt[in_a][gap.any(1)], tokens.plddt[in_b][gap.any(0)]])
    return gap.sum(), gap.any(1).sum(), plddt.mean() if gap.any() else np.nan


@pytest.mark.parametrize("scale", [0.0, 1.0, 3.8])
def test_contacts_are_those_of_every_pair(scale):
    tokens = random_sample(3, MIXED, scale=scale).tokens
    found = contacts(tokens)
    for a in range(len(MIXED)):
        for b in range(len(MIXED)):
            expected = slow_contacts(tokens, a, b) if a != b else (0, 0, np.nan)
            got = found.pairs[a, b], found.residues[a, b], found.plddt[a, b]
            np.testing.assert_allclose(got, expected, atol=1e-12)
    assert found.pairs.any()
    touching = [
        tokens.counted[i]
        and any(
            tokens.counted[j]
            and tokens.chain[i] != tokens.chain[j]
            and np.linalg.norm(tokens.contact[i] - tokens.contact[j]) <= 8
            for j in range(len(tokens.chain))
        )
        for i in range(len(tokens.chain))
    ]
    np.testing.assert_array_equal(found.touching, touching)


def test_eight_angstroms_are_a_contact_and_a_clash_is_below_its_limit():
    contact = np.array([[0, 0, 0], [8.0, 0, 0], [0, 0, 8.001]])
    tokens = ScoredTokens(np.arange(3), ("protein",) * 3, np.ones(3, bool), contact, np.ones(3))
    assert contacts(tokens).pairs.tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 0]]
    coord = np.array([[0, 0, 0], [1.1, 0, 0], [0, 1.09, 0]])
    atoms = HeavyAtoms(coord, np.arange(3), ("CA",) * 3, ("ALA",) * 3, ("C",) * 3)
    assert clashes(atoms, 3).tolist() == [[0, 0, 1], [0, 0, 0], [1, 0, 0]]


@pytest.mark.parametrize("block", [1, 7, 1000])
def test_blocks_of_neighbours_hold_each_pair_once_and_a_point_in_one_block(block):
    points = np.random.default_rng(0).random((60, 3))
    blocks = list(neighbours(points[:40], KDTree(points), 0.3, block))
    gap = np.linalg.norm(points[:40, None] - points, axis=-1)
    got = sorted(
        (i, j) for first, second, _ in blocks for i, j in zip(first.tolist(), second.tolist(), strict=True)
    )
    assert got == [tuple(pair) for pair in np.argwhere(gap <= 0.3).tolist()]
    assert sum(len(set(first.tolist())) for first, _, _ in blocks) == 40
    for first, second, distance in blocks:
        np.testing.assert_allclose(distance, gap[first, second])


def test_a_heap_of_atoms_needs_no_memory_of_pairs():
    n = 4000  # 16 million pairs: 380 MB if they were kept
    rng = np.random.default_rng(0)
    chain = np.arange(n) % 2
    atoms = HeavyAtoms(rng.normal(0, 0.1, (n, 3)), chain, ("CA",) * n, ("ALA",) * n, ("C",) * n)
    tokens = ScoredTokens(chain, ("protein",) * 2, np.ones(n, bool), atoms.coord, np.ones(n))
    area_module._radius("ALA", "CA", "C")  # reads the component dictionary, once
    tracemalloc.start()
    assert contacts(tokens).pairs[0, 1] == (n // 2) ** 2
    assert clashes(atoms, 2)[0, 1] == (n // 2) ** 2
    assert buried_area(atoms, 2) is None
    assert tracemalloc.get_traced_memory()[1] < 30e6
    tracemalloc.stop()


def test_pdockq_at_known_points():
    # By hand: half of the range above 0.018 where pLDDT times the logarithm of contacts is 152.611.
    np.testing.assert_allclose(pdockq(np.array([0.76305500]), np.array([100])), 0.018 + 0.362, atol=1e-6)
    np.testing.assert_allclose(
        pdockq(np.array([np.nan, 0.9]), np.array([0, 1])),
        [
            0,
            0.018258,
        ],
        atol=1e-6,
    )


def test_pdockq2_at_known_points():
    np.testing.assert_allclose(
        pdockq2(np.array(0.84733), np.array(1.0), np.array(5)), 0.655 + 0.005, atol=1e-9
    )
    assert pdockq2(np.array(0.9), np.array(np.nan), np.array(0)) == 0
    assert np.isnan(pdockq2(np.array(0.9), np.array(np.nan), np.array(3)))


def test_ilis():
    np.testing.assert_allclose(ilis(*np.array([[0.9, 0.5, np.nan], [0.4, 0, np.nan]])), [0.6, 0, np.nan])


def test_the_best_partner_counts_both_directions_and_the_weakest_chain_is_a_polymer():
    scores = np.array(
        [
            [np.nan, 0.2, 0.0, np.nan],
            [0.6, np.nan, 0.3, np.nan],
            [0.1, 0.3, np.nan, np.nan],
            [np.nan, np.nan, np.nan, np.nan],
        ]
    )
    highest, partner = best_partners(scores)
    np.testing.assert_array_equal(highest, [0.6, 0.6, 0.3, np.nan])
    assert partner.tolist() == [1, 0, 1, -1]
    assert weakest(highest, ("protein", "protein", "rna", "ligand")) == 0.3
    assert weakest(highest, ("protein", "protein", "ligand", "ligand")) == 0.6
    assert np.isnan(weakest(highest[3:], ("protein",)))


def test_buried_area_is_that_of_two_spheres():
    # Two atoms of one radius at distance d lose 2πR(R - d/2) each.
    radius = 1.88 + 1.4
    for distance in (1.0, 3.0, 6.5, 6.6):
        coord = np.array([[0, 0, 0], [distance, 0, 0]])
        got = buried_area(HeavyAtoms(coord, np.array([0, 1]), ("CB",) * 2, ("ALA",) * 2, ("C",) * 2), 2)
        expected = 2 * np.pi * radius * max(0, radius - distance / 2)
        assert got.pairs[0, 1] == pytest.approx(expected, abs=4 * np.pi * radius**2 / 100)
        np.testing.assert_allclose(got.chains, expected, atol=4 * np.pi * radius**2 / 50)
        assert got.complex == pytest.approx(got.pairs[0, 1], abs=1e-4)


def test_buried_area_of_atoms_strewn_over_micrometres_is_not_asked_for():
    # A sampler that has hardly begun leaves them so; neighbours are looked for in cells that fill the box.
    coord = np.array([[0, 0, 0], [5000, 5000, 5000], [5000, 5000, 5003]])
    atoms = HeavyAtoms(coord, np.array([0, 1, 1]), ("CB",) * 3, ("ALA",) * 3, ("C",) * 3)
    started = time.monotonic()
    assert buried_area(atoms, 2) is None
    assert time.monotonic() - started < 1


def test_buried_area_of_pairs_and_of_the_complex_are_areas_lost():
    sample = random_sample(1, [("protein", 60), ("protein", 50), ("ligand", 20)], scale=1.7)
    coord, chain = sample.atoms.coord, sample.atoms.chain
    radii = np.where(chain == 2, 1.7, 1.88)

    def area(*which):
        own = np.isin(chain, which)
        atoms = bs.AtomArray(own.sum())
        atoms.coord = coord[own]
        return bs.sasa(atoms, point_number=2000, ignore_ions=False, vdw_radii=radii[own]).sum()

    got = buried_area(sample.atoms, 3)
    for a, b in ((0, 1), (0, 2), (1, 2)):
        lost = (area(a) + area(b) - area(a, b)) / 2
        assert got.pairs[a, b] == got.pairs[b, a] == pytest.approx(lost, rel=0.05, abs=5)
    assert got.complex == pytest.approx((area(0) + area(1) + area(2) - area(0, 1, 2)) / 2, rel=0.03)
    assert got.pairs[0, 1] > 50


def test_radii_of_atoms_that_nobody_knows():
    atoms = HeavyAtoms(
        np.zeros((4, 3)),
        np.zeros(4, int),
        ("CB", "C1", "ZN", "?"),
        ("ALA", "LIG1", "ZN", "X"),
        ("C", "C", "Zn", "X"),
    )
    assert area_module._radii(atoms).tolist() == pytest.approx([1.88, 1.7, 2.1, 1.8])

"""Interface scores on tiles against a slow reading of the definitions on the whole matrix."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from ops.cases import tile
from ops.interface_cases import NAMES, difference, random_case, reference

from foldcp.mesh import Mesh, Place, peak_live_bytes
from foldcp.ops import interface_sums
from foldcp.ops.interface_scores import interface_scores, rows_of
from foldcp.ops.interface_sums import Residues

MESHES = [(1, 1), (1, 2), (2, 1), (2, 2), (1, 3), (2, 3), (3, 2)]
TOLERANCE = 1e-6


def residues_of(case):
    nucleic = torch.tensor([kind in ("rna", "dna") for kind in case.kinds])
    return Residues.of(*map(torch.tensor, (case.chain, case.counted, case.contact)), nucleic)


def scores_on(mesh, case, breakage=None):
    """Return the scores that this rank gets from its tile alone."""
    n = len(case.chain)
    mine, residues = tile(torch.tensor(case.pae), mesh).clone(), residues_of(case)
    last = mesh.everyone.index == mesh.size - 1
    if breakage == "tile" and last:
        mine[-1, 0] = 0
    if breakage == "chain" and last:
        residues.members[n - 2] = residues.members[n - 1]
    if breakage == "rows" and last:
        mine = mine.flip(0)
    scores = interface_scores(rows_of(mine), residues, Place.create(mesh, n, "small"))
    return {name: scores[name].numpy() for name in NAMES}


def worst(results, expected):
    return max(max(difference(result, expected).values()) for result in results)


@pytest.mark.parametrize("shape", MESHES, ids=str)
def test_tiles_equal_the_whole_matrix(pool, shape):
    for n_chains in range(1, 8):
        case = random_case(n_chains, seed=n_chains)
        results = pool.run(scores_on, shape, case)
        assert worst(results, reference(case)) < TOLERANCE
        for other in results[1:]:
            assert all(np.array_equal(other[k], results[0][k], equal_nan=True) for k in NAMES)


@pytest.mark.parametrize("breakage", ["tile", "chain", "rows"])
def test_a_defect_on_one_rank_is_noticed(pool, breakage):
    case = random_case(2, seed=2)
    assert worst(pool.run(scores_on, (2, 2), case, breakage), reference(case)) > 100 * TOLERANCE


@pytest.fixture
def alone():
    return Mesh.create(1, 1)


def test_the_cases_hold_what_they_are_for():
    cases = [random_case(n_chains, seed=n_chains) for n_chains in range(1, 8)]
    assert all(np.bincount(case.chain)[-1] == 1 for case in cases[1:])
    assert {kind for case in cases for kind in case.kinds} == {"protein", "rna", "dna", "ligand"}
    assert any((~case.counted).any() for case in cases)
    found = [reference(case) for case in cases]
    for name in NAMES:
        values = np.concatenate([scores[name].ravel() for scores in found])
        assert len(np.unique(values[~np.isnan(values)])) > 2, name
    assert any(
        np.isfinite(scores["ipsae"]).any() and np.isnan(scores["pae_contacts"]).any() for scores in found
    )


@pytest.mark.parametrize(
    ("threshold", "name"),
    [("NEAR", "n0dom"), ("CLOSE", "dist_a"), ("LOCAL", "lia"), ("CONTACT", "contact_tm")],
)
def test_what_lies_at_a_threshold_is_on_its_side(alone, monkeypatch, threshold, name):
    """Twin: with a threshold that is a hair higher, or lower for contacts, the same comparison fails."""
    cases = [random_case(3, seed=seed) for seed in range(20)]
    assert max(worst([scores_on(alone, case)], reference(case)) for case in cases) < TOLERANCE
    hair = -1e-9 if threshold == "CONTACT" else 1e-9
    monkeypatch.setattr(interface_sums, threshold, getattr(interface_sums, threshold) + hair)
    assert max(difference(scores_on(alone, case), reference(case))[name] for case in cases) > 100 * TOLERANCE


def test_the_direction_is_not_the_other(alone):
    case = random_case(3, seed=3)
    turned = SimpleNamespace(**{**vars(case), "pae": case.pae.T})
    differences = difference(scores_on(alone, turned), reference(case))
    assert {name for name, value in differences.items() if value > TOLERANCE} >= {"ipsae", "lis", "nres_a"}


def test_the_first_of_equal_residues_is_the_best(alone):
    """Two residues see the partner alike, so that either has the highest mean; the first sees more of it."""
    chain = np.repeat([0, 1], [40, 40])
    pae = np.full((80, 80), 20, np.float32)
    pae[3, 40:70] = pae[5, 50:80] = 5
    case = SimpleNamespace(
        chain=chain,
        kinds=("protein", "protein"),
        counted=np.ones(80, bool),
        contact=np.zeros((80, 3)),
        pae=pae,
    )
    scores = scores_on(alone, case)
    assert scores["n0res"][1, 0] == 30
    case.counted[41] = False  # now the later residue is better
    assert scores_on(alone, case)["n0res"][1, 0] == 30
    case.counted[51:53] = False
    assert scores_on(alone, case)["n0res"][1, 0] == reference(case)["n0res"][1, 0] != 30


@given(seed=st.integers(0, 2**32 - 1), n_chains=st.integers(1, 7), n=st.integers(9, 31))
@settings(max_examples=30, deadline=None)
def test_scores_keep_their_bounds(seed, n_chains, n):
    case = random_case(n_chains, seed, n)
    scores = scores_on(Mesh.create(1, 1), case)
    sizes = np.array([(case.counted & (case.chain == c)).sum() for c in range(n_chains)])
    defined = ~np.isnan(scores["ipsae"])
    assert np.array_equal(defined, (sizes[:, None] > 0) & (sizes > 0) & ~np.eye(n_chains, dtype=bool))
    kept = {name: matrix[defined] for name, matrix in scores.items()}
    for name in ("ipsae", "ipsae_d0chn", "ipsae_d0dom", "iptm_d0chn", "lis", "clis", "contact_tm"):
        values = kept[name][~np.isnan(kept[name])]
        assert ((values >= 0) & (values <= 1)).all()
    pairs = (sizes[:, None] * sizes)[defined]
    assert (kept["clia"] <= kept["lia"]).all() and (kept["lia"] <= pairs).all()
    assert (kept["n0res"] <= kept["nres_a"]).all()
    assert (kept["nres_a"] + kept["nres_b"] == kept["n0dom"]).all() and (kept["n0dom"] <= kept["n0chn"]).all()
    assert (kept["dist_a"] <= kept["nres_a"]).all() and (kept["dist_b"] <= kept["nres_b"]).all()
    assert (kept["d0res"] >= 1).all() and (kept["d0dom"] <= kept["d0chn"]).all()
    assert np.array_equal(scores["n0chn"], scores["n0chn"].T, equal_nan=True)
    assert all(np.isnan(matrix.diagonal()).all() for matrix in scores.values())


@given(seed=st.integers(0, 2**32 - 1), n_chains=st.integers(2, 7))
@settings(max_examples=30, deadline=None)
def test_another_order_of_chains_is_that_of_the_matrices(seed, n_chains):
    mesh, case = Mesh.create(1, 1), random_case(n_chains, seed)
    order = np.random.default_rng(seed).permutation(n_chains)
    tokens = np.concatenate([np.flatnonzero(case.chain == c) for c in order])
    moved = SimpleNamespace(
        chain=np.argsort(order)[case.chain[tokens]],
        kinds=tuple(case.kinds[c] for c in order),
        counted=case.counted[tokens],
        contact=case.contact[tokens],
        pae=case.pae[np.ix_(tokens, tokens)],
    )
    before = {name: matrix[np.ix_(order, order)] for name, matrix in scores_on(mesh, case).items()}
    assert worst([scores_on(mesh, moved)], before) < TOLERANCE


@given(seed=st.integers(0, 2**32 - 1), n_chains=st.integers(2, 7))
@settings(max_examples=20, deadline=None)
def test_nothing_is_confident_where_every_error_is_large(seed, n_chains):
    case = random_case(n_chains, seed)
    case.pae = np.maximum(case.pae, 10)
    scores = scores_on(Mesh.create(1, 1), case)
    for name in (
        "ipsae",
        "ipsae_d0chn",
        "ipsae_d0dom",
        "n0res",
        "n0dom",
        "nres_a",
        "nres_b",
        "dist_a",
        "dist_b",
    ):
        assert np.nansum(np.abs(scores[name])) == 0
    assert np.nanmin(scores["d0res"], initial=1) >= 1


def peak(mesh, n, n_chains, rows=rows_of):
    """Return this rank's peak above the tile and what is summed over, and the budget, in bytes."""
    chain = torch.arange(n) * n_chains // n
    residues = Residues.of(
        chain, torch.ones(n, dtype=torch.bool), torch.rand(n, 3), torch.zeros(n_chains, dtype=torch.bool)
    )
    mine = 30 * tile(torch.rand(n, n, generator=torch.Generator().manual_seed(0)), mesh).clone()
    place = Place.create(mesh, n, "small")
    _, taken = peak_live_bytes(interface_scores, rows(mine), residues, place)
    return taken, place.budget.bytes


def at_once(tile):
    """Return rows that come all in one block, whatever the budget."""

    def read(pieces):
        yield slice(0, len(tile)), tile

    return read


PER_TOKEN_AND_CHAIN = 200
"""Bytes: six sums of the first pass, two of the second, as many again while ranks add them up, and means."""


def limit(budget, n, n_chains):
    """Return the bytes that a pass may take: its share of the budget (`Budget.pieces`), and O(N × C)."""
    return min(budget // 4, 4 * 2**20) + PER_TOKEN_AND_CHAIN * n * n_chains


@pytest.mark.parametrize(("shape", "n", "n_chains"), [((1, 1), 512, 3), ((1, 1), 512, 12), ((2, 2), 700, 5)])
def test_no_more_than_a_block_and_a_number_for_each_token_and_chain(pool, shape, n, n_chains):
    for taken, budget in pool.run(peak, shape, n, n_chains):
        assert taken <= limit(budget, n, n_chains)


def test_a_tile_worked_off_at_once_is_noticed(alone):
    taken, budget = peak(alone, 512, 3, at_once)
    assert taken > limit(budget, 512, 3)

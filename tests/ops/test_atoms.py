"""Windows of atoms, token means and pair entries against dense one-hots, on every mesh."""

import dataclasses

import pytest
import torch
from model.cases import tiny_model
from ops.atom_cases import (
    COMPLEXES,
    MESHES,
    broken,
    complex_named,
    difference,
    own_windows,
    serial_keys,
    setting,
)
from ops.cases import normal, own

from foldcp.features import Features
from foldcp.mesh import Mesh, MeshError
from foldcp.ops.atom_attention import atom_transformer
from foldcp.ops.atom_windows import AtomShare, to_keys
from foldcp.ops.pair_entries import most_entries, window_pairs
from foldcp.ops.token_atoms import atoms_to_tokens, tokens_to_atoms

TOLERANCE = 5e-6
"""fp32 rounding of sums in another order: 6e-8 per term, a few of them."""


@pytest.mark.parametrize("shape", MESHES, ids=str)
@pytest.mark.parametrize("windows", [(32, 128), (32, 32), (16, 64)], ids=str)
def test_keys_are_the_serial_ones(pool, windows, shape):
    for name in COMPLEXES:
        assert max(pool.run(keys_error, shape, name, windows)) == 0


def keys_error(mesh, name, windows):
    _, share, _ = setting(mesh, name, *windows)
    x = 1 + torch.arange(share.n_atoms * 3.0).view(-1, 3)
    keys = serial_keys(x, *windows)
    constants = [(share.wide.ref_pos, complex_named(name)[1].atoms.ref_pos)]
    errors = [difference(to_keys(x[share.own], share), keys, lambda y: own_windows(y, share))]
    errors += [
        difference(share.key_windows(wide), serial_keys(whole, *windows), lambda y: own_windows(y, share))
        for wide, whole in constants
    ]
    assert torch.equal(share.atoms.ref_pos, complex_named(name)[1].atoms.ref_pos[share.own])
    return max(errors)


@pytest.mark.parametrize("shape", MESHES, ids=str)
@pytest.mark.parametrize("name", COMPLEXES)
def test_tokens_are_means_of_their_atoms(pool, name, shape):
    assert max(pool.run(token_error, shape, name)) < TOLERANCE


def token_error(mesh, name):
    batch, share, place = setting(mesh, name, n_bytes=2000)
    dense = batch["atom_to_token"].float()[0]
    atoms, tokens = normal(2, share.n_atoms, 8, seed=1), normal(2, share.n_tokens, 8, seed=2)
    means = (dense / (dense.sum(0) + 1e-6)).T @ atoms.relu()
    got = atoms_to_tokens(torch.relu, 8, atoms[:, share.own], share, place)
    spread = difference(tokens_to_atoms(tokens, share), dense @ tokens, lambda x: x[:, share.own])
    return max(difference(got, means, lambda x: x), spread)


def pairs_error(mesh, name, breakage=None):
    """Return the error of entries in two parts, the second in as small pieces as can be."""
    batch, share, place = setting(mesh, name, n_bytes=1)
    project = torch.nn.Linear(8, 3, bias=False)
    torch.nn.init.constant_(project.weight, 0.5)
    z = normal(share.n_tokens, share.n_tokens, 8, seed=1)
    dense = batch["atom_to_token"].float()[0]
    expected = torch.einsum("ijd,nqi,nkj->nqkd", project(z), dense.unflatten(0, (-1, 32)), serial_keys(dense))
    share, _ = broken(share, breakage)
    parts = [window_pairs(own(z, mesh), project, share, place, (index, 2)) for index in (0, 1)]
    return difference(torch.cat(parts), expected, lambda x: own_windows(x, share))


@pytest.mark.parametrize("shape", MESHES, ids=str)
@pytest.mark.parametrize("name", COMPLEXES)
def test_pair_entries_of_windows(pool, name, shape):
    assert max(pool.run(pairs_error, shape, name)) < TOLERANCE


def test_an_index_list_off_by_one_is_noticed(pool):
    assert max(pool.run(pairs_error, (2, 2), "of everything", "token")) > 1e-2


def test_a_protein_needs_few_entries_and_a_ligand_all():
    mesh = Mesh.create(1, 1)
    assert most_entries(setting(mesh, "with a large ligand")[1]) == 32 * 128
    _, features = complex_named("of everything")
    protein = dataclasses.replace(features.atoms, token=torch.arange(224) // 8)
    share = AtomShare.create(dataclasses.replace(features, atoms=protein), mesh, "cpu")
    assert most_entries(share) == 4 * 16


def attention_error(mesh, name, breakage=None):
    layer = tiny_model().structure_module.score_model.atom_attention_decoder.atom_decoder
    batch, share, place = setting(mesh, name, n_bytes=100_000)
    n, dim = share.n_atoms, 16
    q, c, bias = normal(3, n, dim, seed=1), normal(n, dim, seed=2), normal(n // 32, 32, 128, 8, seed=3)
    mask = batch["atom_pad_mask"][0].clone()
    mask[-1] = 0
    with torch.no_grad():
        expected = layer(
            q,
            c.repeat(3, 1, 1),
            bias[None],
            lambda x: torch.stack([serial_keys(y) for y in x]),
            mask.repeat(3, 1),
            multiplicity=3,
        )
        share, context = broken(share, breakage)
        with context:
            mine = q[:, share.own], c[share.own], own_windows(bias, share)
            got = atom_transformer(layer, *mine, share, place)
    return difference(got, expected, lambda x: x[:, share.own])


@pytest.mark.parametrize("shape", MESHES, ids=str)
@pytest.mark.parametrize("name", COMPLEXES)
def test_atom_transformer(pool, name, shape):
    assert max(pool.run(attention_error, shape, name)) < TOLERANCE


@pytest.mark.parametrize("breakage", ["halo", "mask"])
def test_one_rank_wrong_is_noticed(pool, breakage):
    assert max(pool.run(attention_error, (2, 2), "of everything", breakage)) > 1e-3


def test_atoms_must_fill_their_windows():
    features: Features = complex_named("of everything")[1]
    with pytest.raises(MeshError, match="224 atoms in windows of 48"):
        AtomShare.create(features, Mesh.create(1, 1), "cpu", queries=48, keys=144)


def test_bytes_of_a_layer_are_those_of_the_halo(pool):
    """Each layer sends 48 atoms to either side, three samples of 16 channels in one message each."""
    for sent in pool.run(halo_bytes, (1, 2)):
        assert sent == [2, 2 * 48 * 3 * 16 * 4]


def halo_bytes(mesh):
    attention_error(mesh, "of everything")
    return [mesh.tally.messages["halo"], mesh.tally.total_bytes()]

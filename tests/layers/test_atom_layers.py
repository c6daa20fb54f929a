"""Atom encoder, decoder and input embedder on windows against the serial ones, on every mesh."""

import dataclasses

import pytest
import torch
from boltz.model.modules.encodersv2 import AtomEncoder
from model.cases import tiny_model
from ops.atom_cases import COMPLEXES, MESHES, broken, complex_named, difference, own_windows, setting
from ops.cases import build, normal, own
from torch._subclasses.fake_tensor import FakeTensorMode

from foldcp.errors import UsageError
from foldcp.layers.atom_encoder import AtomAttentionDecoder, AtomAttentionEncoder, AtomEmbedding
from foldcp.layers.input_embedder import InputEmbedder
from foldcp.mesh import Budget, LiveBytes, Mesh, Place, peak_live_bytes
from foldcp.ops.atom_windows import AtomShare

TOLERANCE = 1e-5
"""fp32 rounding through two layers and three projections, summed in another order; below 1e-6 as measured."""


def trunk_of(share):
    """Return tokens and pairs as a trunk would."""
    n = share.n_tokens
    return normal(n, 32, seed=1), normal(n, n, 16, seed=2)


def embedding_errors(mesh, layer, name, windows=(32, 128), breakage=None):
    batch, share, place = setting(mesh, name, *windows)
    s, z = trunk_of(share)
    read = (s, own(z, mesh)) if layer.structure_prediction else (None, None)
    with torch.no_grad():
        q, c, p, _ = layer(batch, s[None], z[None])
        share, _ = broken(share, breakage)
        q_got, c_got, p_got = AtomEmbedding(layer)(share, place, *read)
        twice = AtomEmbedding(layer)(share, place, *read, project=lambda p: 2 * p[..., :3])[2]
    atoms = lambda x: x[share.own]  # noqa: E731
    assert torch.equal(twice, 2 * p_got[..., :3])
    errors = [difference(q_got, q[0], atoms), difference(c_got, c[0], atoms)]
    return max(*errors, difference(p_got, p[0], lambda x: own_windows(x, share)))


def conditioning_error(mesh, name, breakage=None):
    return embedding_errors(mesh, tiny_model().diffusion_conditioning.atom_encoder, name, breakage=breakage)


@pytest.mark.parametrize("shape", MESHES, ids=str)
@pytest.mark.parametrize("name", COMPLEXES)
def test_atom_embedding(pool, name, shape):
    assert max(pool.run(conditioning_error, shape, name)) < TOLERANCE


@pytest.mark.parametrize("breakage", ["mask", "token"])
def test_an_embedding_with_one_thing_wrong_is_noticed(pool, breakage):
    assert max(pool.run(conditioning_error, (2, 2), "of everything", breakage)) > 1e-3


def options_error(mesh, reads_trunk):
    layer = build(
        AtomEncoder,
        atom_s=16,
        atom_z=8,
        token_s=32,
        token_z=16,
        atoms_per_window_queries=16,
        atoms_per_window_keys=64,
        atom_feature_dim=4 + 128 + 17 + 33 + 1 + 4,
        structure_prediction=reads_trunk,
        use_no_atom_char=True,
        use_atom_backbone_feat=True,
        use_residue_feats_atoms=True,
    )
    return embedding_errors(mesh, layer, "of everything", windows=(16, 64))


@pytest.mark.parametrize("reads_trunk", [True, False])
def test_every_option_of_the_atom_features_and_other_windows(pool, reads_trunk):
    assert max(pool.run(options_error, (2, 3), reads_trunk)) < TOLERANCE


def test_a_share_cut_for_other_windows_is_refused():
    _, share, place = setting(Mesh.create(1, 1), "of everything", 16, 64)
    with pytest.raises(UsageError, match="16 queries and 64 keys"):
        AtomEmbedding(tiny_model().input_embedder.atom_encoder)(share, place)


def denoising_errors(mesh, name, samples, breakage=None):
    """Return the errors of tokens, atoms and positions through serial and own encoder and decoder."""
    diffusion = tiny_model().structure_module.score_model
    encoder, decoder = diffusion.atom_attention_encoder, diffusion.atom_attention_decoder
    batch, share, place = setting(mesh, name, n_bytes=100_000)
    a = share.n_atoms
    q, c, r = normal(a, 16, seed=3), normal(a, 16, seed=4), normal(samples, a, 3, seed=5)
    bias, a_in = normal(2, a // 32, 32, 128, 8, seed=6), normal(samples, share.n_tokens, 64, seed=7)
    to_keys = tiny_model().input_embedder.atom_encoder(batch)[3]
    many = {"to_keys": lambda x: torch.cat([to_keys(y[None]) for y in x]), "multiplicity": samples}
    with torch.no_grad():
        tokens, q_out, c_out, _ = encoder(batch, q[None], c[None], bias[:1], r=r, **many)
        update = decoder(a_in, q_out, c_out, bias[1:], batch, **many)
        share, context = broken(share, breakage)
        with context:
            biases = [own_windows(x, share) for x in bias]
            mine = q[share.own], c[share.own], biases[0], share, place, r[:, share.own]
            tokens_got, q_got = AtomAttentionEncoder(encoder)(*mine)
            rest = a_in, q_got, c[share.own], biases[1], share, place
            update_got = AtomAttentionDecoder(decoder)(*rest)
    atoms = lambda x: x[:, share.own]  # noqa: E731
    assert torch.equal(mine[0], q[share.own])  # one embedding serves all steps
    errors = [difference(q_got, q_out, atoms), difference(update_got, update, atoms)]
    return max(*errors, difference(tokens_got, tokens, lambda x: x))


@pytest.mark.parametrize("shape", MESHES, ids=str)
@pytest.mark.parametrize("name", COMPLEXES)
def test_encoder_and_decoder(pool, name, shape):
    for samples in (1, 2):
        assert max(pool.run(denoising_errors, shape, name, samples)) < TOLERANCE


@pytest.mark.parametrize("breakage", ["halo", "mask"])
def test_a_decoder_with_one_rank_wrong_is_noticed(pool, breakage):
    assert max(pool.run(denoising_errors, (2, 3), "of everything", 2, breakage)) > 1e-3


def embedder_error(mesh, name, breakage=None, autocast=False):
    layer = tiny_model().input_embedder
    batch, share, place = setting(mesh, name)
    with torch.no_grad():
        expected = layer(batch)[0]
        share, context = broken(share, breakage)
        with context, torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            got = InputEmbedder(layer)(complex_named(name)[1], share, place)
    assert got.dtype == torch.float32
    return difference(got, expected, lambda x: x)


@pytest.mark.parametrize("shape", MESHES, ids=str)
@pytest.mark.parametrize("name", COMPLEXES)
def test_input_embedder(pool, name, shape):
    assert max(pool.run(embedder_error, shape, name)) < TOLERANCE


def test_atoms_stay_in_fp32_under_autocast(pool):
    assert max(pool.run(embedder_error, (1, 2), "of everything", None, True)) < TOLERANCE


@pytest.mark.parametrize("breakage", ["halo", "mask"])
def test_an_input_embedder_with_one_rank_wrong_is_noticed(pool, breakage):
    assert max(pool.run(embedder_error, (2, 2), "of everything", breakage)) > 1e-3


def gradient_error(mesh):
    """Return the error of the gradient of z through embedding, encoder and decoder."""
    model = tiny_model()
    conditioning, diffusion = model.diffusion_conditioning, model.structure_module.score_model
    layers = conditioning.atom_encoder, diffusion.atom_attention_encoder, diffusion.atom_attention_decoder
    batch, share, place = setting(mesh, "of everything")
    s, z = trunk_of(share)
    r, weight = normal(1, share.n_atoms, 3, seed=5), normal(share.n_atoms, 3, seed=8)
    dense, mine = z.clone().requires_grad_(), own(z, mesh).requires_grad_()

    q, c, p, to_keys = layers[0](batch, s[None], dense[None])
    tokens, q, c, _ = layers[1](batch, q, c, p, to_keys, r)
    (layers[2](tokens, q, c, p, batch, to_keys)[0] * weight).sum().backward()

    q, c, p = AtomEmbedding(layers[0])(share, place, s, mine)
    tokens, x = AtomAttentionEncoder(layers[1])(q, c, p, share, place, r[:, share.own])
    update = AtomAttentionDecoder(layers[2])(tokens, x, c, p, share, place)
    (update[0] * weight[share.own]).sum().backward()
    return difference(mine.grad, dense.grad, lambda x: x[mesh.rows(len(x)), mesh.columns(len(x))])


@pytest.mark.parametrize("shape", [(1, 1), (2, 3)], ids=str)
def test_gradients_of_the_pairs(pool, shape):
    assert max(pool.run(gradient_error, shape)) < TOLERANCE


def released(structure_prediction):
    return AtomEncoder(128, 16, 384, 128, 32, 128, 388, structure_prediction).eval()


def protein_share(mesh, n_tokens):
    """Return the share of a protein with eight atoms per token."""
    features = complex_named("of everything")[1]
    repeat = lambda record: {  # noqa: E731
        f.name: getattr(record, f.name)[torch.arange(8 * n_tokens) % 224] for f in dataclasses.fields(record)
    }
    atoms = dataclasses.replace(
        features.atoms, **repeat(features.atoms) | {"token": torch.arange(8 * n_tokens) // 8}
    )
    tokens = dataclasses.replace(
        features.tokens,
        **{
            f.name: getattr(features.tokens, f.name)[torch.arange(n_tokens) % 43]
            for f in dataclasses.fields(features.tokens)
        },
    )
    return AtomShare.create(dataclasses.replace(features, atoms=atoms, tokens=tokens), mesh, "cpu")


def embedding_bytes(mesh, kept):
    share = protein_share(mesh, 192)
    place = Place(mesh, 192, Budget(8 * 2**20))
    layer, bias = released(True), torch.nn.Linear(16, 12)
    z = own(torch.randn(192, 192, 128), mesh)
    project = None if kept else bias
    _, peak = peak_live_bytes(AtomEmbedding(layer), share, place, torch.randn(192, 384), z, project)
    words = 16 if kept else 12
    return peak - share.n_windows * 32 * 128 * words * 4, share.size


@pytest.mark.parametrize("shape", [(1, 1), (2, 2)], ids=str)
@pytest.mark.parametrize("kept", [True, False])
def test_memory_of_an_embedding_is_its_result_and_the_budget(pool, kept, shape):
    """192 tokens make 48 windows of 256 KiB each; beside them stay single rows of atoms, 4 kB each."""
    for above, n_atoms in pool.run(embedding_bytes, shape, kept):
        assert above < 8 * 2**20 + 4096 * n_atoms


def test_the_same_code_runs_on_fake_tensors():
    """So that memory can be told without a GPU: as many live bytes as on real ones."""
    model = tiny_model()
    _, features = complex_named("of everything")
    mesh = Mesh.create(1, 1)
    place = Place(mesh, 43, Budget(3_000_000))
    parts = AtomEmbedding(model.diffusion_conditioning.atom_encoder), InputEmbedder(model.input_embedder)
    s, z = normal(43, 32, seed=1), normal(43, 43, 16, seed=2)

    def run():
        with torch.no_grad(), LiveBytes() as live:
            share = AtomShare.create(features, mesh, "cpu")
            parts[0](share, place, s, z)
            tokens = parts[1](features, share, place)
        return live.peak, tokens

    peak, _ = run()
    with FakeTensorMode(allow_non_fake_inputs=True):
        fake_peak, tokens = run()
    assert tokens.shape == (43, 32)
    assert fake_peak == pytest.approx(peak, rel=0.05)

"""Conditioning and one denoising step on a mesh against the serial modules; memory at the released widths."""

import contextlib
import functools
from types import SimpleNamespace

import pytest
import torch
from boltz.model.modules import diffusion_conditioning
from boltz.model.modules.diffusionv2 import AtomDiffusion
from boltz.model.modules.encodersv2 import PairwiseConditioning, RelativePositionEncoder
from boltz.model.modules.transformersv2 import DiffusionTransformer
from model.cases import compact_of, complex_batch, tiny_model
from ops.cases import build, normal, own, random_mask, tile

from foldcp.demo import initialisation
from foldcp.errors import UsageError
from foldcp.layers.token_transformer import TokenTransformer
from foldcp.mesh import Mesh, Place, peak_live_bytes
from foldcp.model import sampler
from foldcp.model.diffusion import Denoiser, DiffusionConditioning
from foldcp.ops.atom_windows import AtomShare
from foldcp.ops.pair_bias import PairBias
from foldcp.ops.pair_bias_attention import whole_tokens
from foldcp.ops.pair_conditioning import pair_conditioning

MESHES = [(1, 1), (1, 2), (2, 1), (2, 2), (1, 3), (2, 3), (3, 2)]
TOLERANCE = 2e-5
"""fp32 rounding through four atom and two token layers summed in another order; a few 1e-6 as measured."""


@functools.cache
def inputs():
    """Return the tiny model, a batch with everything in it, s_inputs, s and z."""
    model, batch = tiny_model(), complex_batch()
    n = batch["asym_id"].shape[1]
    token_s, token_z = model.s_init.in_features, model.z_norm.weight.shape[0]
    return model, batch, normal(n, token_s, seed=1), normal(n, token_s, seed=2), normal(n, n, token_z, seed=3)


@functools.cache
def serial_conditioning():
    """Return what the serial module computes, under the names that the sampler expects.

    Called in the test process alone: the ranks are given the tensors to compare with.
    """
    model, batch, _, s, z = inputs()
    names = ("q", "c", "to_keys", "atom_enc_bias", "atom_dec_bias", "token_trans_bias")
    with torch.no_grad():
        out = model.diffusion_conditioning(s[None], z[None], model.rel_pos(batch), batch)
    return dict(zip(names, out, strict=True))


def serial_arguments():
    """Return the keyword arguments of the serial network, beside the positions and the noise level."""
    _, batch, s_inputs, s, _ = inputs()
    return {
        "s_inputs": s_inputs[None],
        "s_trunk": s[None],
        "feats": batch,
        "diffusion_conditioning": serial_conditioning(),
    }


def conditioning_of(mesh, level, z=None):
    model, batch, s_inputs, s, whole_z = inputs()
    features = compact_of(batch)
    place = Place.create(mesh, features.n_tokens, level)
    share = AtomShare.create(features, mesh, "cpu")
    z = own(whole_z, mesh) if z is None else z
    with torch.no_grad():
        return DiffusionConditioning(model)(s_inputs, s, z, features, share, place), place


def relative(got, expected):
    if not expected.numel():
        return 0.0
    return ((got - expected).abs().max() / expected.abs().max()).item()


def conditioning_errors(mesh, level, serial, breakage=None):
    """Return the error of each record, of the bias of all layers, and whether z is as it was."""
    z = own(inputs()[-1], mesh)
    before = z.clone()
    if breakage and mesh.everyone.index == mesh.size - 1:
        z[0] += 1
    got, _ = conditioning_of(mesh, level, z)
    atoms, windows = got.share.own, slice(got.share.own.start // 32, got.share.own.stop // 32)
    whole_bias = serial["token_trans_bias"][0]
    n_layers = len(got.token_bias.projections)
    rows = slice(1, len(z))
    bias = torch.cat([got.token_bias.rows(layer, rows) for layer in range(n_layers)]).permute(1, 2, 0)
    return {
        "q": relative(got.q, serial["q"][0, atoms]),
        "c": relative(got.c, serial["c"][0, atoms]),
        "encoder": relative(got.encoder_bias, serial["atom_enc_bias"][0, windows]),
        "decoder": relative(got.decoder_bias, serial["atom_dec_bias"][0, windows]),
        "token bias": relative(bias, tile(whole_bias, mesh)[rows]),
        "z": float(not torch.equal(z, before)),
    }


@pytest.mark.parametrize("shape", MESHES, ids=str)
@pytest.mark.parametrize("level", ["small", "large"])
def test_conditioning(pool, shape, level):
    serial = {name: value for name, value in serial_conditioning().items() if name != "to_keys"}
    for errors in pool.run(conditioning_errors, shape, level, serial):
        assert max(errors.values()) < TOLERANCE, errors


def test_a_wrong_row_of_one_tile_is_noticed(pool):
    serial = {name: value for name, value in serial_conditioning().items() if name != "to_keys"}
    worst = pool.run(conditioning_errors, (2, 2), "small", serial, "z")
    assert max(errors["encoder"] for errors in worst) > 1e-3


def noisy(sigma):
    return sigma * normal(2, inputs()[1]["ref_pos"].shape[1], 3, seed=5)


@functools.cache
def serial_denoised(sigma):
    """Return the denoised positions of two samples."""
    network = inputs()[0].structure_module.preconditioned_network_forward
    with torch.no_grad():
        return network(noisy(sigma), sigma, {**serial_arguments(), "multiplicity": 2})


@contextlib.contextmanager
def wrong_weight():
    """Let one projection of the second token layer lose a row."""
    structure = inputs()[0].structure_module
    weight = structure.score_model.token_transformer.layers[1].pair_bias_attn.proj_k.weight
    saved = weight.data.clone()
    weight.data[0] = 0
    yield
    weight.data.copy_(saved)


def denoised(mesh, level, sigma, asked=None, wrong_rank=None):
    """Return the denoised positions of the same samples, whole on every rank."""
    conditioning, place = conditioning_of(mesh, level)
    denoiser = Denoiser(inputs()[0].structure_module)
    broken = wrong_weight() if wrong_rank == mesh.everyone.index else contextlib.nullcontext()
    with torch.no_grad(), broken:
        return denoiser(noisy(sigma), asked or sigma, conditioning, place)


@pytest.mark.parametrize("shape", MESHES, ids=str)
def test_one_denoising_step(pool, shape):
    for level, sigma in (("small", 2.0), ("large", 900.0)):
        for got in pool.run(denoised, shape, level, sigma):
            assert relative(got, serial_denoised(sigma)) < TOLERANCE


def test_a_wrong_noise_level_or_one_rank_with_a_wrong_weight_is_noticed(pool):
    for twin in ((2.2, None), (2.0, 3)):
        for got in pool.run(denoised, (2, 2), "small", 2.0, *twin):
            assert relative(got, serial_denoised(2.0)) > 1e-3


N, D, HEADS, LAYERS = 31, 24, 4, 3


def transformer_error(mesh, n_stored, breakage=None):
    """Return the error of the token transformer of three samples that share the bias."""
    layer = build(DiffusionTransformer, LAYERS, HEADS, dim=D)
    z, mask = normal(N, N, 8, seed=1), random_mask(N, seed=2)
    mask[: N // 3] = 0  # all keys of some rank
    a, s = normal(3, N, D, seed=3), normal(1, N, D, seed=4)
    projections = [
        torch.nn.Sequential(build(torch.nn.LayerNorm, 8), build(torch.nn.Linear, 8, HEADS, bias=False))
        for _ in range(LAYERS)
    ]
    projections[1][1].weight.data *= -1  # the layers' biases must not be exchangeable
    with torch.no_grad():
        bias = torch.cat([project(z) for project in projections], dim=-1)[None]
        expected = layer(a, s.expand(3, -1, -1), bias, mask.expand(3, -1), multiplicity=3)
        place = Place.create(mesh, N, "small")
        pair_tile, mine = own(z, mesh), mesh.flat(N)
        bytes_per_layer = 4 * HEADS * pair_tile.shape[0] * pair_tile.shape[1]
        own_bias = PairBias(
            [tuple(p) for p in projections], pair_tile, place.budget, stored_bytes=n_stored * bytes_per_layer
        )
        assert len(own_bias.stored) == n_stored
        assert (own_bias.z is None) == (n_stored == LAYERS)
        if breakage == "bias" and mesh.everyone.index == 0:
            own_bias.projections[1], own_bias.projections[2] = (
                own_bias.projections[2],
                own_bias.projections[1],
            )
        got = TokenTransformer(layer)(a[:, mine].clone(), s[:, mine], own_bias, mask, place)
        return relative(whole_tokens(got, N, mesh, dim=1), expected)


@pytest.mark.parametrize("shape", MESHES, ids=str)
def test_token_transformer_with_its_bias_stored_or_recomputed(pool, shape):
    for n_stored in (0, 2, LAYERS):
        assert max(pool.run(transformer_error, shape, n_stored)) < TOLERANCE


def test_one_rank_with_the_biases_of_two_layers_exchanged_is_noticed(pool):
    assert max(pool.run(transformer_error, (2, 2), 0, "bias")) > 1e-3


def test_training_mode_is_refused_in_diffusion():
    layer = build(DiffusionTransformer, 1, HEADS, dim=D).train()
    with pytest.raises(UsageError, match="training"):
        TokenTransformer(layer)(*[torch.zeros(0)] * 4, Place.create(Mesh.create(1, 1), N, "small"))


def bias_projections(n_layers):
    return [(torch.nn.LayerNorm(128), torch.nn.Linear(128, 16, bias=False))] * n_layers


def released_pair_part(mesh, n, level):
    """Return peak bytes per pair of the conditioned tile and of its bias of 24 layers, and layers stored."""
    place = Place.create(mesh, n, level)
    z = own(normal(n, n, 128, seed=1), mesh)
    positions = lambda rows: torch.zeros_like(z[rows])  # noqa: E731
    layer, budget = PairwiseConditioning(128, 128).eval(), place.budget
    pairs, peak = peak_live_bytes(pair_conditioning, layer, z, positions, budget)
    bias, more = peak_live_bytes(PairBias, bias_projections(24), pairs, budget, budget.bytes // 2)
    n_pairs = pairs.shape[0] * pairs.shape[1]
    return peak / n_pairs, more / n_pairs, len(bias.stored), bias.z is None


@pytest.mark.parametrize("shape", [(1, 1), (2, 2)], ids=str)
def test_memory_of_the_pair_part_at_released_widths(pool, shape):
    """A new tile of 512 bytes per pair and a quarter of the budget; then half a budget of stored bias."""
    for level, budget in (("small", 256), ("medium", 1024), ("large", 4096)):
        for tile_peak, bias_peak, n_stored, dropped in pool.run(released_pair_part, shape, 128, level):
            assert tile_peak <= 512 + budget / 4
            assert n_stored == min(24, budget // 2 // 64)
            assert dropped == (n_stored == 24)
            assert bias_peak <= 64 * n_stored + budget / 4


def released(mesh, n, samples):
    """Return peak bytes of conditioning and of a step with 1 and with 4 samples, and the records."""
    common = {"token_s": 384, "atom_s": 128, "token_transformer_depth": 2, "token_transformer_heads": 16}
    with initialisation.skipped():
        serial = diffusion_conditioning.DiffusionConditioning(
            token_z=128, atom_z=16, atom_feature_dim=388, **common
        )
        structure = AtomDiffusion({**common, "sigma_data": 16}).eval()
    model = SimpleNamespace(
        diffusion_conditioning=serial.eval(), rel_pos=RelativePositionEncoder(128), structure_module=structure
    )
    features = compact_of(
        complex_batch(((n - 1, 0, 0, "PROTEIN"), (1, 1, 0, "PROTEIN")), 2, 0, contacts=False)
    )
    place, share = Place.create(mesh, n, "small"), AtomShare.create(features, mesh, "cpu")
    s, z = normal(n, 384, seed=1), own(normal(n, n, 128, seed=2), mesh)
    given, peak = peak_live_bytes(DiffusionConditioning(model), s, s, z, features, share, place)
    x = normal(samples, features.n_atoms, 3, seed=3)
    denoise = Denoiser(structure)
    steps = [peak_live_bytes(denoise, x[:count], 3.0, given, place)[1] for count in (1, samples)]
    estimate = sampler.bytes_per_sample(structure, features.n_atoms, place)
    window_bytes = given.encoder_bias.untyped_storage().nbytes()
    return peak, steps, estimate, window_bytes, z.shape[0] * z.shape[1]


@pytest.mark.parametrize("shape", [(1, 1), (2, 2)], ids=str)
def test_memory_of_conditioning_and_of_a_step_at_released_widths(pool, shape):
    """At N = 128 what grows with N or A only is most of it; so it is stated apart.

    Conditioning: a tile, the budget, the bias of the atom windows, and 4 kB per token for tokens and atoms.
    A step: a quarter of the budget, and for each sample what `bytes_per_sample` says, at most twice what it
    takes.
    """
    n, samples = 128, 4
    for peak, steps, estimate, window_bytes, n_pairs in pool.run(released, shape, n, samples):
        assert peak <= (512 + 256) * n_pairs + window_bytes + 4096 * n
        assert steps[0] <= 64 * n_pairs + estimate
        each = (steps[1] - steps[0]) / (samples - 1)
        assert each <= estimate <= 2 * each

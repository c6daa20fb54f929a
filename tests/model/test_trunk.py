"""The trunk on tiles against that of the serial Boltz-2, whole passes with everything in them."""

import contextlib
import functools
from unittest.mock import patch

import pytest
import torch
from model.cases import compact_of, complex_batch, tiny_model
from model.oracle import mixed_as_on_a_gpu
from torch._subclasses.fake_tensor import FakeTensorMode

from foldcp.mesh import Mesh, Place, peak_live_bytes
from foldcp.model.trunk import Trunk

MESHES = [(1, 1), (1, 2), (2, 1), (2, 2), (1, 3), (2, 3), (3, 2)]
TOLERANCE = 1e-5
"""fp32 rounding through two passes of eight layers summed in another order; the issue asks for 1e-4."""


class _TrunkEndError(Exception):
    """Serial inference has come to the end of the trunk."""


@functools.cache
def serial(n_templates, recycles=1, autocast=False):
    """Return what Boltz2.forward itself has after its trunk: s_inputs, s, z."""
    model, seen = tiny_model(), {}

    def stop(module, args):
        raise _TrunkEndError

    handles = [
        model.input_embedder.register_forward_hook(lambda _, args, out: seen.update(s_inputs=out)),
        model.pairformer_module.register_forward_hook(lambda _, args, out: seen.update(s=out[0], z=out[1])),
        model.distogram_module.register_forward_pre_hook(stop),
    ]
    try:
        precision = mixed_as_on_a_gpu() if autocast else contextlib.nullcontext()
        with pytest.raises(_TrunkEndError), precision:
            model(complex_batch(n_templates=n_templates), recycling_steps=recycles)
    finally:
        for handle in handles:
            handle.remove()
    return [seen[name][0] for name in ("s_inputs", "s", "z")]


def worst(pairs):
    return max(((got.float() - want).norm() / want.norm()).item() for got, want in pairs)


def largest(pairs):
    return max(((got - want).abs().max() / want.abs().max()).item() for got, want in pairs)


def tile(z, mesh):
    return z[mesh.rows(len(z)), mesh.columns(len(z))]


def on_mesh(mesh, n_templates, recycles=1, **how):
    features = compact_of(complex_batch(n_templates=n_templates))
    s_inputs = serial(n_templates, recycles)[0]
    place = Place.create(mesh, features.n_tokens, "small")
    with torch.no_grad():
        return Trunk(tiny_model())(s_inputs.clone(), features, place, recycles, alignment_seed=0, **how)


def error(mesh, n_templates, breakage=None):
    _, s, z = serial(n_templates)
    if breakage and mesh.everyone.index == 0:
        with patch.object(tiny_model().z_recycle, "bias", torch.nn.Parameter(torch.full((16,), 0.1))):
            got = on_mesh(mesh, n_templates)
    else:
        got = on_mesh(mesh, n_templates)
    return largest([(got[0], s), (got[1], tile(z, mesh))])


@pytest.mark.parametrize("shape", MESHES, ids=str)
@pytest.mark.parametrize("n_templates", [0, 2])
def test_two_passes_equal_serial(pool, shape, n_templates):
    assert max(pool.run(error, shape, n_templates)) < TOLERANCE


def test_another_weight_on_one_rank_is_noticed(pool):
    assert max(pool.run(error, (2, 2), 2, "weight")) > 1e-3


def bf16_errors(mesh):
    """Return the errors (of s and z) of both bf16 precisions, and the serial model's own."""
    _, s, z = serial(2)
    own = worst([(got, want) for got, want in zip(serial(2, autocast=True)[1:], (s, z), strict=True)])
    errors = {}
    for name, dtype in (("bf16-mixed", torch.float32), ("bf16", torch.bfloat16)):
        with torch.autocast("cpu", torch.bfloat16):
            s_got, z_got = on_mesh(mesh, 2, pair_dtype=dtype)
        assert z_got.dtype == dtype
        errors[name] = worst([(s_got, s), (z_got, tile(z, mesh))])
    return errors, own


@pytest.mark.parametrize("shape", [(1, 1), (2, 1)], ids=str)
def test_bf16_loses_as_much_as_serial_and_a_bf16_tile_little_more(pool, shape):
    """Two draws of one rounding error: after one pass ours is 5 % smaller, after two 11 to 25 % larger."""
    for errors, own in pool.run(bf16_errors, shape):
        assert errors["bf16-mixed"] < 1.5 * own
        assert errors["bf16"] < 2 * own


def test_nothing_depends_on_values_of_tensors():
    """The whole trunk runs on fake tensors, which have none: so does `foldcp memory`."""
    features = compact_of(complex_batch())
    place = Place.create(Mesh.create(1, 1), features.n_tokens, "small")
    trunk = Trunk(tiny_model())
    with torch.no_grad(), FakeTensorMode(allow_non_fake_inputs=True):
        _, z = trunk(torch.empty(features.n_tokens, 32), features, place, 0, 0)
    assert z.shape == (43, 43, 16)


RELEASED = {
    "token_s": 384,
    "token_z": 128,
    "single_heads": 16,
    "pair_heads": 4,
    "pair_head_width": 32,
    "msa_s": 64,
    "template_dim": 64,
    "diffusion_blocks": 1,
    **dict.fromkeys(("atom_blocks", "trunk_blocks", "msa_blocks", "template_blocks"), 1),
}
"""Boltz-2's own widths; one block of each stack, for blocks do not add up in memory."""


def released_peak(mesh):
    """Return peak live bytes per pair of one pass at the released widths, and those of what is not pairs."""
    chains = ((89, 0, 0, "PROTEIN"), (62, 1, 0, "PROTEIN"))
    features = compact_of(complex_batch(chains, n_sequences=64, n_templates=2))
    n, trunk = features.n_tokens, Trunk(tiny_model(**RELEASED))
    s_inputs = torch.randn(n, 384, generator=torch.Generator().manual_seed(1))
    place = Place.create(mesh, n, "small")
    (_, z), peak = peak_live_bytes(trunk, s_inputs, features, place, 0, 0)
    height, width = z.shape[:2]
    alignment = 64 / mesh.p * width * 64 * 4
    vectors = n * (3 * 384 + 2 * 128) * 4
    return peak / (height * width), (alignment + vectors) / (height * width)


@pytest.mark.parametrize("shape", [(1, 1), (2, 2)], ids=str)
def test_memory_of_a_pass(pool, shape):
    """Three tiles of 512 bytes (z, its copy in the MSA module, a product) and the budget of 256.

    Pieces of work that need no message take up to a quarter of the budget more. The alignment and the token
    vectors do not grow with the pairs: 140 and 270 bytes per pair at N = 151, next to nothing at 5 000.
    """
    for measured, vectors in pool.run(released_peak, shape):
        assert 3 * 512 < measured < 3 * 512 + 256 * 5 / 4 + vectors

"""Sampling on a mesh against the serial sampler, which is seeded right before it draws."""

import contextlib
import functools
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
import torch
from boltz.model.loss.diffusionv2 import weighted_rigid_align
from boltz.model.modules.utils import compute_random_augmentation
from model.cases import tiny_model
from model.test_diffusion import conditioning_of, inputs, serial_arguments, wrong_weight
from ops.cases import normal, random_mask

from foldcp.errors import UsageError
from foldcp.mesh import Mesh
from foldcp.model import sampler
from foldcp.model.noise import Noise
from foldcp.model.sampler import sample, schedule
from foldcp.ops.rigid_alignment import rigid_alignment

MESHES = [(1, 1), (1, 2), (2, 1), (2, 2), (1, 3), (2, 3), (3, 2)]
STEPS = 20
TOLERANCE_A = 2e-4
"""In ångströms, over coordinates up to 36: fp32 rounding (2e-6 there) through 20 steps; below 3e-5 as
measured. The issue asks for 1e-3."""


@functools.cache
def serial_sample(seed):
    """Return what Boltz draws; called in the test process alone."""
    model, batch = inputs()[:2]
    torch.manual_seed(seed)
    with torch.no_grad():
        drawn = model.structure_module.sample(
            atom_mask=batch["atom_pad_mask"],
            num_sampling_steps=STEPS,
            steering_args=model.steering_args,
            **serial_arguments(),
        )
    return drawn["sample_atom_coords"][0]


def coordinates(mesh, seeds, breakage=None):
    """Return coordinates (B, A, 3); the last rank may draw shifted noise or lack a row of a weight."""
    conditioning, place = conditioning_of(mesh, "small")
    positions = Noise.positions
    shifted = mock.patch.object(Noise, "positions", lambda self: positions(self).roll(32, dims=1))
    twins = {"offset": shifted, "weight": wrong_weight(), None: contextlib.nullcontext()}
    last = mesh.everyone.index == mesh.size - 1
    with torch.no_grad(), twins[breakage if last else None]:
        return sample(inputs()[0].structure_module, conditioning, seeds, STEPS, place)


def distance(got, seed):
    return (got - serial_sample(seed)).abs().max().item()


@pytest.mark.parametrize("shape", MESHES, ids=str)
def test_coordinates_are_those_of_the_serial_sampler(pool, shape):
    on_ranks = pool.run(coordinates, shape, [11])
    assert max(distance(drawn[0], 11) for drawn in on_ranks) < TOLERANCE_A


def test_another_seed_shifted_noise_and_a_wrong_weight_are_noticed(pool):
    drawn = pool.run(coordinates, (2, 2), [11])[0][0]
    assert distance(drawn, 12) > 1
    for breakage in ("offset", "weight"):
        assert max(distance(x[0], 11) for x in pool.run(coordinates, (2, 2), [11], breakage)) > 1e-2


def test_samples_together_are_the_samples_one_after_another():
    """On one rank, where the budget decides: 3 at once, 2 and 1, one by one."""
    mesh, layer, seen = Mesh.create(1, 1), inputs()[0].structure_module, []
    conditioning, place = conditioning_of(mesh, "small")
    for affordable in (3, 2, 1):
        bytes_each = place.budget.bytes // 4 // affordable
        calls = []
        with mock.patch.object(sampler, "bytes_per_sample", lambda *_, n=bytes_each: n), torch.no_grad():
            drawn = sample(
                layer, conditioning, [12, 11, 13], 20, place, lambda *progress, to=calls: to.append(progress)
            )
        n_calls = 20 * -(-3 // affordable)
        assert calls == [(done, n_calls) for done in range(1, n_calls + 1)]
        assert distance(drawn[1], 11) < TOLERANCE_A
        seen.append(drawn)
    assert max((x - seen[0]).abs().max() for x in seen) < TOLERANCE_A
    assert (seen[0][0] - seen[0][1]).abs().max() > 1


def test_noise_is_the_serial_samplers_own_number_by_number():
    noise, n_atoms = Noise([5, 7], 96, torch.device("cpu")), 96
    first, (rotations, translations), second = noise.positions(), noise.motion(), noise.positions()
    state = torch.get_rng_state()
    for k, seed in enumerate((5, 7)):
        torch.manual_seed(seed)
        assert torch.equal(first[k], torch.randn(1, n_atoms, 3)[0])
        rotation, translation = compute_random_augmentation(1)
        assert torch.equal(rotations[k], rotation[0])
        assert torch.equal(translations[k], translation[0])
        assert torch.equal(second[k], torch.randn(1, n_atoms, 3)[0])
    torch.set_rng_state(state)


def test_noise_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    noise = Noise([1], 8, torch.device("cpu"))
    noise.positions(), noise.motion()
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("n_steps", [2, 5, 20, 200])
def test_schedule_is_the_serial_one(n_steps):
    layer = tiny_model().structure_module
    sigmas = layer.sample_schedule(n_steps).tolist()
    steps = schedule(layer, n_steps)
    np.testing.assert_allclose([step.sigma for step in steps], sigmas[:-1], rtol=2e-7)
    np.testing.assert_allclose([step.following for step in steps], sigmas[1:], rtol=2e-7)
    for step in steps:
        gamma = layer.gamma_0 if step.following > layer.gamma_min else 0
        assert step.raised == pytest.approx(step.sigma * (1 + gamma), rel=1e-6)
        variance = layer.noise_scale**2 * (step.raised**2 - step.sigma**2)
        assert step.added == pytest.approx(variance**0.5, rel=1e-6)
    assert any(step.added for step in steps) == (n_steps > 2)


def test_one_step_is_no_schedule():
    with pytest.raises(UsageError, match="at least 2"):
        schedule(SimpleNamespace(), 1)


@pytest.mark.parametrize("mirrored", [False, True])
def test_rigid_alignment_is_boltz_own(mirrored):
    # Of unlike extent along its axes: otherwise which of them to turn back is a matter of rounding.
    x, mask = normal(3, 50, 3, seed=1) * torch.tensor([40.0, 25, 10]), random_mask(50, seed=2)
    turned = x @ torch.linalg.qr(normal(3, 3, 3, seed=3))[0] + normal(3, 1, 3, seed=4)
    target = turned * torch.tensor([-1.0, 1, 1]) if mirrored else turned + normal(3, 50, 3, seed=5)
    weights = mask.expand(3, -1)
    expected = weighted_rigid_align(x, target, weights, weights)
    torch.testing.assert_close(rigid_alignment(x, target, mask), expected, rtol=0, atol=1e-4)
    assert (rigid_alignment(x, target, torch.ones(50)) - expected).abs().max() > 1e-2

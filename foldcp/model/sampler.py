"""Sampling: from noise to coordinates over a falling schedule of noise levels.

Source: Karras et al. 2022, algorithm 2, without its second-order correction; AlphaFold 3, supplementary
algorithm 18; `boltz.model.modules.diffusionv2.AtomDiffusion.sample` with steering off.
"""

import math
from collections.abc import Callable, Sequence
from itertools import count
from typing import NamedTuple

import numpy as np
import torch
from boltz.model.modules.diffusionv2 import AtomDiffusion
from torch import Tensor

from foldcp.errors import UsageError
from foldcp.mesh import Place
from foldcp.model.diffusion import Conditioning, Denoiser
from foldcp.model.noise import Noise
from foldcp.ops.rigid_alignment import rigid_alignment

Progress = Callable[[int, int], None]
"""Takes how many denoising steps are done, and of how many."""


class Step(NamedTuple):
    """Noise levels of one step, in ångströms."""

    sigma: float
    """Level before the step."""
    raised: float
    """Level at which the network sees the positions, after noise has been added."""
    added: float
    """Standard deviation of that noise."""
    following: float
    """Level after the step."""


def schedule(layer: AtomDiffusion, n_steps: int) -> list[Step]:
    """Return the steps down `σ_i = σ_data (σ_max^(1/ρ) + i/(n-1) (σ_min^(1/ρ) - σ_max^(1/ρ)))^ρ`, then to 0.

    Where the next level is above `gamma_min`, the level is first raised by the factor `1 + gamma_0`. Computed
    in fp32 on the host, like Boltz on a CPU, so that every device takes the same steps.

    Raises
    ------
    UsageError
        If there are fewer than two steps.
    """
    if n_steps < 2:
        raise UsageError(f"{n_steps} diffusion steps asked for; a schedule has at least 2")
    high, low = layer.sigma_max ** (1 / layer.rho), layer.sigma_min ** (1 / layer.rho)
    fractions = np.arange(n_steps, dtype=np.float32) / np.float32(n_steps - 1)
    levels = (np.float32(high) + fractions * np.float32(low - high)) ** np.float32(layer.rho)
    sigmas = [float(level) for level in levels * np.float32(layer.sigma_data)]
    return [_step(layer, *levels) for levels in zip(sigmas, [*sigmas[1:], 0.0], strict=True)]


def _step(layer: AtomDiffusion, sigma: float, following: float) -> Step:
    gamma = float(np.float32(layer.gamma_0)) if following > layer.gamma_min else 0.0
    raised = sigma * (1 + gamma)
    return Step(sigma, raised, layer.noise_scale * math.sqrt(raised**2 - sigma**2), following)


def sample(
    layer: AtomDiffusion,
    conditioning: Conditioning,
    seeds: Sequence[int],
    n_steps: int,
    place: Place,
    progress: Progress | None = None,
) -> Tensor:
    """Return the coordinates (B, A, 3) of one sample per seed, whole and the same on every rank.

    A sample depends on its own seed alone, to rounding: neither on the mesh nor on how many are drawn
    together, which is as many as a quarter of the budget allows, at least one.

    Parameters
    ----------
    layer : AtomDiffusion
        The serial structure module.
    conditioning : Conditioning
        What all steps read.
    seeds : sequence of int
        One per sample.
    n_steps : int
        Denoising steps.
    place : Place
        Mesh, N and budget.
    progress : callable, optional
        Called after each step.
    """
    steps, mask = schedule(layer, n_steps), conditioning.atom_mask
    together = max(1, place.budget.bytes // 4 // bytes_per_sample(layer, len(mask), place))
    groups = [seeds[first : first + together] for first in range(0, len(seeds), together)]
    done = count(1)

    def tick() -> None:
        if progress is not None:
            progress(next(done), len(groups) * n_steps)

    denoiser = Denoiser(layer)
    noises = (Noise(group, len(mask), mask.device) for group in groups)
    return torch.cat([_trajectory(denoiser, conditioning, noise, steps, place, tick) for noise in noises])


def bytes_per_sample(layer: AtomDiffusion, n_atoms: int, place: Place) -> int:
    """Return what one more sample in a denoising step takes on a rank, the same figure on all ranks.

    Samples share biases and conditioning. Each has its own whole tokens and own atoms, which stay, and what
    works on them: queries, keys, values and gates of tokens, or those of atoms.
    """
    token_width = layer.score_model.token_transformer.layers[0].pair_bias_attn.c_s
    atom_width = layer.score_model.atom_attention_decoder.a_to_q_trans.out_features
    height, width = place.largest_tile
    own_tokens = -(-place.n_tokens // place.mesh.size)
    own_atoms = -(-n_atoms // place.mesh.size) + layer.score_model.atoms_per_window_queries
    stay = place.n_tokens * token_width + own_atoms * atom_width
    work = max((4 * height + 3 * width + 4 * own_tokens) * token_width, 7 * own_atoms * atom_width)
    return 4 * (stay + work)


def _trajectory(
    denoiser: Denoiser,
    conditioning: Conditioning,
    noise: Noise,
    steps: Sequence[Step],
    place: Place,
    tick: Callable[[], None],
) -> Tensor:
    """Return the positions (B, A, 3) after all steps; `tick` is called after each."""
    layer = denoiser.layer
    x = steps[0].sigma * noise.positions()
    for number, step in enumerate(steps):
        rotation, translation = noise.motion()
        # The mean is over padding too: it is part of the serial model's arithmetic.
        x = (x - x.mean(dim=1, keepdim=True)) @ rotation + translation
        x = x + step.added * noise.positions()
        # Every step makes the same calls: hundreds of short messages that need one agreement.
        with place.mesh.handshakes.spared(repeated=number > 0):
            denoised = denoiser(x, step.raised, conditioning, place)
        if layer.alignment_reverse_diff:
            x = rigid_alignment(x, denoised, conditioning.atom_mask)
        x = x + layer.step_scale * (step.following - step.raised) / step.raised * (x - denoised)
        tick()
    return x

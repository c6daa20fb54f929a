"""Boltz-2 inference of one complex on a mesh: from features and seeds to structures and their scores."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from boltz.model.models.boltz2 import Boltz2
from torch import Tensor

from foldcp.errors import UsageError
from foldcp.features import Features
from foldcp.layers.input_embedder import InputEmbedder
from foldcp.mesh import Mesh, Place
from foldcp.model.confidence import Confidence, SampleConfidence, contact_probability
from foldcp.model.diffusion import DiffusionConditioning
from foldcp.model.sampler import sample
from foldcp.model.trunk import Trunk
from foldcp.ops import kernels
from foldcp.ops.atom_windows import AtomShare
from foldcp.ops.tile_rows import whole_rows

Say = Callable[[str], None]
RowSink = Callable[[str, int, slice, Tensor], None]
"""Takes the kind of error (`pae` or `pde`), the sample, which rows, and the rows (…, N) in ångströms."""


@dataclass(frozen=True)
class Options:
    """How to fold.

    Attributes
    ----------
    recycles, steps
        Recycling passes of the trunk, diffusion steps.
    budget
        What transients may take: small, medium or large (`foldcp.mesh.Budget`).
    precision
        `fp32`; `bf16-mixed`: products in bf16 where Boltz-2 has them so; `bf16`: the pair tile in bf16 too.
    alignment_seed
        Seed of the choice of alignment rows, where the model takes a random subset of them.
    kernels
        Whether attention may use cuEquivariance's kernel, where it is installed (`foldcp.ops.kernels`).
    """

    recycles: int = 3
    steps: int = 200
    budget: str = "small"
    precision: str = "fp32"
    alignment_seed: int = 0
    kernels: bool = False


@dataclass(frozen=True)
class Prediction:
    """Structures of one complex, the same on every rank. K samples, A atoms with padding.

    Attributes
    ----------
    coordinates
        Atom positions in ångströms (K, A, 3).
    confidence
        One record of scores per sample.
    b_factors
        Logits of each token's B-factor over the head's bins (N, bins); None if the model has no such head.
    """

    coordinates: Tensor
    confidence: list[SampleConfidence]
    b_factors: Tensor | None


class Boltz2OnMesh:
    """A Boltz-2 whose pair representation is tiled over a mesh; its weights are those of the serial model.

    Parameters
    ----------
    model : Boltz2
        The serial model in evaluation mode, whole on this rank's device. It stays as it is, except that its
        parameters stop asking for gradients.
    mesh : Mesh
        The mesh; all its ranks must call `fold` with the same arguments.

    Raises
    ------
    UsageError
        If the model wants what a mesh does not do yet: affinity, steering potentials, training.
    """

    def __init__(self, model: Boltz2, mesh: Mesh) -> None:
        check_supported(model)
        # Autocast keeps a copy in bf16 of every weight that could get a gradient.
        self.model, self.mesh = model.requires_grad_(False), mesh
        self.embedder = InputEmbedder(model.input_embedder)
        self.trunk = Trunk(model)
        self.conditioning = DiffusionConditioning(model)
        self.confidence = Confidence(model)

    @torch.no_grad()
    def fold(
        self,
        features: Features,
        sample_seeds: Sequence[int],
        options: Options,
        errors: RowSink | None = None,
        say: Say | None = None,
    ) -> Prediction:
        """Fold one complex, one sample per seed.

        Parameters
        ----------
        features : Features
            Features of the complex, on the host.
        sample_seeds : sequence of int
            Seed of each sample; a sample depends on nothing else that is random, whatever the mesh.
        options : Options
            How to fold.
        errors : callable, optional
            Takes the predicted aligned and distance errors block of rows by block of rows, on every rank.
        say : callable, optional
            Takes a line about each stage.

        Raises
        ------
        MeshError
            If the complex has fewer tokens than the mesh has rows or columns.
        """
        device = next(self.model.parameters()).device
        place = Place.create(self.mesh, features.n_tokens, options.budget, device.type)
        pair_dtype = torch.bfloat16 if options.precision == "bf16" else torch.float32
        share = AtomShare.create(features, self.mesh, device)
        say = say or (lambda line: None)
        with _autocast(device, options.precision), kernels.allowed(options.kernels):
            say("trunk")
            s_inputs = self.embedder(features, share, place)
            s, z = self.trunk(s_inputs, features, place, options.recycles, options.alignment_seed, pair_dtype)
            trunk = Representation(s_inputs, s, z, features, place)
            contact = contact_probability(self.model.distogram_module, z, place)
            say("diffusion")
            coordinates = self._sample(trunk, share, sample_seeds, options.steps, say)
            b_factors = self.model.bfactor_module(s) if self.model.predict_bfactor else None
            say("confidence")
            return Prediction(coordinates, self._score(trunk, coordinates, contact, errors), b_factors)

    def _sample(
        self, trunk: "Representation", share: AtomShare, seeds: Sequence[int], n_steps: int, say: Say
    ) -> Tensor:
        """Return the coordinates (K, A, 3). The conditioning lives no longer than this call."""
        given = self.conditioning(trunk.s_inputs, trunk.s, trunk.z, trunk.features, share, trunk.place)

        def progress(step: int, of: int) -> None:
            if step % max(1, of // 10) == 0:
                say(f"diffusion {step}/{of}")

        return sample(self.model.structure_module, given, seeds, n_steps, trunk.place, progress)

    def _score(
        self, trunk: "Representation", coordinates: Tensor, contact: Tensor, errors: RowSink | None
    ) -> list[SampleConfidence]:
        """Return each sample's scores. The last one takes over the trunk's pair tile."""
        scored = []
        for number, positions in enumerate(coordinates):
            scores = self.confidence(
                *(trunk.s_inputs, trunk.s, trunk.z, positions, trunk.features, trunk.place, contact),
                reuse=number == len(coordinates) - 1,
                keep_errors=errors is not None,
            )
            for kind, tile in (("pae", scores.pae), ("pde", scores.pde)):
                if errors is not None and tile is not None:
                    for rows, block in whole_rows(tile, trunk.place):
                        errors(kind, number, rows, block)
            scored.append(replace(scores, pae=None, pde=None))
        return scored


class Representation(NamedTuple):
    """What the trunk makes of a complex: tokens (N, D_s), whole on all ranks, and its pair tile (I, J, D)."""

    s_inputs: Tensor
    s: Tensor
    z: Tensor
    features: Features
    place: Place


def check_supported(model: Boltz2) -> None:
    """Refuse a model that wants what a mesh does not do yet."""
    steering = model.steering_args or {}
    wanted = {
        "affinity prediction": model.affinity_prediction,
        "steering by potentials (fk_steering)": steering.get("fk_steering"),
        "steering by potentials (physical_guidance_update)": steering.get("physical_guidance_update"),
        "training": model.training,
        "structure prediction switched off": model.skip_run_structure or not model.run_trunk_and_structure,
        "no confidence module": not model.confidence_prediction,
    }
    if refused := [what for what, asked in wanted.items() if asked]:
        raise UsageError(f"not supported on a mesh yet: {', '.join(refused)}")


def _autocast(device: torch.device, precision: str) -> contextlib.AbstractContextManager[Any]:
    return torch.autocast(device.type, torch.bfloat16, enabled=precision != "fp32", cache_enabled=False)

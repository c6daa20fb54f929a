"""The random numbers of the diffusion: one generator per sample, whatever the mesh, device and batch.

Each generator lives on the host and is drawn from in the order of a serial Boltz-2 that samples one
structure right after `torch.manual_seed(seed)`: the initial positions, then in each step a quaternion, a
translation and the noise of all atoms, padding included. Every rank draws everything: numbers cost less than
messages.
"""

from collections.abc import Sequence

import torch
from boltz.model.modules.utils import quaternion_to_matrix
from torch import Tensor


class Noise:
    """The random numbers of B samples of one complex, in the order in which the sampler asks for them.

    Parameters
    ----------
    seeds : sequence of int
        One per sample.
    n_atoms : int
        A, padding included: it is part of how many numbers are drawn.
    device : torch.device
        Where the numbers are wanted.
    """

    def __init__(self, seeds: Sequence[int], n_atoms: int, device: torch.device) -> None:
        self.generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self.n_atoms, self.device = n_atoms, device

    def positions(self) -> Tensor:
        """Return standard normal vectors (B, A, 3)."""
        return self._draw(self.n_atoms, 3)

    def motion(self) -> tuple[Tensor, Tensor]:
        """Return uniformly random rotations (B, 3, 3) and standard normal translations (B, 1, 3)."""
        # Normalised on the host, like Boltz; the sign of a quaternion makes no difference.
        quaternions = self._draw(4, device="cpu")
        rotations = quaternion_to_matrix(quaternions / (quaternions**2).sum(1, keepdim=True).sqrt())
        return rotations.to(self.device), self._draw(1, 3)

    def _draw(self, *shape: int, device: torch.device | str | None = None) -> Tensor:
        """Return one draw of every generator. Draws are not joined: numbers depend on the tensor's size."""
        drawn = [torch.randn(1, *shape, generator=generator) for generator in self.generators]
        return torch.cat(drawn).to(device or self.device)

"""The seam behind which a model runs: features and seeds in, structures out. Imports no torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from foldcp.predict.settings import Settings

if TYPE_CHECKING:
    import numpy as np

    from foldcp.features import Features
    from foldcp.predict.memory import Place
    from foldcp.scores.interface_errors import InterfaceErrors


@dataclass(frozen=True)
class Folded:
    """Structures of one complex. S samples, A atoms, N tokens.

    Attributes
    ----------
    coordinates
        Atom positions in ångströms, [S, A, 3], fp32, in the order of Boltz's atom table.
    confidence
        One dictionary per sample, with exactly the keys of Boltz's `confidence_*.json`.
    plddt
        Per-token pLDDT, [S, N], 0 to 1.
    interfaces
        Per sample, the scores of interfaces from the predicted aligned error; chains in the order of the
        confidence. Made where the error is, so that they need no error matrix.
    pae, pde
        Files (`.npy`, [N, N]) of the predicted aligned and distance error in ångströms, one per sample; None
        unless asked for. They are files because an N × N matrix must not be whole in memory.
    """

    coordinates: "np.ndarray"
    confidence: list[dict[str, Any]]
    plddt: "np.ndarray"
    interfaces: "list[InterfaceErrors]"
    pae: list[Path] | None = None
    pde: list[Path] | None = None


class Engine(Protocol):
    """A loaded model.

    Attributes
    ----------
    name
        Which engine it is, for the record.
    device
        `cpu` or `cuda`.
    device_name
        Model of the GPU, or `cpu`.
    places
        Where each rank computes.
    """

    name: str
    device: str
    device_name: str
    places: "list[Place]"

    @property
    def peaks(self) -> list[int | None]:
        """Peak memory of each rank since `fold` was called last, in bytes; None where nobody saw it."""
        ...

    def fold(
        self,
        features: "Features",
        sample_seeds: Sequence[int],
        settings: Settings,
        spool: Path,
        alignment_seed: int = 0,
    ) -> Folded:
        """Fold one complex, one sample per seed; files go to the folder `spool`."""
        ...

    def close(self) -> None:
        """End whatever runs outside this process."""
        ...


def load(checkpoint: Path, settings: Settings) -> Engine:
    """Load a checkpoint into the engine for the mesh of the settings.

    Raises
    ------
    MissingError
        If the device that was asked for is not there.
    InputError
        If the file is no Boltz-2 checkpoint.
    """
    from foldcp.predict.mesh_engine import MeshEngine

    return MeshEngine(checkpoint, settings)

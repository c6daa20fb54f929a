"""Boltz-2 on a mesh of ranks behind the engine's seam: in this process on 1×1, else in a process per rank."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from foldcp.errors import MissingError
from foldcp.features import Features
from foldcp.mesh import Mesh
from foldcp.model.confidence import SampleConfidence
from foldcp.model.fold import Boltz2OnMesh, Options
from foldcp.predict import memory
from foldcp.predict.boltz_model import load_model
from foldcp.predict.engine import Folded
from foldcp.predict.matrix_file import MatrixFile
from foldcp.predict.memory import Place
from foldcp.predict.ranks import Ranks, Say, Work, World
from foldcp.predict.ranks.driver import say_on_stderr
from foldcp.predict.settings import Settings
from foldcp.scores.interface_errors import InterfaceErrors
from foldcp.tables.files import writing

_TM_SCORES = ["ptm", "iptm", "ligand_iptm", "protein_iptm"]
_SCORES = [*_TM_SCORES, "complex_plddt", "complex_iplddt", "complex_pde", "complex_ipde"]


@dataclass(frozen=True)
class Job:
    """One complex to fold, as every rank gets it."""

    features: Features
    sample_seeds: tuple[int, ...]
    settings: Settings
    spool: Path
    """Folder for the error matrices that rank 0 writes."""
    alignment_seed: int


class MeshEngine:
    """Boltz-2 on the mesh of the settings.

    Parameters
    ----------
    checkpoint
        Lightning checkpoint of `Boltz2`. It is unpickled, which runs code: load only files you trust.
    settings
        Mesh, device and threads; those given to `fold` may differ in everything else.

    Raises
    ------
    MissingError
        If the device that was asked for is not there.
    InputError
        If the file is no Boltz-2 checkpoint.
    UsageError
        If this process was started with others, and the ranks cannot be shared out to them evenly.
    RankError
        If a rank cannot start.
    """

    name = "mesh"

    def __init__(self, checkpoint: Path, settings: Settings) -> None:
        device = _device(settings.device)
        World.current().share(settings.mesh)
        self._ranks: _Ranks
        if tuple(settings.mesh) == (1, 1):
            self._ranks = _OneRank(checkpoint, device, settings.threads)
        else:
            self._ranks = Ranks(settings.mesh, build, (checkpoint,), device, settings.threads)
            self._ranks.start()
        self.device, self.device_name = self._ranks.device, self._ranks.device_name
        self.places = self._ranks.places

    def fold(
        self,
        features: Features,
        sample_seeds: Sequence[int],
        settings: Settings,
        spool: Path,
        alignment_seed: int = 0,
    ) -> Folded:
        """Fold one complex, one sample per seed, each independent of the others.

        Parameters
        ----------
        features
            Features of the complex.
        sample_seeds
            Seed of each sample.
        settings
            Recycles, steps, precision, budget, and whether errors are wanted.
        spool
            Folder for the error matrices.
        alignment_seed
            Seed of the choice of alignment rows, where the model takes a random subset.
        """
        job = Job(features, tuple(sample_seeds), settings, spool, alignment_seed)
        folded: Folded = self._ranks.run(job)
        return folded

    @property
    def peaks(self) -> list[int | None]:
        """Peak of each rank since `fold` was called last, in bytes; None where nobody saw it."""
        return list(self._ranks.peaks)

    def close(self) -> None:
        """End the ranks."""
        self._ranks.close()


class _Ranks(Protocol):
    """What runs a job on all ranks."""

    device: str
    device_name: str
    places: list[Place]

    @property
    def peaks(self) -> Sequence[int | None]: ...

    def run(self, job: Any) -> Any: ...

    def close(self) -> None: ...


class _OneRank:
    """The only rank of a 1×1 mesh, in this process."""

    def __init__(self, checkpoint: Path, device: str, threads: int | None) -> None:
        self.device = device if device == "cpu" else f"cuda:{torch.cuda.current_device()}"
        self.device_name = device if device == "cpu" else torch.cuda.get_device_name(self.device)
        if threads is not None:
            torch.set_num_threads(threads)
        self.places = [Place.of(self.device)]
        self._work = build(Mesh.create(1, 1), self.device, checkpoint)

    @property
    def peaks(self) -> list[int | None]:
        return [memory.peak_bytes(self.device)]

    def run(self, job: Any) -> Any:
        memory.reset_peak(self.device)
        return self._work(job, say_on_stderr)

    def close(self) -> None:
        """Nothing to end."""


def build(mesh: Mesh, device: str, checkpoint: Path) -> Work:
    """Load the model on one rank; return what folds a `Job` there."""
    torch.set_float32_matmul_precision("highest")
    return partial(_fold, Boltz2OnMesh(load_model(checkpoint).to(device), mesh))


def _fold(model: Boltz2OnMesh, job: Job, say: Say) -> Folded | None:
    s, first = job.settings, model.mesh.everyone.index == 0
    kernels = s.kernels == "auto"
    options = Options(s.recycles, s.steps, s.budget, s.precision, job.alignment_seed, kernels)
    files = ErrorFiles(job.spool, job.features.n_tokens, first) if s.pae else None
    predicted = model.fold(job.features, job.sample_seeds, options, files, say)
    if not first:
        return None
    real = job.features.atoms.mask.bool()
    return Folded(
        coordinates=_array(predicted.coordinates)[:, real.numpy()],
        confidence=[boltz_json(sample) for sample in predicted.confidence],
        plddt=np.stack([_array(sample.plddt) for sample in predicted.confidence]),
        interfaces=[InterfaceErrors.of(sample.interfaces) for sample in predicted.confidence],
        pae=files.close("pae") if files else None,
        pde=files.close("pde") if files else None,
    )


def _array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.float().cpu().numpy()


class ErrorFiles:
    """Takes error matrices row block by row block; on rank 0 it writes them, one file per kind and sample."""

    def __init__(self, folder: Path, n_tokens: int, first: bool) -> None:
        self._folder, self._n, self._first = folder, n_tokens, first
        self._open: dict[tuple[str, int], MatrixFile] = {}

    def __call__(self, kind: str, sample: int, rows: slice, block: torch.Tensor) -> None:
        """Take the rows (…, N) of one kind of error of one sample."""
        if not self._first:
            return
        path, content = self._path(kind, sample), block.float().cpu().numpy()
        with writing(path):
            if rows.start == 0:
                self._open[kind, sample] = MatrixFile(path, self._n)
            self._open[kind, sample].append(content)

    def close(self, kind: str) -> list[Path]:
        """End the files of one kind; return them by sample."""
        samples = sorted(sample for found, sample in self._open if found == kind)
        for sample in samples:
            with writing(self._path(kind, sample)):
                self._open[kind, sample].close()
        return [self._path(kind, sample) for sample in samples]

    def _path(self, kind: str, sample: int) -> Path:
        return self._folder / f"{kind}_{sample}.npy"


def boltz_json(scores: SampleConfidence) -> dict[str, Any]:
    """Return what Boltz writes into `confidence_*.json` for one sample."""
    found = {name: getattr(scores, name).item() for name in _SCORES}
    # One chain has no interface: its score takes the pTM.
    partner = found["ptm"] if math.isclose(found["iptm"], 0, abs_tol=1e-8) else found["iptm"]
    matrix = scores.pair_chains_iptm.tolist()
    pairs = {
        a: dict(zip(scores.chains, row, strict=True)) for a, row in zip(scores.chains, matrix, strict=True)
    }
    return {
        "confidence_score": (4 * found["complex_plddt"] + partner) / 5,
        **found,
        "chains_ptm": {chain: pairs[chain][chain] for chain in pairs},
        "pair_chains_iptm": pairs,
    }


def _device(name: str) -> str:
    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return "cpu"
    if not torch.cuda.is_available():
        raise MissingError("torch sees no GPU for device 'cuda'; use device cpu, or run `foldcp doctor`")
    return "cuda"

"""What this machine has for predictions, what is missing, and how to get it. Never needs a network."""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from foldcp import __version__, staging
from foldcp.config import cache_folder
from foldcp.demo.model import checkpoint_path
from foldcp.errors import MissingError
from foldcp.predict import weights
from foldcp.predict.settings import check_model

_TIMEOUT = 10.0
_MIN_FREE_GB = 10.0
_SLURM_PROGRAMS = ("sinfo", "sbatch", "squeue", "sacct")


class State(StrEnum):
    """Verdict of a check."""

    OK = "ok"
    NOTE = "note"
    """Worth knowing; predictions run all the same."""
    MISSING = "missing"
    """Predictions with this model cannot run."""


@dataclass(frozen=True)
class Check:
    """One line: what was looked at, the verdict, what was found, and how to get what is missing."""

    name: str
    state: State
    found: str
    remedy: str = ""


def examine(model: str = "boltz2", cache: Path | None = None) -> list[Check]:
    """Return what this machine has for predictions with `model`, which must exist (`UsageError`).

    Parameters
    ----------
    model
        `demo`, `boltz2`, or the path of a checkpoint: decides which weights are required.
    cache
        Folder of weights and molecules; None is the default of that model.
    """
    check_model(model)
    torch = _torch()
    return [
        _python(),
        *_packages(),
        *_pins(),
        _processor(),
        *_gpus(torch),
        _nccl(torch),
        _kernels(torch),
        *_slurm(),
        _weights(model, cache),
        *_staged(weights.cache_folder(cache)),
        _demo(cache if model == "demo" else None),
        *_disks(model, cache),
    ]


def _torch() -> Any:
    """Return torch, or None where it does not import; `_packages` says so."""
    try:
        import torch
    except (ImportError, OSError):  # OSError: a CUDA library that the build needs is absent
        return None
    return torch


def _python() -> Check:
    found = f"{platform.python_version()} at {sys.executable}"
    if (3, 11) <= sys.version_info < (3, 13):
        return Check("python", State.OK, found)
    return Check("python", State.MISSING, found, "Boltz 2.2.1 needs Python 3.11 or 3.12")


def _packages() -> Iterator[Check]:
    yield Check("foldcp", State.OK, __version__)
    for name in ("boltz", "torch", "biotite"):
        try:
            yield Check(name, State.OK, version(name))
        except PackageNotFoundError:
            yield Check(name, State.MISSING, "not installed", "run `pip install .` in the foldcp folder")


def _pins() -> Iterator[Check]:
    """Yield the packages of which Boltz wants another version than is here: a common cause of odd errors."""
    try:
        requirements = [Requirement(text) for text in requires("boltz") or []]
    except PackageNotFoundError:
        return
    for wanted in requirements:
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
            continue
        try:
            found = version(wanted.name)
        except PackageNotFoundError:
            found = "not installed"
        if found == "not installed" or not wanted.specifier.contains(found, prereleases=True):
            remedy = f"boltz needs it: `pip install '{wanted.name}{wanted.specifier}'`"
            yield Check(
                wanted.name, State.MISSING, f"{found}, boltz wants {wanted.specifier or 'any'}", remedy
            )


def _processor() -> Check:
    import psutil

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = psutil.virtual_memory()
    found = f"{cores} cores, {memory.available / 2**30:.0f} of {memory.total / 2**30:.0f} GiB memory free"
    return Check("cpu", State.OK, found)


def _gpus(torch: Any) -> Iterator[Check]:
    if torch is None:
        yield Check("gpu", State.MISSING, "torch does not import", "reinstall torch: `pip install torch`")
        return
    if not torch.cuda.is_available():
        build = "a CPU build" if torch.version.cuda is None else f"built for CUDA {torch.version.cuda}"
        remedy = "predictions run on the CPU, slowly; a GPU needs its driver and a CUDA build of torch"
        yield Check("gpu", State.NOTE, f"none (torch is {build})", remedy)
        return
    for index in range(torch.cuda.device_count()):
        card = torch.cuda.get_device_properties(index)
        yield Check(f"gpu {index}", State.OK, f"{card.name}, {card.total_memory / 2**30:.1f} GiB")


def _nccl(torch: Any) -> Check:
    if torch is None:
        return Check("nccl", State.NOTE, "comes with torch, which does not import")
    if torch.distributed.is_available() and torch.distributed.is_nccl_available():
        return Check("nccl", State.OK, ".".join(map(str, torch.cuda.nccl.version())))
    if not torch.cuda.is_available():
        return Check("nccl", State.NOTE, "not in this torch; not needed without GPUs")
    remedy = "needed for one complex on several GPUs: a build of torch with NCCL"
    return Check("nccl", State.NOTE, "not in this torch", remedy)


def _kernels(torch: Any) -> Check:
    try:
        found = f"cuEquivariance {version('cuequivariance-ops-torch-cu13')}"
    except PackageNotFoundError:
        remedy = "optional, for speed: `pip install '.[gpu]'`"
        return Check("kernels", State.NOTE, "no cuEquivariance; torch's attention is used", remedy)
    if torch is None or not torch.cuda.is_available():
        return Check("kernels", State.NOTE, f"{found}, not used without a GPU")
    return Check("kernels", State.OK, f"{found}; each process tries it out before it uses it")


def _slurm() -> Iterator[Check]:
    absent = [name for name in _SLURM_PROGRAMS if shutil.which(name) is None]
    if len(absent) == len(_SLURM_PROGRAMS):
        yield Check("slurm", State.NOTE, "not on this machine", "launchers debug and local work without it")
        return
    if absent:
        remedy = "launcher slurm needs all four; ask your administrators"
        yield Check("slurm", State.NOTE, f"{', '.join(absent)} not found", remedy)
        return
    answer, partitions = _ask("sinfo", "--noheader", "--format=%P")
    if not answer:
        yield Check(
            "slurm",
            State.NOTE,
            f"sinfo: {partitions}",
            "the controller does not answer; is this a login node?",
        )
        return
    if partitions:
        yield Check("slurm", State.OK, f"partitions {', '.join(partitions.split())}")
    else:
        remedy = "jobs need one that you may use; ask your administrators"
        yield Check("slurm", State.NOTE, "SLURM answers, but lists no partition", remedy)
    yield _accounting()


def _accounting() -> Check:
    answer, text = _ask("sacct", "--noheader", "--allocations", "--starttime=now-1hour")
    if answer:
        return Check("slurm accounting", State.OK, "sacct answers")
    remedy = "without it a killed job is noticed late; ask your administrators for slurmdbd"
    return Check("slurm accounting", State.NOTE, f"sacct: {text}", remedy)


def _ask(*command: str) -> tuple[bool, str]:
    """Return whether a program succeeded, and what it said (its last line on failure)."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        return False, f"no answer in {_TIMEOUT:.0f} s"
    if done.returncode == 0:
        return True, done.stdout.strip()
    said = (done.stderr.strip() or done.stdout.strip()).splitlines()
    return False, said[-1] if said else f"exit code {done.returncode}"


def _weights(model: str, cache: Path | None) -> Check:
    if model == "demo":
        return Check("weights", State.OK, "model demo needs none")
    if model != "boltz2":
        return Check("weights", State.OK, f"your checkpoint {model}")
    try:
        files = weights.locate(model, cache)
    except MissingError as error:
        found, _, remedy = str(error).partition("; ")
        return Check("weights", State.MISSING, found, remedy)
    return Check("weights", State.OK, f"{files.checkpoint}, molecules in {files.molecules}")


def _staged(folder: Path) -> Iterator[Check]:
    """Yield whether all that `foldcp doctor --stage` gathered has arrived, where there is a manifest."""
    wrong = staging.damage(folder)
    if wrong:
        some = "; ".join(wrong[:3]) + ("; ..." if len(wrong) > 3 else "")
        remedy = f"copy them again from where {folder} was staged"
        yield Check("staged files", State.MISSING, f"{len(wrong)} damaged: {some}", remedy)
    elif wrong is not None:
        yield Check("staged files", State.OK, f"as in {folder / staging.MANIFEST}")


def _demo(cache: Path | None) -> Check:
    path = checkpoint_path(cache_folder(cache))
    if path.is_file():
        return Check("demo model", State.OK, str(path))
    return Check("demo model", State.OK, "not built yet; built in seconds when first used, with no download")


def _disks(model: str, cache: Path | None) -> Iterator[Check]:
    own = cache_folder(cache) if model == "demo" else weights.cache_folder(cache)
    for name, folder in (("disk, weights", own), ("disk, here", Path.cwd())):
        existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        free = shutil.disk_usage(existing).free / 1e9
        if free >= _MIN_FREE_GB:
            yield Check(name, State.OK, f"{free:.0f} GB free at {existing}")
        else:
            remedy = f"weights and a campaign want {_MIN_FREE_GB:.0f} GB: free some, or use another folder"
            yield Check(name, State.NOTE, f"{free:.1f} GB free at {existing}", remedy)

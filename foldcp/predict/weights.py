"""Where the released weights and molecules lie, and how they get there. Imports no torch.

The folder is Boltz's own (`$BOLTZ_CACHE`, else `~/.boltz`) with Boltz's own file names, so that
`boltz predict` and foldcp share it; `$FOLDCP_CACHE`, where it is set, names one for all that foldcp keeps.
The addresses are Boltz's own too. Affinity weights are left out: foldcp predicts structures.
"""

import os
import shutil
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from foldcp.errors import MissingError, unknown_choice
from foldcp.predict.download import Progress, RemoteFile, Say, fetch, say_nothing
from foldcp.predict.settings import check_model
from foldcp.tables.files import writing

CHECKPOINT = "boltz2_conf.ckpt"
MOLECULES_ARCHIVE = "mols.tar"
MOLECULES = "mols"
_PROBE = "ALA.pkl"
"""A molecule that every archive holds."""


@dataclass(frozen=True)
class WeightFiles:
    """What a prediction reads: the checkpoint, and the folder of molecules (one pickle per CCD code)."""

    checkpoint: Path
    molecules: Path


def cache_folder(cache: Path | None = None) -> Path:
    """Return the folder of weights: `cache`, else `$BOLTZ_CACHE`, else `$FOLDCP_CACHE`, else `~/.boltz`."""
    named = os.environ.get("BOLTZ_CACHE") or os.environ.get("FOLDCP_CACHE") or "~/.boltz"
    return (cache or Path(named)).expanduser().absolute()


def locate(model: str = "boltz2", cache: Path | None = None) -> WeightFiles:
    """Return the checkpoint and the molecules of a model with real weights.

    Parameters
    ----------
    model
        `boltz2`, or the path of a checkpoint.
    cache
        Folder of weights and molecules; None is Boltz's own.

    Raises
    ------
    MissingError
        If one of them is absent or damaged: says which, where it was looked for, and how to get it.
    UsageError
        If there is no such model.
    """
    check_model(model)
    folder = cache_folder(cache)
    checkpoint = folder / CHECKPOINT if model == "boltz2" else Path(model).expanduser()
    _require_checkpoint(checkpoint)
    molecules = folder / MOLECULES
    if not (molecules / _PROBE).is_file():
        raise MissingError(f"no molecules in {molecules}; {_remedy(folder)}")
    return WeightFiles(checkpoint, molecules)


def _require_checkpoint(path: Path) -> None:
    if not path.is_file():
        raise MissingError(f"no weights at {path}; {_remedy(path.parent)}")
    if not _looks_like_checkpoint(path):
        raise MissingError(
            f"{path} is not a whole checkpoint (an interrupted download leaves such a file); "
            f"{_remedy(path.parent)}"
        )


def _remedy(folder: Path) -> str:
    return (
        f"run `foldcp weights --cache {folder}` to download what is missing (once, some gigabytes). "
        f"Without a network: run it on another machine, copy {CHECKPOINT} and {MOLECULES_ARCHIVE} into "
        f"{folder}, and run it here to check and unpack them. Model demo needs no download"
    )


def download(model: str, cache: Path | None, progress: Progress, say: Say = say_nothing) -> WeightFiles:
    """Download, check and unpack the released weights and molecules; do nothing where they are whole.

    Parameters
    ----------
    model
        `boltz2`; no other model is downloaded.
    cache
        Folder of weights and molecules; None is Boltz's own.
    progress
        Told about each block that arrives.
    say
        Told about each try that failed and will be repeated.

    Raises
    ------
    UsageError
        If the model is unknown, or another process is downloading it.
    MissingError
        If no address answers, or the disk is too small.
    WriteError
        If the folder cannot be written to.
    """
    if model != "boltz2":
        raise unknown_choice("model to download", model, ["boltz2"])
    folder = cache_folder(cache)
    molecules, checkpoint = sources()
    with writing(folder / CHECKPOINT):
        if not (folder / MOLECULES / _PROBE).is_file() or (folder / MOLECULES_ARCHIVE).is_file():
            _unpack(fetch(molecules, folder, progress, say), folder)
        fetch(checkpoint, folder, progress, say)
    return locate(model, cache)


def sources() -> tuple[RemoteFile, RemoteFile]:
    """Return the molecule archive and the checkpoint with the addresses that the installed Boltz names."""
    from boltz import main as boltz  # seconds of imports, only needed for its addresses

    return (
        RemoteFile(MOLECULES_ARCHIVE, (boltz.MOL_URL,), _is_archive),
        RemoteFile(CHECKPOINT, tuple(boltz.BOLTZ2_URL_WITH_FALLBACK), _is_checkpoint),
    )


def _looks_like_checkpoint(path: Path) -> bool:
    # A torch checkpoint is a zip archive; its directory is at the end, so a truncated file has none.
    return zipfile.is_zipfile(path)


def _is_checkpoint(path: Path) -> bool:
    """Whether every member of the checkpoint has the checksum that the archive states."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except zipfile.BadZipFile:
        return False


def _is_archive(path: Path) -> bool:
    """Whether a tar archive can be read to its end and holds molecules."""
    try:
        with tarfile.open(path, "r:") as archive:
            return f"{MOLECULES}/{_PROBE}" in _names(archive)
    except (tarfile.TarError, OSError):
        return False


def _names(archive: tarfile.TarFile) -> set[str]:
    return {member.name.removeprefix("./") for member in archive.getmembers()}


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack the molecules, unless every one of them is there; the folder appears whole or not at all."""
    final, partial = folder / MOLECULES, folder / f".{MOLECULES}.part"
    with tarfile.open(archive, "r:") as tar:
        wanted = {Path(name).name for name in _names(tar) if name.endswith(".pkl")}
        there = {path.name for path in final.iterdir()} if final.is_dir() else set()
        if wanted <= there:
            return
        shutil.rmtree(partial, ignore_errors=True)
        tar.extractall(partial, filter="data")
    shutil.rmtree(final, ignore_errors=True)
    (partial / MOLECULES).replace(final)
    shutil.rmtree(partial)

"""One folder with everything that a campaign reads, to carry to a cluster without a network.

Where there is a network, :func:`stage` fills the folder: from the caches of this machine, or by downloading.
A manifest, written last, holds size and SHA-256 of each file, so that :func:`damage` can tell on the other
side whether all of it has arrived. Alignment databases are not staged, only alignments that exist already.
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from foldcp.campaign.structure_templates import named_files
from foldcp.config import Config, cache_folder
from foldcp.errors import InputError, UsageError
from foldcp.predict import weights
from foldcp.predict.download import Progress, RemoteFile, Say, fetch
from foldcp.predict.settings import check_model
from foldcp.tables.files import atomic_write, make_folder, writing
from foldcp.tables.provenance import code_version, sha256_file

MANIFEST = "manifest.json"
INPUTS = "inputs"
"""Folder of the campaign's own files, under the paths that its configuration names."""
_UNIPROT = "uniprot"
_UNFINISHED = (".part", ".tag")


def stage(
    folder: Path, model: str, cache: Path | None, config: Config | None, progress: Progress, say: Say
) -> list[str]:
    """Gather weights, molecules and a campaign's inputs in one folder; go on where an earlier call stopped.

    Parameters
    ----------
    folder
        Folder to fill.
    model
        `boltz2`; the path of a checkpoint, which is copied; or `demo`, which needs no files.
    cache
        Folder of weights and molecules on this machine, copied from before anything is downloaded; None is
        the default one.
    config
        Configuration whose tables, sequences and alignments to gather as well. If it fetches from UniProt, so
        does this.
    progress
        Told about each block that is downloaded.
    say
        Told what is done.

    Returns
    -------
    list
        Files of the folder, relative to it: what the manifest lists.

    Raises
    ------
    InputError
        If the configuration names a file that is not there.
    UsageError
        If there is no such model, or the configuration names a path with ``..``.
    MissingError
        If no address delivers a file, or the disk is too small.
    WriteError
        If the folder cannot be written.
    """
    check_model(model)
    folder = folder.expanduser().absolute()
    make_folder(folder)
    (folder / MANIFEST).unlink(missing_ok=True)
    with writing(folder / MANIFEST):
        if model != "demo":
            _stage_weights(folder, model, weights.cache_folder(cache), progress, say)
        if config is not None:
            _stage_inputs(folder, config, say)
            _stage_uniprot(folder, config, say)
    return _write_manifest(folder)


def damage(folder: Path) -> list[str] | None:
    """Return what is missing or altered in a staged folder, in words; None where it has no manifest.

    Raises
    ------
    InputError
        If the manifest is not readable.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return None
    try:
        files = json.loads(path.read_text(encoding="utf-8"))["files"]
        return [
            f"{name} {wrong}" for name, facts in files.items() if (wrong := _compare(folder / name, facts))
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: not a manifest of `foldcp doctor --stage`: {error!r}") from None


def _facts(path: Path) -> dict[str, Any]:
    return {"size": path.stat().st_size, "sha256": sha256_file(path)}


def _compare(path: Path, facts: Mapping[str, Any]) -> str:
    """Return how a file differs from what it should be; empty if it does not."""
    if not path.is_file():
        return "is missing"
    if path.stat().st_size != facts["size"]:
        return f"has {path.stat().st_size} bytes instead of {facts['size']}"
    return "" if sha256_file(path) == facts["sha256"] else "has other content"


def _stage_weights(folder: Path, model: str, cache: Path, progress: Progress, say: Say) -> None:
    molecules, checkpoint = weights.sources()
    _provide(molecules, folder, cache, progress, say)
    if model == "boltz2":
        _provide(checkpoint, folder, cache, progress, say)
    else:
        _copy(Path(model).expanduser(), folder / Path(model).name, say)


def _provide(file: RemoteFile, folder: Path, cache: Path, progress: Progress, say: Say) -> None:
    known = cache / file.name
    if not (folder / file.name).is_file() and known.is_file() and file.is_whole(known):
        _copy(known, folder / file.name, say)
    fetch(file, folder, progress, say)


def _stage_inputs(folder: Path, config: Config, say: Say) -> None:
    for source in (*_inputs_of(config), *_templates_of(config, say)):
        if not source.exists():
            raise InputError(f"{source}: no such file or folder; the configuration names it")
        if ".." in source.parts:
            raise UsageError(f"{source}: a path with .. has no place in the folder; write it without")
        target = folder / INPUTS / source.relative_to(source.anchor)
        files = sorted(path for path in source.rglob("*") if path.is_file()) if source.is_dir() else [source]
        for path in files:
            _copy(path, target / path.relative_to(source), say)


def _inputs_of(config: Config) -> Iterator[Path]:
    named: list[Path | None] = [
        *config.complexes.files,
        *config.controls.known_partners,
        *config.sequences.fasta,
    ]
    named += [config.sequences.ligands, config.msa.directory, config.msa.species, config.plan.gpus]
    yield from (path for path in named if path is not None)


def _templates_of(config: Config, say: Say) -> Iterator[Path]:
    """Yield the templates that are there. One that is not costs its complex, there as here."""
    for path, rows in named_files(config.complexes.templates).items():
        if path.is_file():
            yield path
        else:
            rows_of = f"{config.complexes.templates}, row {', '.join(map(str, rows))}"
            say(f"warning: {rows_of}: {path}: no such file; the campaign will reject the complexes of it")


def _stage_uniprot(folder: Path, config: Config, say: Say) -> None:
    """Fetch what the campaign needs of UniProt into the folder, starting from what was fetched before."""
    if not config.sequences.uniprot.fetch:
        return
    from foldcp.campaign.complexes import read
    from foldcp.campaign.sequences import resolve

    known = cache_folder(config.sequences.uniprot.cache) / _UNIPROT
    for path in sorted(known.iterdir()) if known.is_dir() else []:
        _copy(path, folder / _UNIPROT / path.name, say)
    there = config.sequences.uniprot.model_copy(update={"cache": folder})
    complexes = read(config.complexes).complexes
    got = resolve(complexes, config.sequences.model_copy(update={"uniprot": there}))
    say(f"sequences: {got.sequences.num_rows} members resolved, {got.unresolved.num_rows} not")


def _copy(source: Path, target: Path, say: Say) -> None:
    if not _compare(target, _facts(source)):
        return
    make_folder(target.parent)
    part = target.with_name(f"{target.name}.part")
    shutil.copyfile(source, part)
    part.replace(target)
    say(f"copied {source}")


def _write_manifest(folder: Path) -> list[str]:
    files = {
        str(path.relative_to(folder)): _facts(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and path.suffix not in _UNFINISHED
        and folder / weights.MOLECULES not in path.parents
    }
    with atomic_write(folder / MANIFEST, "w") as handle:
        json.dump({"foldcp_version": code_version(), "files": files}, handle, indent=1)
    return list(files)

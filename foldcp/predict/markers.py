"""Completion markers: done means that the marker says so and every file matches it. Imports no torch."""

import json
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from foldcp.predict.settings import Settings
from foldcp.tables.files import atomic_write
from foldcp.tables.provenance import code_version, sha256_file, sha256_json

MARKER = "done.json"
_RESULT_VERSION = 3
"""Raised when a change of foldcp changes numbers, or writes a file that scores are made from, so that old
predictions are not taken for new ones."""

_RESULT_SETTINGS = ["precision", "samples", "recycles", "steps", "pae", "deletions", "seed", "campaign"]
"""Settings that change the output, beside `msa_rows`. Pairing is part of the input's key. The model is known
by its weights; cache, device, threads, mesh, budget and kernels only say where and how it is computed."""


def run_key(input_key: str, settings: Settings, weights_sha256: str) -> str:
    """Return the hash of everything that a prediction depends on."""
    values = settings.to_json()
    relevant = {name: values[name] for name in _RESULT_SETTINGS}
    if settings.msa_rows is not None:  # the plan gives a limit only where it cuts: all other keys stay
        relevant["msa_rows"] = settings.msa_rows
    return sha256_json([_RESULT_VERSION, input_key, relevant, weights_sha256])


def write_marker(directory: Path, key: str, files: Iterable[str], facts: Mapping[str, Any]) -> None:
    """Write the marker of a finished prediction, atomically.

    Parameters
    ----------
    directory
        Folder of the prediction.
    key
        Its run key.
    files
        Names of the files it consists of; their sizes and SHA-256 go into the marker.
    facts
        What else to record: settings, seeds, chains, measured memory and time.
    """
    sums = {name: _fingerprint(directory / name) for name in sorted(files)}
    marker = {"run_key": key, "foldcp_version": code_version(), **facts, "files": sums}
    with atomic_write(directory / MARKER, "w") as handle:
        json.dump(marker, handle, indent=1)


def read_marker(directory: Path) -> dict[str, Any] | None:
    """Return the marker of a folder, or None where there is no readable one."""
    try:
        marker = json.loads((directory / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return marker if isinstance(marker, dict) else None


def is_done(directory: Path, key: str) -> bool:
    """Return whether `directory` holds the finished prediction `key`, with every file as it was written."""
    marker = read_marker(directory)
    if marker is None or marker.get("run_key") != key:
        return False
    return bool(listed(marker)) and not differing(directory, marker)


def listed(marker: Mapping[str, Any]) -> dict[str, Any]:
    """Return the files that a marker names, with what it knows of each; none where it is damaged."""
    files = marker.get("files")
    return files if isinstance(files, dict) else {}


def differing(directory: Path, marker: Mapping[str, Any], hashed: Collection[str] | None = None) -> list[str]:
    """Return the names of files that are not as the marker says.

    Parameters
    ----------
    directory
        Folder of the prediction.
    marker
        Its marker.
    hashed
        Files whose content is compared, which reads them; of the others only the size. Default: all.
    """
    return [
        name
        for name, expected in listed(marker).items()
        if not _is_intact(directory / name, expected, hashed is None or name in hashed)
    ]


def _fingerprint(path: Path) -> dict[str, Any]:
    return {"size": path.stat().st_size, "sha256": sha256_file(path)}


def _is_intact(path: Path, expected: Any, hashed: bool) -> bool:
    try:
        # The size first: it catches a truncated file without reading it.
        same_size = path.stat().st_size == expected["size"]
        return same_size and (not hashed or sha256_file(path) == expected["sha256"])
    except (OSError, TypeError, KeyError):
        return False

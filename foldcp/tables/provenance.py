"""Provenance: what a table was computed from, stored in the table's own key-value metadata."""

import functools
import hashlib
import json
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any

import foldcp

_PREFIX = "foldcp."


def sha256_file(path: Path | str) -> str:
    """Return the hex SHA-256 of a file's bytes."""
    with Path(path).open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def sha256_json(value: Any) -> str:
    """Return the hex SHA-256 of a JSON value, independent of key order."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def sha256_path(path: Path | str) -> str:
    """Return the hash of a file, or of the names and contents of all files below a folder."""
    path = Path(path)
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.is_file())
        return sha256_json({str(p.relative_to(path)): sha256_file(p) for p in files})
    return sha256_file(path)


def _short_names(paths: Sequence[Path]) -> list[str]:
    """Return the ends of paths by which they differ: mostly file names, but all parts have one name."""
    ends = [list(accumulate(reversed(path.parts), lambda end, part: f"{part}/{end}")) for path in paths]
    counts = Counter(end for path in ends for end in path)
    return [next((end for end in path if counts[end] == 1), path[-1]) for path in ends]


@functools.cache
def code_version() -> str:
    """Return the foldcp version and, in a git checkout, its commit (`+dirty` when files differ from it)."""
    root = Path(foldcp.__file__).parent.parent
    if not (root / ".git").exists():
        return foldcp.__version__
    command = ["git", "-C", str(root), "describe", "--always", "--dirty=+dirty", "--abbrev=12", "--exclude=*"]
    try:
        got = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return foldcp.__version__
    return f"{foldcp.__version__}+g{got}" if got else foldcp.__version__


@dataclass(frozen=True)
class Provenance:
    """Origin of a table.

    Attributes
    ----------
    inputs
        File name to SHA-256 of every file read.
    config_sha256
        Hash of the configuration that governed the stage.
    weights_sha256
        Hash of the checkpoint, where a model took part.
    seed
        Campaign seed, where randomness took part.
    note
        A remark for the reader, e.g. that demo weights give meaningless scores.
    """

    inputs: Mapping[str, str] = field(default_factory=dict)
    config_sha256: str | None = None
    weights_sha256: str | None = None
    seed: int | None = None
    note: str | None = None

    @classmethod
    def of_files(cls, *paths: Path | str, **fields: Any) -> "Provenance":
        """Return the provenance of a table computed from `paths` (files or folders), hashing each of them."""
        distinct = list(dict.fromkeys(map(Path, paths)))
        return cls(
            inputs=dict(zip(_short_names(distinct), map(sha256_path, distinct), strict=True)), **fields
        )

    def metadata(self, table: str) -> dict[bytes, bytes]:
        """Return Arrow key-value metadata; keys start with `foldcp.`, absent values are left out."""
        values = {
            "table": table,
            "version": code_version(),
            "inputs": json.dumps(dict(self.inputs), sort_keys=True),
            "config_sha256": self.config_sha256,
            "weights_sha256": self.weights_sha256,
            "seed": self.seed,
            "note": self.note,
        }
        return {f"{_PREFIX}{k}".encode(): str(v).encode() for k, v in values.items() if v is not None}


def read_metadata(metadata: Mapping[bytes, bytes] | None) -> dict[str, str]:
    """Return foldcp's own entries of Arrow key-value metadata, without the `foldcp.` prefix."""
    pairs = ((k.decode(), v.decode()) for k, v in (metadata or {}).items())
    return {k.removeprefix(_PREFIX): v for k, v in pairs if k.startswith(_PREFIX)}

"""Databases of MMseqs2: which layout one has, and a checksum that can be had of a terabyte.

A plain database (`mmseqs createdb`) holds the sequences themselves. A clustered one, as ColabFold distributes
them, holds one sequence per cluster; its members are in ``<name>_seq``, and how they align to it in
``<name>_aln``. A hit of a clustered database is expanded to the members of the cluster.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from foldcp.errors import InputError

_PIECE, _PIECES = 1 << 16, 64
"""Bytes of a piece that is hashed, and how many of them a file has."""


@dataclass(frozen=True)
class Database:
    """A database of MMseqs2.

    Attributes
    ----------
    path
        Its path without suffix.
    clustered
        Whether its hits are expanded to members of clusters.
    """

    path: Path
    clustered: bool

    @property
    def sequences(self) -> Path:
        """The database that holds the sequences that are aligned."""
        return Path(f"{self.path}_seq") if self.clustered else self.path

    @property
    def members(self) -> Path:
        """The alignments of members to their clusters."""
        return Path(f"{self.path}_aln")

    def identity(self) -> dict[str, Any]:
        """Return name and checksum: equal wherever the same database lies.

        The checksum is of the sizes of all files, and of 64 pieces of each, evenly spaced.
        """
        digest, size = hashlib.sha256(), 0
        for path in self._files():
            length = path.stat().st_size
            size += length
            digest.update(f"{path.name} {length}\n".encode())
            for piece in _pieces(path, length):
                digest.update(piece)
        return {"name": self.path.name, "bytes": size, "sampled_sha256": digest.hexdigest()}

    def date(self) -> str:
        """Return when the newest of its files was written."""
        newest = max(path.stat().st_mtime for path in self._files())
        return datetime.fromtimestamp(newest, UTC).date().isoformat()

    def _files(self) -> Iterator[Path]:
        headers = Path(f"{self.sequences}_h")
        more = [self.sequences, self.members] if self.clustered else []
        for base in (self.path, *more, headers):
            # A large database has its data in numbered files.
            data = [path for path in base.parent.glob(f"{base.name}.*") if path.suffix[1:].isdigit()]
            named = [base, Path(f"{base}.index"), Path(f"{base}.dbtype"), *sorted(data)]
            yield from (path for path in named if path.is_file())


def open_database(path: Path) -> Database:
    """Return the database at `path`, a path without suffix.

    Raises
    ------
    InputError
        If there is none, or a clustered one is not complete.
    """
    if not _exists(path):
        raise InputError(
            f"{path}: no MMseqs2 database ({path.name}.dbtype is not there); give its path without suffix, "
            "or make one with: mmseqs createdb sequences.fasta NAME"
        )
    parts = {suffix: _exists(Path(f"{path}{suffix}")) for suffix in ("_seq", "_aln")}
    if len(set(parts.values())) > 1:
        absent = next(suffix for suffix, there in parts.items() if not there)
        raise InputError(f"{path}: a clustered database without {path.name}{absent}; set it up again")
    return Database(path, clustered=all(parts.values()))


def _exists(path: Path) -> bool:
    return Path(f"{path}.dbtype").is_file()


def _pieces(path: Path, length: int) -> Iterator[bytes]:
    with path.open("rb") as handle:
        if length <= _PIECE * _PIECES:
            yield handle.read()
            return
        for number in range(_PIECES):
            handle.seek(number * (length - _PIECE) // (_PIECES - 1))
            yield handle.read(_PIECE)

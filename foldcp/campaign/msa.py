"""The msa stage: one alignment per unique protein sequence of the campaign.

With provider `none` every protein is folded as a single sequence. With provider `directory` the alignment of
a sequence is the first of these files that exists, plain or gzip:

1. ``<sha256 of the sequence>.a3m``
2. ``<member>.a3m``, e.g. ``P12345.a3m`` or ``P12345-2.a3m``, for every member that has this sequence

A sequence without a file is folded as a single sequence, and its complexes are flagged. A file that is there
but is malformed, or is of another sequence, is an error of that sequence: its complexes are rejected with it,
because to fold them without the alignment that the user prepared would be a silent surprise.

Alignments are rewritten with one line per row: Boltz takes every line of a file as a row of its own.
"""

import string
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from foldcp.campaign.sources import fasta
from foldcp.config import MsaConfig
from foldcp.errors import InputError
from foldcp.tables.files import atomic_write, make_folder
from foldcp.tables.provenance import sha256_file
from foldcp.tables.rows import rows_to_table
from foldcp.tables.schemas import MSA

_STANDS_IN = ("canonical_for_isoform", "whole_entry_for_feature")
_INSERTIONS = str.maketrans("", "", string.ascii_lowercase + ".")
_LEGAL = str.maketrans("", "", string.ascii_letters + "-.")
_UNKNOWN_RESIDUES = str.maketrans(dict.fromkeys("BJOUZ", "X"))


def collect(sequences: pa.Table, config: MsaConfig, out: Path) -> pa.Table:
    """Find, check and rewrite the alignment of every unique protein sequence.

    Parameters
    ----------
    sequences
        SEQUENCES table. Members of which only the length is known are left out.
    config
        Provider, and its folder.
    out
        Folder the alignments are written to, as ``<sha256>.a3m``; created. Paths in the table are relative
        to its parent.

    Returns
    -------
    pa.Table
        MSA table, sorted by hash.

    Raises
    ------
    InputError
        If the provider's folder does not exist.
    """
    make_folder(out)
    if config.directory is not None and not config.directory.is_dir():
        raise InputError(f"{config.directory}: no such folder (msa.directory)")
    unique: dict[str, str] = {}
    names: dict[str, list[str]] = defaultdict(list)
    for row in sequences.to_pylist():
        if row["entity_type"] == "protein" and row["sequence"] is not None:
            unique[row["sha256"]] = row["sequence"]
            names[row["sha256"]].append(row["accession" if row["resolution"] in _STANDS_IN else "member"])
    return rows_to_table(
        MSA, [_row(sha256, unique[sha256], sorted(names[sha256]), config, out) for sha256 in sorted(unique)]
    )


def _row(sha256: str, sequence: str, names: list[str], config: MsaConfig, out: Path) -> dict[str, Any]:
    row = {"sha256": sha256, "length": len(sequence), "provider": "none", "depth": 1}
    source = _find(config.directory, [sha256, *names]) if config.provider == "directory" else None
    if source is None:
        return row
    target = out / f"{sha256}.a3m"
    try:
        depth = _rewrite(source, target, sequence)
    except InputError as error:
        return row | {"provider": "directory", "depth": 0, "error": str(error)}
    path = f"{out.name}/{target.name}"
    return row | {"provider": "directory", "path": path, "depth": depth, "file_sha256": sha256_file(target)}


def _find(directory: Path | None, names: Iterable[str]) -> Path | None:
    assert directory is not None  # the configuration sees to it
    candidates = (directory / f"{name}{suffix}" for name in names for suffix in (".a3m", ".a3m.gz"))
    return next((path for path in candidates if path.is_file()), None)


def _rewrite(source: Path, target: Path, sequence: str) -> int:
    """Check an alignment and write it with one line per row; return the number of rows."""
    depth = 0
    with atomic_write(target, "w") as handle:
        for header, row in read(source, sequence):
            handle.write(f">{header}\n{row}\n")
            depth += 1
    return depth


def read(path: Path, sequence: str) -> Iterator[tuple[str, str]]:
    """Yield header and row of an a3m alignment of `sequence`.

    In a row, capitals and ``-`` are the columns of the query; lower-case letters are insertions.

    Parameters
    ----------
    path
        The a3m file, plain or gzip. Lines that start with ``#`` are comments.
    sequence
        Sequence of the query, which the first row has to be.

    Raises
    ------
    InputError
        Naming file and line: no rows, letters that are none, a row of another length, or another query.
    """
    for number, block in enumerate(fasta.blocks(path, comment="#")):
        where = f"{path}, line {block.line}"
        row = "".join(text for _, text in block.body)
        columns = row.translate(_INSERTIONS)
        if illegal := row.translate(_LEGAL):
            raise InputError(f"{where}: the row below has {illegal[0]!r}; valid: letters, '-' and '.'")
        if number == 0 and _as_boltz_reads(columns) != _as_boltz_reads(sequence):
            raise InputError(
                f"{where}: the first row ({len(columns)} columns) is not the sequence that is folded "
                f"({len(sequence)} residues); make the alignment again with this sequence"
            )
        if len(columns) != len(sequence):
            raise InputError(
                f"{where}: the row below has {len(columns)} columns, the first row has {len(sequence)}; "
                "in a3m, insertions are lower case"
            )
        yield block.header, row.replace(".", "")


def _as_boltz_reads(sequence: str) -> str:
    # Boltz has one unknown residue; alignment programs often write X for the same letters.
    return sequence.translate(_UNKNOWN_RESIDUES)

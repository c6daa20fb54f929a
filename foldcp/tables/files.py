"""Files that are either whole or absent: written under a temporary name, synced, then renamed."""

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from foldcp.errors import InputError, WriteError
from foldcp.tables.provenance import Provenance
from foldcp.tables.rows import TableSpec, check


def make_folder(path: Path) -> None:
    """Make a folder and its parents, unless it is there.

    Raises
    ------
    WriteError
        If it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError.of(path, error) from error


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the operating system says against writing `path` into a `WriteError`.

    What it says about a file elsewhere (one that is read meanwhile) and a lack of memory stay what they are.
    """
    try:
        yield
    except OSError as error:
        names = [name for name in (error.filename, error.filename2) if isinstance(name, str)]
        here = path.parent.absolute()
        elsewhere = names and not any(Path(name).absolute().is_relative_to(here) for name in names)
        # Errors of libraries (requests, gzip) are OSErrors too, but without a number.
        if elsewhere or error.errno in (None, errno.ENOMEM):
            raise
        raise WriteError.of(path, error) from error


@contextlib.contextmanager
def atomic_write(path: Path | str, mode: str = "wb") -> Iterator[IO]:
    """Open a temporary file beside `path`; on success sync it and rename it to `path`.

    A crash, an exception or a full disk leaves `path` as it was.

    Raises
    ------
    WriteError
        If the file cannot be written.
    """
    path = Path(path)
    make_folder(path.parent)
    with writing(path), _replacing(path, mode) as handle:
        yield handle


@contextlib.contextmanager
def _replacing(path: Path, mode: str) -> Iterator[IO]:
    encoding = None if "b" in mode else "utf-8"
    prefix = f".{path.name[:100]}."
    handle = tempfile.NamedTemporaryFile(  # noqa: SIM115 (closed below, then renamed)
        mode=mode, dir=path.parent, prefix=prefix, suffix=".tmp", delete=False, encoding=encoding
    )
    temporary = Path(handle.name)
    try:
        with handle:
            yield handle
            handle.flush()
            os.fsync(handle.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    # A rename is only durable once the directory entry is; some network filesystems refuse the sync.
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def append_line(path: Path, line: str) -> None:
    """Append a line to a file and sync it, so that a crash loses at most what was being written.

    Raises
    ------
    WriteError
        If it cannot be written.
    """
    with writing(path), path.open("ab") as handle:
        if handle.tell():  # an earlier process may have been killed in the middle of a line
            line = f"\n{line}"
        handle.write(f"{line}\n".encode())
        handle.flush()
        os.fsync(handle.fileno())


def write_table(path: Path | str, spec: TableSpec, table: pa.Table, provenance: Provenance) -> None:
    """Write `table` to `path` as Parquet, checked against `spec`, with provenance in its metadata."""
    schema = spec.schema.with_metadata(provenance.metadata(spec.name))
    table = pa.Table.from_arrays([c.combine_chunks() for c in check(spec, table).columns], schema=schema)
    with atomic_write(path) as handle:
        pq.write_table(table, handle, compression="zstd")


def read_table(path: Path | str, spec: TableSpec) -> pa.Table:
    """Read a Parquet file and check that it is the table `spec` declares.

    Raises
    ------
    InputError
        If the file is absent, is not Parquet, or holds another table.
    """
    try:
        # The folder `bin=...` that a part of a dataset lies in is no column of the part.
        table = pq.read_table(path, partitioning=None)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; expected a {spec.name} table ({spec.description})") from None
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{path}: not a readable Parquet file: {error}") from error
    try:
        return check(spec, table)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def distinct(path: Path | str, column: str) -> list[str]:
    """Return the sorted distinct values of one text column of a Parquet file, reading nothing else."""
    values = pq.read_table(path, columns=[column]).column(column).unique().to_pylist()
    return sorted(values)

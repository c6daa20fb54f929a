"""Writing tables in parts: many rows in one pass, little of it in memory, each file whole or absent.

Rows arrive as small tables in their final order. Each file collects them into row groups of a fixed length,
so that its bytes depend on the rows alone and not on how they arrived.
"""

import base64
import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from foldcp.tables.dataset import part_path
from foldcp.tables.files import atomic_write
from foldcp.tables.provenance import Provenance
from foldcp.tables.rows import TableSpec, check

ROW_GROUP = 32_768
"""Rows of a row group: about 10 MB of the widest table, and large enough to compress well."""

_PIECES = 64
"""Tables that wait side by side: one of a single row takes as much memory as hundreds of joined rows."""


class _Part:
    """One file: what is not yet a full row group waits in memory."""

    def __init__(self, handle: IO, spec: TableSpec) -> None:
        self._spec, self._waiting, self._rows = spec, [spec.schema.empty_table()], 0
        # The schema with its metadata is added at the end, when the provenance is known.
        self._writer = pq.ParquetWriter(handle, spec.schema, compression="zstd", store_schema=False)

    def append(self, rows: pa.Table) -> None:
        self._waiting.append(check(self._spec, rows))
        self._rows += rows.num_rows
        if self._rows >= ROW_GROUP:
            self._write(self._rows - self._rows % ROW_GROUP)
        elif len(self._waiting) > _PIECES:
            self._waiting = [pa.concat_tables(self._waiting).combine_chunks()]

    def close(self, provenance: Provenance) -> None:
        if self._rows:
            self._write(self._rows)
        metadata = provenance.metadata(self._spec.name)
        schema = self._spec.schema.with_metadata(metadata).serialize()
        self._writer.add_key_value_metadata(metadata | {b"ARROW:schema": base64.b64encode(schema)})
        self._writer.close()

    def release(self) -> None:
        """Let go of the file, closed or not."""
        self._writer.close()

    def _write(self, count: int) -> None:
        rows = pa.concat_tables(self._waiting)
        self._writer.write_table(rows[:count], row_group_size=ROW_GROUP)
        # A slice would keep all of its table's memory.
        rest = rows[count:].take(pa.array(range(rows.num_rows - count), pa.int64()))
        self._waiting, self._rows = [rest], rest.num_rows


class Parts:
    """Parts of several tables that are written together; made by :func:`writing_parts`.

    Attributes
    ----------
    provenance
        What every file is to say of its origin; may be set until the end.
    """

    def __init__(self, folder: Path, specs: Mapping[str, TableSpec], files: contextlib.ExitStack) -> None:
        self._folder, self._specs, self._files = folder, specs, files
        self._parts: dict[str, dict[str, _Part]] = {}
        self.provenance = Provenance()

    def bin(self, name: str) -> None:
        """Make sure that each table has a part for this bin, be it empty."""
        if name not in self._parts:
            self._parts[name] = {table: self._open(table, name) for table in self._specs}

    def append(self, name: str, rows: Mapping[str, pa.Table]) -> None:
        """Append rows, by the name of their table, to the parts of a bin."""
        self.bin(name)
        for table, some in rows.items():
            self._parts[name][table].append(some)

    @property
    def bins(self) -> list[str]:
        """Names of the bins, in order."""
        return sorted(self._parts)

    def close(self) -> None:
        """Write what waits, and the provenance."""
        for part in (part for name in self.bins for part in self._parts[name].values()):
            part.close(self.provenance)

    def _open(self, table: str, name: str) -> _Part:
        handle = self._files.enter_context(atomic_write(part_path(self._folder / table, name)))
        part = _Part(handle, self._specs[table])
        self._files.callback(part.release)
        return part


@contextlib.contextmanager
def writing_parts(folder: Path, specs: Mapping[str, TableSpec]) -> Iterator[Parts]:
    """Open parts for writing; they take their places at the end, and none does if the body fails.

    Parameters
    ----------
    folder
        Folder of the tables: a part is `<folder>/<table>/bin=<bin>/part.parquet`.
    specs
        Declared tables by the name of their folder.

    Raises
    ------
    WriteError
        If a file cannot be written.
    InputError
        If rows are not of the declared table.
    """
    with contextlib.ExitStack() as files:
        parts = Parts(folder, specs, files)
        yield parts
        parts.close()

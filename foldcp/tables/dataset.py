"""A table in parts: one Parquet file per size bin, `<folder>/bin=<bin>/part.parquet`.

Any Arrow program reads the folder as one table with a column `bin`. Each part is written as a whole by the
job of its bin, with provenance of its own. Parts are read batch by batch: a caller who
streams holds little.
"""

import shutil
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from foldcp.errors import InputError
from foldcp.tables.files import writing
from foldcp.tables.rows import TableSpec, check, empty

_PART = "part.parquet"


def part_path(folder: Path | str, bin_name: str) -> Path:
    """Return the file of one bin."""
    return Path(folder) / f"bin={bin_name}" / _PART


def part_paths(folder: Path | str) -> dict[str, Path]:
    """Return the file of each bin that has one, by the name of the bin, in order."""
    found = sorted(Path(folder).glob(f"bin=*/{_PART}"))
    return {path.parent.name.removeprefix("bin="): path for path in found}


def keep_bins(folder: Path | str, bins: Collection[str]) -> None:
    """Remove the parts of all other bins, so that a reader of the folder never meets bins of an earlier plan.

    Raises
    ------
    WriteError
        If one cannot be removed.
    """
    for name, path in part_paths(folder).items():
        if name not in bins:
            with writing(path):
                shutil.rmtree(path.parent)


def scan(
    folder: Path | str,
    spec: TableSpec,
    columns: Sequence[str] | None = None,
    rows: int = 65_536,
) -> Iterator[pa.RecordBatch]:
    """Yield the table batch by batch.

    Parameters
    ----------
    folder
        Folder of the parts.
    spec
        Declared table.
    columns
        Columns to read; default: all.
    rows
        Most rows of a batch.

    Raises
    ------
    InputError
        If a part is not readable, or is another table.
    """
    for path in part_paths(folder).values():
        try:
            file = pq.ParquetFile(path)
            check(spec, file.schema_arrow.empty_table())
            yield from file.iter_batches(batch_size=rows, columns=list(columns) if columns else None)
        except (pa.ArrowInvalid, OSError) as error:
            raise InputError(f"{path}: not a readable Parquet file: {error}") from error
        except InputError as error:
            raise InputError(f"{path}: {error}") from None


def read_dataset(folder: Path | str, spec: TableSpec, columns: Sequence[str] | None = None) -> pa.Table:
    """Return the whole table, or some of its columns; empty where there are no parts.

    Raises
    ------
    InputError
        If a part is not readable, or is another table.
    """
    names = list(columns) if columns else spec.schema.names
    schema = empty(spec).select(names).schema
    batches = [batch.cast(schema) for batch in scan(folder, spec, names)]
    return pa.Table.from_batches(batches, schema=schema)

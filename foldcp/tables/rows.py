"""What a declared table is, and how rows become one: checked, so that a wrong value never reaches a file."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from foldcp.errors import InputError


@dataclass(frozen=True)
class TableSpec:
    """A named Arrow schema.

    Attributes
    ----------
    name
        Name of the table, as it appears in file names and provenance.
    description
        What one row is.
    schema
        The Arrow schema; each field carries a `description` in its metadata.
    """

    name: str
    description: str
    schema: pa.Schema


def rows_to_table(spec: TableSpec, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Return `rows` as an Arrow table of exactly the declared schema.

    Parameters
    ----------
    spec
        Declared table.
    rows
        Mappings from column name to value. A missing column becomes null.

    Raises
    ------
    InputError
        If a row has an undeclared column, a value of the wrong type, or no value in a required column.
    """
    rows = list(rows)
    names = set(spec.schema.names)
    for number, row in enumerate(rows):
        if unknown := set(row) - names:
            raise InputError(
                f"table {spec.name}, row {number}: undeclared columns {sorted(unknown)}; "
                f"declared: {spec.schema.names}"
            )
    try:
        table = pa.Table.from_pylist(rows, schema=spec.schema)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise InputError(f"table {spec.name}: a value does not fit its declared type: {error}") from error
    return check(spec, table)


def empty(spec: TableSpec) -> pa.Table:
    """Return a table of the declared schema with no rows."""
    return spec.schema.empty_table()


def check(spec: TableSpec, table: pa.Table) -> pa.Table:
    """Return `table` if it has the declared columns, types and no null in a required column.

    Raises
    ------
    InputError
        Naming the first column that differs.
    """
    if table.schema.names != spec.schema.names:
        raise InputError(
            f"not a {spec.name} table: columns are {table.schema.names}, expected {spec.schema.names}"
        )
    for declared, got in zip(spec.schema, table.schema, strict=True):
        if not declared.type.equals(got.type):
            raise InputError(f"{spec.name}.{declared.name} is {got.type}, expected {declared.type}")
        if not declared.nullable and table.column(declared.name).null_count:
            raise InputError(f"{spec.name}.{declared.name} has empty values, but every row needs one")
    return table

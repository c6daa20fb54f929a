"""What a declared table is, and how rows become one: checked, so that a wrong value never reaches a file."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from foldcp.errors import InputError
from foldcp.tables.provenance import code_version, read_metadata


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
        Naming the first column that differs, and the foldcp version that made it so, if one did.
    """
    if table.schema.names != spec.schema.names:
        raise InputError(_other_columns(spec, table.schema))
    for declared, got in zip(spec.schema, table.schema, strict=True):
        if not declared.type.equals(got.type):
            what = f"{spec.name}.{declared.name} is {got.type}, expected {declared.type}"
            raise InputError(what + _of_another_version(spec, table.schema))
        if not declared.nullable and table.column(declared.name).null_count:
            raise InputError(f"{spec.name}.{declared.name} has empty values, but every row needs one")
    return table


def _other_columns(spec: TableSpec, found: pa.Schema) -> str:
    made_elsewhere = _of_another_version(spec, found)
    if not made_elsewhere:
        return f"not a {spec.name} table: columns are {found.names}, expected {spec.schema.names}"
    lacking = [name for name in spec.schema.names if name not in found.names]
    further = [name for name in found.names if name not in spec.schema.names]
    differs = [f"lacks {', '.join(lacking)}"] * bool(lacking) + [f"has {', '.join(further)}"] * bool(further)
    what = " and ".join(differs) or "has its columns in another order"
    return f"this {spec.name} table {what}{made_elsewhere}"


def _of_another_version(spec: TableSpec, found: pa.Schema) -> str:
    """Return which version of foldcp made the table, and what to do; empty if it is no such table of ours."""
    said = read_metadata(found.metadata)
    if said.get("table") != spec.name:
        return ""
    return (
        f": foldcp {said.get('version')} made it, this is {code_version()}; run the campaign again with this "
        "version, or go on with that one"
    )

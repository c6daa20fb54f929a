"""The data dictionary: every column of every table, from what the schemas themselves declare."""

from collections.abc import Iterator

import pyarrow as pa

from foldcp.errors import unknown_choice
from foldcp.tables.rows import TableSpec
from foldcp.tables.schemas import ALL
from foldcp.tables.score_schemas import SCORES
from foldcp.tables.statistics_schemas import STATISTICS

FILES = {
    "complexes": "`01_complexes.parquet`; decoys: `03_controls.parquet`",
    "rejected": "`01_rejected.parquet`, `03_rejected.parquet`, `04_rejected.parquet`, `05_rejected.parquet`, "
    "`07_scores/failed/bin=*/part.parquet`",
    "sequences": "`02_sequences.parquet`",
    "unresolved": "`02_unresolved.parquet`",
    "msa": "`03_msa.parquet`",
    "msa_batches": "`03_batches.parquet`",
    "msa_failed": "`03_searches/<batch>.parquet`",
    "tokens": "`04_tokens.parquet`",
    "plan": "`05_plan.parquet`",
    "ledger": "`06_ledger/<bin>.parquet`; every attempt: `06_attempts/<bin>.parquet`",
    **{spec.name: f"`07_scores/{name}/bin=*/part.parquet`" for name, spec in SCORES.items()},
    **{spec.name: f"`08_enrichment/{name}.parquet`" for name, spec in STATISTICS.items()},
    "comparison": "the output of `foldcp compare`",
}
"""Where each table lies in a campaign folder, by the name of the table."""

_HEAD = """\
# Data dictionary

Every table that foldcp writes, column by column, as `foldcp dictionary` prints it. Generated from the
declared schemas by `make dictionary`; do not edit. The same descriptions travel in every Parquet file, in the
metadata of its fields.

*Filled* says whether every row has a value. *Range* is the lowest and highest value that a number can have;
an open end has no bound. Pure numbers have no unit. `07_scores` holds each table in parts, one for each size
bin; pandas, polars, DuckDB and Arrow read the table's folder as one table, with a column `bin`: the upper
edge of the bin in tokens, as a number; 0 for failed rows of unknown size.
"""
_COLUMNS = ("column", "type", "filled", "unit", "range", "meaning", "source")


def render(name: str | None = None) -> str:
    """Return the dictionary of all tables, or of one, as Markdown.

    Raises
    ------
    UsageError
        If there is no table of that name.
    """
    if name is None:
        return "\n".join([_HEAD, *map(_table, ALL.values())])
    if name not in ALL:
        raise unknown_choice("table", name, list(ALL))
    return _table(ALL[name])


def span(field: pa.Field) -> tuple[float | None, float | None]:
    """Return the lowest and highest value of a column; None where no bound is declared."""
    declared = field.metadata or {}
    low, high = (float(declared[end]) if end in declared else None for end in (b"low", b"high"))
    return low, high


def _table(spec: TableSpec) -> str:
    rows = [row for field in spec.schema for row in _rows(field)]
    lines = [_COLUMNS, ("---",) * len(_COLUMNS), *rows]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return (
        f"## {spec.name}\n\n{spec.description[0].upper()}{spec.description[1:]}. {_place(spec)}\n\n{table}\n"
    )


def _place(spec: TableSpec) -> str:
    place = FILES[spec.name]
    return f"{place[0].upper()}{place[1:]}."


def _rows(field: pa.Field, prefix: str = "") -> Iterator[tuple[str, ...]]:
    """Yield the line of a column, then those of the fields that its values are made of."""
    said = {key.decode(): value.decode() for key, value in (field.metadata or {}).items()}
    name, inner = f"{prefix}{field.name}", _struct(field.type)
    yield tuple(
        cell.replace("|", "\\|")
        for cell in (
            f"`{name}`",
            _type(field.type),
            "sometimes" if field.nullable else "always",
            said.get("unit", ""),
            _range(*span(field)),
            said["description"],
            said.get("source", ""),
        )
    )
    for part in inner:
        yield from _rows(part, f"{name}.")


def _struct(kind: pa.DataType) -> list[pa.Field]:
    inner = kind.value_type if pa.types.is_list(kind) else kind
    return [inner.field(i) for i in range(inner.num_fields)] if pa.types.is_struct(inner) else []


def _type(kind: pa.DataType) -> str:
    if pa.types.is_list(kind):
        return f"list of {_type(kind.value_type)}"
    return "struct" if pa.types.is_struct(kind) else str(kind)


def _range(low: float | None, high: float | None) -> str:
    if low is None:
        return "" if high is None else f"to {high:g}"
    if high is None:
        return f"from {low:g}"
    return f"{low:g} to {high:g}"


if __name__ == "__main__":
    print(render(), end="")

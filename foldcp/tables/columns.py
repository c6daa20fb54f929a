"""How a column is declared: name, Arrow type, meaning, and for numbers their unit, range and source.

All of it travels in the Arrow field's metadata, so that a data dictionary can be printed from any written
file.
"""

import pyarrow as pa

TEXT, INT, LONG, REAL, BOOL = pa.string(), pa.int32(), pa.int64(), pa.float64(), pa.bool_()
TIME = pa.timestamp("ms", tz="UTC")


def column(
    name: str,
    kind: pa.DataType,
    description: str,
    nullable: bool = True,
    *,
    unit: str = "",
    span: tuple[float | None, float | None] = (None, None),
    source: str = "",
) -> pa.Field:
    """Return the declaration of a column.

    Parameters
    ----------
    name, kind, description
        Name, Arrow type, meaning.
    nullable
        Whether a row may lack a value.
    unit
        Unit of a number; empty for a pure number.
    span
        Lowest and highest value a number can have; None where there is no bound.
    source
        Where a number comes from: a paper's equation or a program.
    """
    said = {"description": description, "unit": unit, "source": source}
    said |= {key: repr(bound) for key, bound in zip(("low", "high"), span, strict=True) if bound is not None}
    return pa.field(name, kind, nullable=nullable, metadata={k: v for k, v in said.items() if v})


def key(name: str, kind: pa.DataType, description: str) -> pa.Field:
    """Return the declaration of a column that every row fills."""
    return column(name, kind, description, nullable=False)


def score(
    name: str,
    description: str,
    source: str,
    span: tuple[float | None, float | None] = (0, 1),
    unit: str = "",
    kind: pa.DataType = REAL,
) -> pa.Field:
    """Return the declaration of a score: a number that may be missing, with its range and source."""
    return column(name, kind, description, unit=unit, span=span, source=source)


ROLE = key(
    "role",
    TEXT,
    "input: from the table; decoy: made as a control; known or candidate: a pair of a screen, known to "
    "interact or not",
)

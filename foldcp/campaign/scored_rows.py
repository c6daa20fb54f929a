"""Rows of the score tables for one prediction and one of the complexes that it stands for."""

import statistics
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from foldcp.campaign.served import Row, Served, members
from foldcp.errors import InputError
from foldcp.scores import Scored
from foldcp.tables.rows import TableSpec, check, rows_to_table
from foldcp.tables.schemas import REJECTED
from foldcp.tables.score_schemas import (
    SCORES_CHAINS,
    SCORES_COMPLEXES,
    SCORES_INTERFACES,
    SCORES_SAMPLES,
    SPREAD,
)

Tables = dict[str, pa.Table]


def rows_of(
    scored: Scored, complex_: Served, first: Served, facts: Mapping[str, Any], directory: Path
) -> Tables:
    """Return the rows of each table, by the name of its folder.

    Parameters
    ----------
    scored
        Scores of the prediction, by sample.
    complex_
        The complex.
    first
        The complex that was predicted; both are one unless equal input is shared.
    facts
        What the prediction's samples share: `predicted_as`, `seed`, `model`, `weights_sha256`, `meaningless`.
    directory
        Where the prediction lies.
    """
    own = {"complex_id": complex_.complex_id, "role": complex_.role, "meaningless": facts["meaningless"]}
    member = members(complex_.chains, first.chains)
    ranked = sorted(scored.samples, key=_place)
    place = directory.resolve().name
    samples = [
        row | own | dict(facts) | {"rank": rank, "structure": f"{place}/{row['structure']}"}
        for rank, row in enumerate(ranked, 1)
    ]
    samples.sort(key=lambda row: row["sample"])
    chains = {"member": _named(member, scored.chains, "chain_id")}
    sides = {f"member_{side}": _named(member, scored.interfaces, f"chain_{side}") for side in "ab"}
    return {
        "samples": rows_to_table(SCORES_SAMPLES, samples),
        "complexes": rows_to_table(SCORES_COMPLEXES, [_complex(samples)]),
        "chains": _filled(SCORES_CHAINS, scored.chains, own, chains),
        "interfaces": _filled(SCORES_INTERFACES, scored.interfaces, own, sides),
    }


def failed_rows(served: Iterable[Served], reason: str) -> Tables:
    """Return the rows of complexes whose prediction cannot be read."""
    rows = [
        {
            "stage": "scores",
            "complex_id": complex_.complex_id,
            "reason_code": "unreadable_prediction",
            "reason": reason,
        }
        for complex_ in served
    ]
    return {"failed": rows_to_table(REJECTED, rows)}


def _place(sample: Row) -> tuple[bool, float, int]:
    """Sort the sample with the highest ranking score first; the earlier one wins a tie, none comes last."""
    score = sample.get("ranking_score")
    return score is None, -(score or 0.0), sample["sample"]


def _complex(samples: list[Row]) -> Row:
    """Return the row of the best sample, with how the samples spread."""
    (best,) = (row for row in samples if row["rank"] == 1)
    row = {name: value for name, value in best.items() if name != "rank"} | {"n_samples": len(samples)}
    for name in SPREAD:
        values = [value for sample in samples if (value := sample.get(name)) is not None]
        row[f"{name}_mean"] = statistics.fmean(values) if values else None
        row[f"{name}_sd"] = statistics.stdev(values) if len(values) > 1 else None
    return row


def _named(member: Mapping[str, str], rows: list[Row], key: str) -> list[str | None]:
    return [member.get(row[key]) for row in rows]


def _filled(
    spec: TableSpec, rows: list[Row], same: Mapping[str, Any], more: Mapping[str, list[str | None]]
) -> pa.Table:
    """Return rows as a table; column by column, for there may be 100 000.

    Parameters
    ----------
    spec
        Declared table.
    rows
        Rows without the columns of `same` and `more`.
    same
        Columns of which every row has one value.
    more
        Columns with a value for each row.
    """
    own = {field.name: field for field in spec.schema if field.name not in {*same, *more}}
    if unknown := set().union(*rows) - set(own):
        raise InputError(f"table {spec.name}: undeclared columns {sorted(unknown)}; declared: {list(own)}")
    columns = []
    for field in spec.schema:
        if field.name in same:
            values = pa.repeat(pa.scalar(same[field.name], field.type), len(rows))
        elif field.name in more:
            values = pa.array(more[field.name], field.type)
        else:
            values = pa.array([row.get(field.name) for row in rows], field.type)
        columns.append(values)
    return check(spec, pa.Table.from_arrays(columns, schema=spec.schema))

"""A campaign folder read back: its tables, and what became of every complex.

A stage that has not run leaves no table, which reads as an empty one, so that a campaign can be looked at at
any time. Every complex has exactly one fate, found from the tables alone: the numbers of a report add up
because they are counts of fates.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from foldcp.tables import schemas
from foldcp.tables.files import read_table
from foldcp.tables.provenance import read_metadata
from foldcp.tables.rows import TableSpec, empty

Row = dict[str, Any]

REJECTED_TABLES = ("01_rejected.parquet", "04_rejected.parquet", "05_rejected.parquet")
TABLES: Mapping[str, TableSpec] = {
    "01_complexes.parquet": schemas.COMPLEXES,
    "02_sequences.parquet": schemas.SEQUENCES,
    "02_unresolved.parquet": schemas.UNRESOLVED,
    "03_msa.parquet": schemas.MSA,
    "04_tokens.parquet": schemas.TOKENS,
    "05_plan.parquet": schemas.PLAN,
    "07_scores/complexes.parquet": schemas.SCORES_COMPLEXES,
    "07_scores/chains.parquet": schemas.SCORES_CHAINS,
    "07_scores/interfaces.parquet": schemas.SCORES_INTERFACES,
    "07_scores/failed.parquet": schemas.REJECTED,
    "08_enrichment.parquet": schemas.ENRICHMENT,
    **dict.fromkeys(REJECTED_TABLES, schemas.REJECTED),
}

UNREAD, UNFOLDABLE, UNPLANNED, FAILED, WAITING, UNSCORED, SCORED = (
    "rejected on reading",
    "without usable sequences",
    "too large for the plan",
    "failed",
    "not predicted yet",
    "unreadable prediction",
    "scored",
)
"""Fates of a row of the input table, in the order of the stages that decide them."""


@dataclass(frozen=True)
class Results:
    """The tables of one campaign.

    Attributes
    ----------
    folder
        Campaign folder.
    tables
        Table by path relative to the folder; empty where the stage has not run.
    ledger
        LEDGER table of all planned bins.
    metadata
        Provenance of the tables that exist, by the same paths.
    """

    folder: Path
    tables: Mapping[str, pa.Table]
    ledger: pa.Table
    metadata: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def rows(self, name: str, *columns: str) -> list[Row]:
        """Return the rows of a table as mappings, of the named columns only if any is named."""
        table = self.tables[name]
        return (table.select(list(columns)) if columns else table).to_pylist()

    @cached_property
    def last_attempt(self) -> dict[str, Row]:
        """The latest ledger row of each prediction, by complex_id."""
        rows = self.ledger.to_pylist()
        timed = (row for row in rows if _age(row) is not None)
        untimed = [row for row in rows if _age(row) is None]
        return {row["complex_id"]: row for row in [*untimed, *sorted(timed, key=_age)]}

    @cached_property
    def fates(self) -> dict[str, str]:
        """Fate of every complex, by complex_id."""
        served_by = dict(_pairs(self.tables["04_tokens.parquet"], "complex_id", "predicted_as"))
        planned = set(self.tables["05_plan.parquet"]["complex_id"].to_pylist())
        scored = set(self.tables["07_scores/complexes.parquet"]["complex_id"].to_pylist())
        dropped = set(self.tables["05_rejected.parquet"]["complex_id"].to_pylist())
        unread = set(self.tables["07_scores/failed.parquet"]["complex_id"].to_pylist())

        def fate(complex_id: str) -> str:
            """Return what became of one complex, asking the last stage first."""
            prediction = served_by.get(complex_id)
            if complex_id in scored:
                return SCORED
            if complex_id in unread:
                return UNSCORED
            if prediction is None:
                return UNFOLDABLE if self.ran("04_tokens.parquet") else WAITING
            if prediction not in planned:
                return UNPLANNED if self.ran("05_plan.parquet") or complex_id in dropped else WAITING
            attempt = self.last_attempt.get(prediction)
            return WAITING if attempt is None or attempt["outcome"] == "done" else FAILED

        return {name: fate(name) for name in self.tables["01_complexes.parquet"]["complex_id"].to_pylist()}

    @cached_property
    def counts(self) -> dict[str, int]:
        """Rows of the input table by fate, in the order of stages; they sum to `n_rows`."""
        counted = Counter(self.fates.values())
        counted[UNREAD] = self.tables["01_rejected.parquet"].num_rows
        order = (UNREAD, UNFOLDABLE, UNPLANNED, FAILED, WAITING, UNSCORED, SCORED)
        return {fate: counted[fate] for fate in order}

    @property
    def n_rows(self) -> int:
        """Rows of the input table."""
        return self.tables["01_complexes.parquet"].num_rows + self.tables["01_rejected.parquet"].num_rows

    def ran(self, name: str) -> bool:
        """Return whether the table was written, be it empty."""
        return name in self.metadata

    @cached_property
    def best(self) -> list[Row]:
        """The best sample of each scored complex (rows of SCORES_COMPLEXES)."""
        return [row for row in self.rows("07_scores/complexes.parquet") if row["rank"] == 1]

    @cached_property
    def sharing(self) -> dict[str, list[str]]:
        """Complexes that a prediction stands for besides its own, by its complex_id."""
        sharing: dict[str, list[str]] = defaultdict(list)
        for name, prediction in _pairs(self.tables["04_tokens.parquet"], "complex_id", "predicted_as"):
            if name != prediction:
                sharing[prediction].append(name)
        return sharing


def load(folder: Path | str) -> Results:
    """Read the tables of a campaign folder.

    Raises
    ------
    InputError
        If a file that exists is not the table it should be.
    """
    folder = Path(folder)
    there = {name: spec for name, spec in TABLES.items() if (folder / name).exists()}
    tables = {name: read_table(folder / name, spec) for name, spec in there.items()}
    metadata = {name: read_metadata(pq.read_schema(folder / name).metadata) for name in there}
    absent = {name: empty(spec) for name, spec in TABLES.items() if name not in there}
    plan = tables.get("05_plan.parquet", empty(schemas.PLAN))
    return Results(folder, {**tables, **absent}, _read_ledger(folder, plan), metadata)


def _read_ledger(folder: Path, plan: pa.Table) -> pa.Table:
    # Only the bins of the plan: an earlier plan may have left ledgers of other bins.
    paths = [folder / "06_ledger" / f"{name}.parquet" for name in sorted(set(plan["bin"].to_pylist()))]
    parts = [read_table(path, schemas.LEDGER) for path in paths if path.exists()]
    return pa.concat_tables([empty(schemas.LEDGER), *(part.replace_schema_metadata(None) for part in parts)])


def _pairs(table: pa.Table, key: str, value: str) -> zip:
    return zip(table[key].to_pylist(), table[value].to_pylist(), strict=True)


def _age(row: Row) -> Any:
    return row["finished_at"] or row["started_at"] or row["submitted_at"]

"""A campaign folder read back: its tables, and what became of every complex.

A stage that has not run leaves no table, which reads as an empty one, so that a campaign can be looked at at
any time. Every complex of the input table has exactly one fate, found from the tables alone: the numbers of a
report add up because they are counts of fates. Decoys are no rows of the input table and are counted apart.

Tables with a row per complex are held; those with a row per chain or pair of chains are read for the
complexes that are asked for.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, reduce
from operator import or_
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from foldcp.errors import InputError
from foldcp.tables import schemas
from foldcp.tables.dataset import part_paths
from foldcp.tables.files import read_table
from foldcp.tables.provenance import read_metadata
from foldcp.tables.rows import TableSpec, check, empty

Row = dict[str, Any]

REJECTED_TABLES = ("01_rejected.parquet", "04_rejected.parquet", "05_rejected.parquet")
TABLES: Mapping[str, TableSpec] = {
    "01_complexes.parquet": schemas.COMPLEXES,
    "02_sequences.parquet": schemas.SEQUENCES,
    "02_unresolved.parquet": schemas.UNRESOLVED,
    "03_msa.parquet": schemas.MSA,
    "03_controls.parquet": schemas.COMPLEXES,
    "03_rejected.parquet": schemas.REJECTED,
    "04_tokens.parquet": schemas.TOKENS,
    "05_plan.parquet": schemas.PLAN,
    **dict.fromkeys(REJECTED_TABLES, schemas.REJECTED),
    **{f"08_enrichment/{name}.parquet": spec for name, spec in schemas.STATISTICS.items()},
}
HELD: Mapping[str, TableSpec] = {
    "07_scores/complexes": schemas.SCORES["complexes"],
    "07_scores/failed": schemas.REJECTED,
}
"""Tables in parts that are read whole; `Results.of` reads the others."""
PARTS: Mapping[str, TableSpec] = {
    **HELD,
    **{f"07_scores/{name}": spec for name, spec in schemas.SCORES.items()},
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
    parts
        Files of each table in parts, by the same kind of path: those of the planned bins.
    metadata
        Provenance of the tables that exist, by the same paths.
    """

    folder: Path
    tables: Mapping[str, pa.Table]
    ledger: pa.Table
    parts: Mapping[str, list[Path]] = field(default_factory=dict)
    metadata: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def rows(self, name: str, *columns: str) -> list[Row]:
        """Return the rows of a table as mappings, of the named columns only if any is named."""
        table = self.tables[name]
        return (table.select(list(columns)) if columns else table).to_pylist()

    def of(self, name: str, samples: Iterable[Row], *columns: str) -> pa.Table:
        """Return what a table in parts holds of some samples; other rows are passed by.

        Parameters
        ----------
        name
            The table.
        samples
            Rows with `complex_id` and `sample`.
        columns
            Columns to read besides; default: all.
        """
        wanted: dict[int, list[str]] = defaultdict(list)
        for row in samples:
            wanted[row["sample"]].append(row["complex_id"])
        paths = [str(path) for path in self.parts[name]]
        if not paths or not wanted:
            return empty(PARTS[name])
        terms = [(ds.field("sample") == k) & ds.field("complex_id").isin(ids) for k, ids in wanted.items()]
        table = ds.dataset(paths, schema=PARTS[name].schema, format="parquet")
        return table.to_table(
            columns=["complex_id", *columns] if columns else None, filter=reduce(or_, terms)
        )

    def count(self, name: str) -> int:
        """Return the number of rows of a table."""
        if name in self.parts:
            return sum(pq.read_metadata(path).num_rows for path in self.parts[name])
        return self.tables[name].num_rows

    @cached_property
    def notes(self) -> list[str]:
        """Remarks that the tables carry in their provenance, each once, e.g. that scores mean nothing."""
        return sorted({said["note"] for said in self.metadata.values() if "note" in said})

    @cached_property
    def last_attempt(self) -> dict[str, Row]:
        """The latest ledger row of each prediction, by complex_id."""
        rows = self.ledger.to_pylist()
        timed = (row for row in rows if _age(row) is not None)
        untimed = [row for row in rows if _age(row) is None]
        return {row["complex_id"]: row for row in [*untimed, *sorted(timed, key=_age)]}

    @cached_property
    def fates(self) -> dict[str, str]:
        """Fate of every complex of the input table, by complex_id."""
        return self._fates_of("01_complexes.parquet")

    @cached_property
    def decoy_fates(self) -> dict[str, str]:
        """Fate of every decoy, by complex_id."""
        return self._fates_of("03_controls.parquet")

    def _fates_of(self, listing: str) -> dict[str, str]:
        served_by = dict(_pairs(self.tables["04_tokens.parquet"], "complex_id", "predicted_as"))
        planned = set(self.tables["05_plan.parquet"]["complex_id"].to_pylist())
        scored = set(self.tables["07_scores/complexes"]["complex_id"].to_pylist())
        dropped = set(self.tables["05_rejected.parquet"]["complex_id"].to_pylist())
        unread = set(self.tables["07_scores/failed"]["complex_id"].to_pylist())

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

        return {name: fate(name) for name in self.tables[listing]["complex_id"].to_pylist()}

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
    def _scored(self) -> list[Row]:
        return self.rows("07_scores/complexes")

    @cached_property
    def best(self) -> list[Row]:
        """The best sample of each scored complex that is no decoy (rows of SCORES_COMPLEXES)."""
        return [row for row in self._scored if row["role"] != "decoy"]

    @cached_property
    def decoys(self) -> list[Row]:
        """The best sample of each scored decoy."""
        return [row for row in self._scored if row["role"] == "decoy"]

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
    metadata = {name: _metadata([folder / name]) for name in there}
    # Only the bins of the plan: an earlier plan may have left tables of other bins.
    bins = set(tables["05_plan.parquet"]["bin"].to_pylist()) if "05_plan.parquet" in tables else None
    parts = {name: _checked_parts(folder / name, spec, bins) for name, spec in PARTS.items()}
    metadata |= {name: _metadata(paths) for name, paths in parts.items() if paths}
    tables |= {name: _whole(parts[name], spec) for name, spec in HELD.items()}
    absent = {name: empty(spec) for name, spec in TABLES.items() if name not in there}
    return Results(folder, {**tables, **absent}, _read_ledger(folder, bins or set()), parts, metadata)


def _checked_parts(folder: Path, spec: TableSpec, bins: Collection[str] | None) -> list[Path]:
    paths = [path for name, path in part_paths(folder).items() if bins is None or name in bins]
    for path in paths:
        try:
            check(spec, pq.read_schema(path).empty_table())
        except (pa.ArrowInvalid, OSError) as error:
            raise InputError(f"{path}: not a readable Parquet file: {error}") from error
        except InputError as error:
            raise InputError(f"{path}: {error}") from None
    return paths


def _whole(paths: Iterable[Path], spec: TableSpec) -> pa.Table:
    # `pq.read_table` would take `bin=` in the path for a column.
    read = (pq.ParquetFile(path).read().replace_schema_metadata(None) for path in paths)
    return pa.concat_tables([empty(spec), *(table.cast(spec.schema) for table in read)])


def _metadata(paths: Iterable[Path]) -> dict[str, str]:
    """Return the provenance of a table; the inputs of its parts together."""
    each = [read_metadata(pq.read_schema(path).metadata) for path in paths]
    inputs = {k: v for said in each for k, v in json.loads(said.get("inputs", "{}")).items()}
    return {k: v for said in each for k, v in said.items()} | {"inputs": json.dumps(inputs)}


def _read_ledger(folder: Path, bins: Collection[str]) -> pa.Table:
    paths = [folder / "06_ledger" / f"{name}.parquet" for name in sorted(bins)]
    parts = [read_table(path, schemas.LEDGER) for path in paths if path.exists()]
    return pa.concat_tables([empty(schemas.LEDGER), *(part.replace_schema_metadata(None) for part in parts)])


def _pairs(table: pa.Table, key: str, value: str) -> zip:
    return zip(table[key].to_pylist(), table[value].to_pylist(), strict=True)


def _age(row: Row) -> Any:
    return row["finished_at"] or row["started_at"] or row["submitted_at"]

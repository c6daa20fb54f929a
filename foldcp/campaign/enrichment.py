"""The enrichment stage: from scores and controls to evidence.

One pass over the scores of a campaign makes all its statistics; `foldcp.statistics` has a file for each. The
unit is always a distinct prediction (`foldcp.statistics.units`).
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from foldcp.config import EnrichmentConfig
from foldcp.statistics.categories import categories
from foldcp.statistics.curves import curves
from foldcp.statistics.discrimination import discrimination
from foldcp.statistics.null import significance
from foldcp.statistics.size_effect import size_effect
from foldcp.statistics.units import distinct, scored
from foldcp.tables.files import read_table, write_table
from foldcp.tables.provenance import Provenance
from foldcp.tables.rows import rows_to_table
from foldcp.tables.score_schemas import SCORES_COMPLEXES
from foldcp.tables.statistics_schemas import STATISTICS


def read_parts(paths: Iterable[Path | str]) -> dict[str, pa.Table]:
    """Return the SCORES_COMPLEXES table of each size bin.

    Parameters
    ----------
    paths
        Files `<table>/bin=<bin>/part.parquet`; those of other tables are left out.
    """
    ours = [path for path in map(Path, paths) if path.parts[-3] == "complexes"]
    return {
        path.parent.name.removeprefix("bin="): read_table(path, SCORES_COMPLEXES) for path in sorted(ours)
    }


def enrich(
    parts: Mapping[str, pa.Table], complexes: pa.Table, config: EnrichmentConfig, seed: int
) -> dict[str, pa.Table]:
    """Return all statistics of a campaign.

    Without decoys nothing can be called significant, and no class but one is there to tell apart:
    `significance`, `discrimination` and `curves` are empty then.

    Parameters
    ----------
    parts
        SCORES_COMPLEXES table of each size bin.
    complexes
        COMPLEXES table: input and decoys.
    config
        Scores to analyse, what is called top, and the rest.
    seed
        Campaign seed.

    Returns
    -------
    dict
        Tables of `STATISTICS`, by name.
    """
    rows = scored(parts, complexes, [*config.scores, config.score])
    units = distinct(rows)
    found: dict[str, list[dict[str, Any]]] = {
        "significance": significance(rows, units, config.scores, config.min_decoys),
        "discrimination": discrimination(units, config.scores, config, seed),
        "curves": curves(units, config.scores, config.candidates_as_negatives),
        "size_effect": size_effect(units, config.scores),
        "enrichment": categories(rows, units, complexes, config),
    }
    meaningless = {"meaningless": bool(rows["meaningless"].any())}
    return {
        name: rows_to_table(spec, [row | meaningless for row in found[name]])
        for name, spec in STATISTICS.items()
    }


def write_statistics(folder: Path, tables: Mapping[str, pa.Table], origin: Provenance) -> None:
    """Write the tables of `enrich` into a folder, one file each."""
    for name, spec in STATISTICS.items():
        write_table(folder / f"{name}.parquet", spec, tables[name], origin)


def summary(tables: Mapping[str, pa.Table]) -> list[str]:
    """Return what a set of statistics says, in a few lines for people."""
    tested = tables["significance"].to_pylist()
    lines = [f"{tables['enrichment'].num_rows} categories tested"]
    if not tested:
        return [*lines, "no decoys were scored: no score can be called significant"]
    for row in tables["discrimination"].to_pylist():
        if row["statistic"] == "roc_auc":
            found = sum(r["score"] == row["score"] and r["q_value"] <= 0.05 for r in tested)
            lines.append(
                f"{row['score']}: ROC AUC {row['value']:.3f}{_between(row)}, {row['n_positive']} complexes "
                f"against {row['n_negative']} controls; q <= 0.05: {found} complexes"
            )
    return [*lines, *_missing(tables["size_effect"])]


def _between(row: Mapping[str, Any]) -> str:
    return "" if row["low"] is None else f" ({row['low']:.3f} to {row['high']:.3f})"


def _missing(table: pa.Table) -> list[str]:
    lacking: dict[str, list[int]] = {}
    for row in table.to_pylist():
        if row["bin"] == "all":
            lacking.setdefault(row["score"], []).append(row["n_missing"])
    return [
        f"{score}: left out {sum(n)} distinct predictions that have none"
        for score, n in lacking.items()
        if sum(n)
    ]

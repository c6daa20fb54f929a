"""The enrichment stage: from scores and controls to evidence.

One pass over the scores of a campaign makes all its statistics; `foldcp.statistics` has a file for each. The
unit is always a distinct prediction (`foldcp.statistics.units`).
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from foldcp.config import Config, EnrichmentConfig
from foldcp.statistics.categories import categories
from foldcp.statistics.curves import curves
from foldcp.statistics.discrimination import discrimination
from foldcp.statistics.null import significance
from foldcp.statistics.size_effect import size_effect
from foldcp.statistics.units import distinct, scored
from foldcp.tables.files import read_table, write_table
from foldcp.tables.provenance import Provenance, sha256_file
from foldcp.tables.rows import rows_to_table
from foldcp.tables.schemas import COMPLEXES
from foldcp.tables.score_schemas import SCORES_COMPLEXES
from foldcp.tables.statistics_schemas import STATISTICS


def complexes_parts(paths: Iterable[Path | str]) -> list[Path]:
    """Return those of the files `<table>/bin=<bin>/part.parquet` that are parts of the complexes table."""
    return sorted(path for path in map(Path, paths) if path.parts[-3] == "complexes")


def read_parts(paths: Iterable[Path]) -> dict[str, pa.Table]:
    """Return the SCORES_COMPLEXES table of each size bin."""
    return {path.parent.name.removeprefix("bin="): read_table(path, SCORES_COMPLEXES) for path in paths}


def enrich(
    parts: Mapping[str, pa.Table], complexes: pa.Table, config: EnrichmentConfig, seed: int
) -> dict[str, pa.Table]:
    """Return all statistics of a campaign.

    Without decoys nothing can be called significant: `significance` is empty, and so are `discrimination` and
    `curves`, unless the candidates of a screen count as negatives.

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
    # The ranking score is held against the decoys as well, listed or not.
    scores = list(dict.fromkeys([*config.scores, config.score]))
    rows = scored(parts, complexes, scores)
    units = distinct(rows)
    found: dict[str, list[dict[str, Any]]] = {
        "significance": significance(rows, units, scores, config.min_decoys),
        "discrimination": discrimination(units, scores, config, seed),
        "curves": curves(units, scores, config.candidates_as_negatives),
        "size_effect": size_effect(units, scores),
        "enrichment": categories(rows, units, complexes, config),
    }
    meaningless = {"meaningless": bool(rows["meaningless"].any())}
    return {
        name: rows_to_table(spec, [row | meaningless for row in found[name]])
        for name, spec in STATISTICS.items()
    }


def run(campaign: Path, parts: Iterable[Path | str], config: Config, note: str | None) -> dict[str, pa.Table]:
    """Run the stage: read a campaign's scores, complexes and controls, write `08_enrichment`.

    Parameters
    ----------
    campaign
        Campaign folder.
    parts
        Files of its score tables; those of other tables than complexes are left out.
    config
        Configuration.
    note
        Remark for the provenance of every table.

    Returns
    -------
    dict
        What was written, by name.
    """
    scores = complexes_parts(parts)
    listed = [campaign / name for name in ("01_complexes.parquet", "03_controls.parquet")]
    complexes = pa.concat_tables([read_table(path, COMPLEXES).replace_schema_metadata() for path in listed])
    got = enrich(read_parts(scores), complexes, config.enrichment, config.seed)
    origin = Provenance(
        inputs={os.path.relpath(path, campaign): sha256_file(path) for path in [*scores, *listed]},
        config_sha256=config.sha256("enrichment"),
        seed=config.seed,
        note=note,
    )
    for name, spec in STATISTICS.items():
        write_table(campaign / "08_enrichment" / f"{name}.parquet", spec, got[name], origin)
    return got


def summary(tables: Mapping[str, pa.Table]) -> list[str]:
    """Return what a set of statistics says, in a few lines for people."""
    tested = tables["significance"].to_pylist()
    lines = [f"{tables['enrichment'].num_rows} categories tested"]
    if not tested:
        lines.append("no decoys were scored: no score can be called significant")
    for row in tables["discrimination"].to_pylist():
        if row["statistic"] == "roc_auc":
            q_values = [r["q_value"] for r in tested if r["score"] == row["score"]]
            called = f"; q <= 0.05: {sum(q <= 0.05 for q in q_values)} complexes" if q_values else ""
            lines.append(
                f"{row['score']}: ROC AUC {row['value']:.3f}{_between(row)}, {row['n_positive']} complexes "
                f"against {row['n_negative']} controls{called}"
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

"""Where a campaign's alignments stand: depth and coverage by provider, and what is missing or failed."""

import statistics
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foldcp.errors import InputError
from foldcp.tables import read_table
from foldcp.tables.schemas import MSA, MSA_BATCHES, MSA_FAILED, SEQUENCES, TOKENS


@dataclass(frozen=True)
class Depths:
    """The alignments of one provider.

    Attributes
    ----------
    proteins
        Unique sequences; alignments, of those of single complexes.
    least, median, most
        Rows of an alignment, the query among them.
    coverage
        Median of the share of a query's residues that a row covers; None where there are single sequences
        only.
    """

    proteins: int
    least: int
    median: float
    most: int
    coverage: float | None


@dataclass(frozen=True)
class Paired:
    """Complexes of at least two protein chains, and how they are paired.

    Attributes
    ----------
    complexes, paired
        All of them, and those with rows that pair chains.
    least, median, most
        Such rows of a paired complex's alignment, the queries' among them.
    """

    complexes: int
    paired: int
    least: int = 0
    median: float = 0
    most: int = 0


@dataclass(frozen=True)
class MsaStatus:
    """Alignments of a campaign.

    Attributes
    ----------
    providers
        By provider: alignments that are ready; `none` are single sequences, `own` alignments of single
        complexes.
    failed
        Members of each sequence without the alignment it should have, and the complex where it is of one,
        with the reason.
    rejected
        How many of these cost their complexes; the others are folded as single sequences.
    to_search, jobs, jobs_done
        While searches run: sequences to search, jobs, and jobs that have ended.
    paired
        Complexes whose chains are paired; None before the tokens stage.
    """

    providers: dict[str, Depths]
    failed: dict[str, str]
    rejected: int
    to_search: int
    jobs: int
    jobs_done: int
    paired: Paired | None


def read_msa_status(results: Path) -> MsaStatus:
    """Read where the alignments of a campaign stand.

    Parameters
    ----------
    results
        Results folder of the campaign.

    Raises
    ------
    InputError
        If the campaign is not there, or has not come to its alignments.
    """
    sequences = results / "02_sequences.parquet"
    if not sequences.is_file():
        raise InputError(f"{sequences}: no such file; name the results folder of a campaign that has run")
    names: dict[str, list[str]] = defaultdict(list)
    for row in read_table(sequences, SEQUENCES).select(["member", "sha256"]).to_pylist():
        names[row["sha256"]].append(row["member"])
    to_search, jobs, done, searched = _searches(results)
    reasons: dict[tuple[str, str | None], str] = {(key, None): reason for key, reason in searched.items()}
    table = results / "03_msa.parquet"
    rows = read_table(table, MSA).drop_columns("species").to_pylist() if table.is_file() else []
    if rows:
        reasons = {(row["sha256"], row["complex_id"]): row["error"] or row["failure"] for row in rows}
    failed = {
        ", ".join(names[key]) + f" in {complex_id}" * bool(complex_id): reason
        for (key, complex_id), reason in reasons.items()
        if reason
    }
    rejected = sum(row["error"] is not None for row in rows)
    return MsaStatus(_depths(rows), failed, rejected, to_search, jobs, done, _paired(results))


def _paired(results: Path) -> Paired | None:
    table = results / "04_tokens.parquet"
    if not table.is_file():
        return None
    rows = read_table(table, TOKENS).select(["chains", "paired_depth"]).to_pylist()
    found = [
        row["paired_depth"]
        for row in rows
        if sum(chain["entity_type"] == "protein" for chain in row["chains"]) > 1
    ]
    depths = [depth for depth in found if depth > 1]
    if not depths:
        return Paired(len(found), 0)
    return Paired(len(found), len(depths), min(depths), statistics.median(depths), max(depths))


def _searches(results: Path) -> tuple[int, int, int, dict[str, str]]:
    """Return sequences to search, jobs, jobs that have ended, and what these could not find."""
    table = results / "03_batches.parquet"
    if not table.is_file():
        return 0, 0, 0, {}
    batches = read_table(table, MSA_BATCHES)
    names = batches["batch"].unique().to_pylist()
    ended = [path for name in names if (path := results / f"03_searches/{name}.parquet").is_file()]
    failed = (row for path in ended for row in read_table(path, MSA_FAILED).to_pylist())
    return batches.num_rows, len(names), len(ended), {row["sha256"]: row["reason"] for row in failed}


def _depths(rows: list[dict[str, Any]]) -> dict[str, Depths]:
    by_provider: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        # What a complex has instead of a bad one of its own is no alignment.
        if not row["error"] and (row["complex_id"] is None or row["path"]):
            by_provider[row["provider"] if row["complex_id"] is None else "own"].append(row)
    found = {}
    for name, group in sorted(by_provider.items()):
        depths = [row["depth"] for row in group]
        shares = [row["coverage"] for row in group if row["coverage"] is not None]
        coverage = statistics.median(shares) if shares else None
        found[name] = Depths(len(group), min(depths), statistics.median(depths), max(depths), coverage)
    return found

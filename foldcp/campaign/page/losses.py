"""Tables of what was lost on the way: rejected records, failed predictions, complexes without a decoy."""

from collections import Counter
from collections.abc import Iterable

from foldcp.campaign.page.grid import Column, Grid, Name
from foldcp.campaign.results import REJECTED_TABLES, SCORED, Results, Row

_RAW = 120
"""Characters of the offending text on the page."""


def rejected_grid(results: Results) -> Grid:
    """Return the records and complexes that left the campaign before prediction, with reasons."""
    rows = [row for name in REJECTED_TABLES for row in results.rows(name)]
    cells = [[row["stage"], _who(row), row["reason"], _shortened(row["raw"] or "")] for row in rows]
    columns = [
        Column("Stage", "short"),
        Column("Complex or row"),
        Column("Reason", "long"),
        Column("Text", "raw"),
    ]
    return Grid("rejected", "Rejected rows", columns, cells, "the rejected tables of the campaign folder")


def rejected_reasons(results: Results) -> list[tuple[str, str, int]]:
    """Return stage, reason and number of rejected rows, the most frequent first."""
    return _tally((r["stage"], r["reason_code"]) for name in REJECTED_TABLES for r in results.rows(name))


def unmatched_grid(results: Results) -> Grid:
    """Return the complexes for which no decoy was found; they are folded and scored all the same."""
    rows = results.rows("03_rejected.parquet")
    cells = [[row["complex_id"] or "", row["reason"]] for row in rows]
    columns = [Column("Complex"), Column("Reason", "long")]
    return Grid("unmatched", "Complexes without a decoy", columns, cells, "03_rejected.parquet")


def failures(results: Results) -> list[Row]:
    """Return predictions whose last attempt failed or whose files cannot be read, each once."""
    tries = Counter(results.ledger["complex_id"].to_pylist())
    tokens = {row["complex_id"]: row["n_tokens"] for row in results.rows("05_plan.parquet")}
    fates = results.decoy_fates | results.fates
    rows = [
        row | {"attempts": tries[name], "n_tokens": tokens.get(name)}
        for name, row in results.last_attempt.items()
        if row["outcome"] != "done" and fates.get(name) != SCORED
    ]
    unread = dict.fromkeys(("n_tokens", "mesh", "attempts", "host"))
    rows += [
        unread | {"complex_id": row["complex_id"], "outcome": "unreadable", "message": row["reason"]}
        for row in results.rows("07_scores/failed")
    ]
    return rows


def failed_grid(results: Results, rows: Iterable[Row]) -> Grid:
    """Return the table of failed predictions."""
    cells = [
        [
            Name(row["complex_id"], also=results.sharing.get(row["complex_id"], [])),
            row["outcome"].replace("_", " "),
            row["message"] or "",
            row["n_tokens"],
            row["mesh"] or "",
            row["attempts"],
            row["host"] or "",
        ]
        for row in rows
    ]
    columns = [
        *(Column("Complex", "name"), Column("Outcome", "short"), Column("Reason", "long")),
        *(
            Column("Tokens", "number", 0),
            Column("Mesh", "short"),
            Column("Attempts", "number", 0),
            Column("Host", "short"),
        ),
    ]
    return Grid("failed", "Failed predictions", columns, cells, "the ledger tables of the campaign folder")


def classes_grid(results: Results, rows: Iterable[Row]) -> Grid:
    """Return failures by outcome class and size bin."""
    bins = {row["complex_id"]: row["bin"] for row in results.rows("05_plan.parquet", "complex_id", "bin")}
    rows = list(rows)
    edges = sorted({bins[row["complex_id"]] for row in rows if row["complex_id"] in bins})
    counted = Counter((row["outcome"], bins.get(row["complex_id"])) for row in rows)
    totals = Counter(row["outcome"] for row in rows)
    cells = [
        [outcome.replace("_", " "), *(counted[outcome, edge] for edge in edges), count]
        for outcome, count in totals.most_common()
    ]
    columns = [Column("Outcome", "short"), *(Column(f"≤ {int(edge)} tokens", "number", 0) for edge in edges)]
    return Grid("classes", "Failures by class", [*columns, Column("All", "number", 0)], cells)


def _tally(reasons: Iterable[tuple[str, str]]) -> list[tuple[str, str, int]]:
    return [(stage, reason, count) for (stage, reason), count in Counter(reasons).most_common()]


def _who(row: Row) -> str:
    return row["complex_id"] or row["source_id"] or (f"row {row['source_row']}" if row["source_row"] else "–")


def _shortened(text: str) -> str:
    return text if len(text) <= _RAW else f"{text[:_RAW]}…"

"""Tables of complexes: the best, and all of them."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from foldcp.campaign.page.grid import MAX_ROWS, Column, Grid, Name
from foldcp.campaign.page.wording import SCORES, label
from foldcp.campaign.results import Results, Row

_NONE = (None, None)


@dataclass(frozen=True)
class Ranking:
    """How complexes are ordered.

    Attributes
    ----------
    score
        Column of the complexes table.
    tested
        p and q of that score, by complex_id; empty where there are no decoys.
    """

    score: str
    tested: Mapping[str, tuple[float | None, float | None]]

    @classmethod
    def of(cls, results: Results, score: str) -> "Ranking":
        """Return the ranking by a score, with its significance."""
        rows = results.rows("08_enrichment/significance.parquet", "complex_id", "score", "p_value", "q_value")
        found = {r["complex_id"]: (r["p_value"], r["q_value"]) for r in rows if r["score"] == score}
        return cls(score, found)

    def key(self, row: Row) -> tuple[bool, float, str]:
        """Return what a row of the complexes table is sorted by: best first, those without the score last."""
        value = row.get(self.score)
        return value is None, -(value or 0.0), row["complex_id"]

    def p_and_q(self, row: Row) -> tuple[float | None, float | None]:
        """Return the significance of a row of the complexes table."""
        return self.tested.get(row["complex_id"]) or self.tested.get(row["predicted_as"], _NONE)


def best_complexes(results: Results, ranking: Ranking, count: int) -> list[Row]:
    """Return the best predictions that are no decoys, best first; complexes that share one are one row."""
    own = [row for row in results.best if row["complex_id"] == row["predicted_as"]]
    return sorted(own, key=ranking.key)[:count]


def link(campaign: Path, page: Path, structure: str | None) -> str | None:
    """Return the link from a page's folder to a structure, which is given relative to the predictions."""
    if not structure:
        return None
    return quote(f"{os.path.relpath(campaign / '06_predictions', page)}/{structure}")


def best_grid(
    results: Results, best: Sequence[Row], ranking: Ranking, places: Mapping[str, int], page: Path
) -> Grid:
    """Return the table of the best complexes.

    Parameters
    ----------
    results
        The campaign.
    best
        Rows of the complexes table, best first.
    ranking
        The score that ordered them, and its significance.
    places
        Number of the view and maps of a complex on the page, where it has some.
    page
        Folder of the page.
    """
    listed = {row["complex_id"]: row for row in results.rows("01_complexes.parquet")}
    rows = []
    for row in best:
        complex_ = listed.get(row["complex_id"], {})
        also = [name for name in results.sharing.get(row["complex_id"], []) if name in listed]
        where = link(results.folder, page, row["structure"])
        rows.append(
            [
                Name(row["complex_id"], where, also, places.get(row["complex_id"])),
                complex_.get("name") or "",
                _members(complex_.get("members", [])),
                *_numbers(row, ranking),
            ]
        )
    columns = [Column("Complex", "name"), Column("Name"), Column("Members"), *_number_columns(ranking)]
    return Grid("top", "The best complexes", columns, rows)


def all_grid(results: Results, ranking: Ranking, page: Path) -> Grid:
    """Return the table of all complexes that were read: what became of each, and its scores."""
    scored = {row["complex_id"]: row for row in results.best}
    sizes = {
        r["complex_id"]: r for r in results.rows("04_tokens.parquet", "complex_id", "n_tokens", "n_chains")
    }
    unscored: Row = dict.fromkeys(("n_tokens", "structure", "predicted_as", *_shown(ranking)))
    listed = results.rows("01_complexes.parquet", "complex_id", "name", "n_chains")
    listed.sort(key=lambda row: ranking.key(scored.get(row["complex_id"], row)))
    rows = []
    for row in listed[:MAX_ROWS]:
        name = row["complex_id"]
        full = unscored | row | sizes.get(name, {}) | scored.get(name, {})
        where = Name(name, link(results.folder, page, full["structure"]))
        rows.append([where, row["name"] or "", results.fates[name], *_numbers(full, ranking)])
    columns = [Column("Complex", "name"), Column("Name"), Column("Fate", "short"), *_number_columns(ranking)]
    source = "07_scores/complexes and 01_complexes.parquet"
    return Grid("all", "All complexes", columns, rows, source, total=len(listed))


def _shown(ranking: Ranking) -> list[str]:
    """Return the main scores, and the one that ranks if it is another."""
    return [*SCORES, *([] if ranking.score in SCORES else [ranking.score])]


def _numbers(row: Row, ranking: Ranking) -> list[float | None]:
    return [row["n_chains"], row["n_tokens"], *(row[name] for name in _shown(ranking)), *ranking.p_and_q(row)]


def _number_columns(ranking: Ranking) -> list[Column]:
    score = label(ranking.score)
    meanings = {name: wording.meaning for name, wording in SCORES.items()}
    return [
        Column("Chains", "number", 0),
        Column("Tokens", "number", 0),
        *(
            Column(label(name), "number", 3, meanings.get(name), name == ranking.score)
            for name in _shown(ranking)
        ),
        Column("p", "number", 3, f"share of decoys of its size whose {score} is at least as high"),
        Column(
            "q", "number", 3, "share of false calls to expect among all with a q as low (Benjamini-Hochberg)"
        ),
    ]


def _members(members: Iterable[Row]) -> str:
    names = [
        f"{m['gene'] or m['member']}" + (f"\N{NO-BREAK SPACE}×{m['copies']}" if m["copies"] > 1 else "")
        for m in members
    ]
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")

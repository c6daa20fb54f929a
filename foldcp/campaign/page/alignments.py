"""What predictions read besides sequences: paired alignments and templates, and what was left out of it."""

from collections.abc import Sequence
from statistics import median

from foldcp.campaign.page.wording import number
from foldcp.campaign.results import Results, Row
from foldcp.plan.depth import limit_of


def given(results: Results) -> list[str]:
    """Return how many complexes are paired, have templates, or read part of their alignment, where any do.

    Decoys are left out.
    """
    tokens = results.rows("04_tokens.parquet", "role", "paired_depth", "n_templates")
    plan = results.rows("05_plan.parquet", "role", "msa_depth", "msa_rows")
    complexes, predictions = ([row for row in rows if row["role"] != "decoy"] for rows in (tokens, plan))
    paired = [row["paired_depth"] for row in complexes if row["paired_depth"] > 1]
    templates = sum(row["n_templates"] > 0 for row in complexes)
    cut = sum(limit_of(row) is not None for row in predictions)
    found = []
    if paired:
        found.append(
            f"alignments paired by species: {_of(len(paired), complexes)} complexes "
            f"(median {number(median(paired), 0)} paired rows)"
        )
    if templates:
        found.append(f"with structure templates: {_of(templates, complexes)} complexes")
    if cut:
        found.append(f"alignments cut where memory is short: {_of(cut, predictions)} predictions")
    return found


def _of(part: int, whole: Sequence[Row]) -> str:
    return f"{number(part, 0)} of {number(len(whole), 0)}"

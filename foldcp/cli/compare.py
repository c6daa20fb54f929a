"""`foldcp compare`: the scores of two campaigns on the same complexes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from foldcp.config import DEMO_NOTE, EnrichmentConfig, Score
from foldcp.errors import unknown_choice


def compare(
    first: Annotated[
        Path, typer.Argument(metavar="FIRST", help="Campaign folder, or what `foldcp scores` wrote.")
    ],
    second: Annotated[Path, typer.Argument(metavar="SECOND", help="Another.")],
    names: Annotated[
        list[str] | None,
        typer.Option(
            "--score", help="Score to compare; several times for several.  [default: the main ones]"
        ),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The numbers, as Parquet.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap intervals.")] = 7,
) -> None:
    """Compare the scores of two campaigns on the complexes that both scored.

    For each score: the medians, the median difference (SECOND minus FIRST) with its 95 % interval, how many
    complexes score higher in which, Spearman's correlation, and the p-value of Wilcoxon's signed rank test.
    Complexes are matched by content, two folders of `foldcp scores` by complex_id. Decoys are left out.

    \b
    Example:
      foldcp compare results-whole results-fragments -o comparison.parquet
      foldcp compare scores-a scores-b --score iptm --score ipsae_max
    """
    from foldcp.campaign.comparison import notes, read_scored, score_files
    from foldcp.statistics import compare as statistics
    from foldcp.tables import Provenance, sha256_file, write_table
    from foldcp.tables.statistics_schemas import COMPARISON

    chosen = names or list(EnrichmentConfig().scores)
    for name in chosen:
        if name not in get_args(Score):
            raise unknown_choice("score", name, list(get_args(Score)))
    sides = [read_scored(folder, chosen) for folder in (first, second)]
    got = statistics.compare(sides[0], sides[1], chosen, seed)
    typer.echo(f"first: {first}\nsecond: {second}\n{_text(got.to_pylist())}")
    files = [*score_files(first), *score_files(second)]
    demo = [DEMO_NOTE] if any(got["meaningless"].to_pylist()) else []
    remarks = list(dict.fromkeys([*demo, *notes(files)]))
    for remark in remarks:
        typer.echo(f"warning: {remark}", err=True)
    if output:
        hashes = {str(path): sha256_file(path) for path in files}
        origin = Provenance(inputs=hashes, seed=seed, note="; ".join(remarks) or None)
        write_table(output, COMPARISON, got, origin)


_COLUMNS = (
    ("score", 17),
    ("pairs", 7),
    ("first", 9),
    ("second", 9),
    ("difference", 29),
    ("higher in", 13),
    ("spearman", 10),
    ("p", 9),
)


def _text(rows: list[dict[str, Any]]) -> str:
    lines = [[name for name, _ in _COLUMNS], *(_cells(row) for row in rows)]
    return "\n".join(
        "".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, (_, width)) in enumerate(zip(line, _COLUMNS, strict=True))
        )
        for line in lines
    )


def _cells(row: Mapping[str, Any]) -> list[str]:
    difference = _number(row["median_difference"], "+.3f")
    if row["low"] is not None:
        difference += f" ({row['low']:+.3f} to {row['high']:+.3f})"
    return [
        row["score"],
        str(row["n_pairs"]),
        _number(row["median_first"], ".3f"),
        _number(row["median_second"], ".3f"),
        difference,
        f"{row['n_first_higher']} : {row['n_second_higher']}",
        _number(row["spearman"], ".3f"),
        _number(row["p_value"], ".2g"),
    ]


def _number(value: float | None, how: str) -> str:
    return "-" if value is None else format(value, how)

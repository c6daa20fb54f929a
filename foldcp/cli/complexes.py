"""`foldcp complexes`: read a table of complexes and say what became of each row."""

import itertools
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from foldcp.cli.source import (
    BaitsOption,
    CopiesOption,
    FormatOption,
    HomodimersOption,
    KnownOption,
    PreysOption,
    read_source,
)
from foldcp.config import ScreenConfig

if TYPE_CHECKING:
    from foldcp.campaign.ingested import Ingested

_SHOWN = 5


def complexes(
    output: Annotated[Path, typer.Option("--output", "-o", help="Complexes, as Parquet.")],
    table: Annotated[
        Path | None, typer.Argument(metavar="[TABLE]", help="Table of complexes or interactions; .gz too.")
    ] = None,
    format: FormatOption = "auto",
    copies: CopiesOption = None,
    baits: BaitsOption = None,
    preys: PreysOption = None,
    known: KnownOption = None,
    homodimers: HomodimersOption = False,
    rejected: Annotated[Path | None, typer.Option(help="Rejected rows with the reason, as Parquet.")] = None,
) -> None:
    """Read a table of complexes: CORUM, Complex Portal, PSI-MI TAB, BioGRID, STRING, hu.MAP or your own CSV.

    Each row becomes a complex or a rejected row with a reason; the counts printed add up. With --baits, make
    the pairs of a screen instead.

    \b
    Examples:
      foldcp complexes allComplexes.txt -o complexes.parquet --rejected rejected.parquet
      foldcp complexes --baits kinases.txt --preys viral.txt --known intact.txt -o pairs.parquet
    """
    from foldcp.tables import Provenance, write_table
    from foldcp.tables.schemas import COMPLEXES, REJECTED

    screen = ScreenConfig(baits=baits, preys=preys, known=known, homodimers=homodimers)
    ingested, files = read_source(table, format, copies, screen)
    origin = Provenance.of_files(*files)
    write_table(output, COMPLEXES, ingested.complexes, origin)
    if rejected:
        write_table(rejected, REJECTED, ingested.rejected, origin)
    typer.echo(summary(ingested))
    for remark in ingested.remarks:
        typer.echo(remark, err=True)
    if not rejected:
        _show(ingested.rejected.slice(0, _SHOWN).to_pylist())


def summary(ingested: "Ingested") -> str:
    """Return the counts of an ingested table, one per line."""
    reasons = Counter(ingested.rejected["reason_code"].to_pylist()).most_common()
    kinds = ({flag.partition(":")[0] for flag in flags} for flags in ingested.complexes["flags"].to_pylist())
    flags = Counter(itertools.chain.from_iterable(kinds)).most_common()
    distinct = len(set(ingested.complexes["content_key"].to_pylist()))
    roles = Counter(ingested.complexes["role"].to_pylist())
    lines = [
        ("format", ingested.format),
        ("rows in", ingested.n_rows),
        ("complexes", ingested.complexes.num_rows),
        ("  distinct", distinct),
        *((f"  {role}", n) for role, n in sorted(roles.items()) if role != "input"),
        *((f"  {name}", n) for name, n in flags),
        ("rejected", ingested.rejected.num_rows),
        *((f"  {name}", n) for name, n in reasons),
    ]
    width = max(len(name) for name, _ in lines)
    return "\n".join(f"{name:<{width}}  {value:>10}" for name, value in lines)


def _show(rows: list[dict]) -> None:
    for row in rows:
        typer.echo(f"row {row['source_row']} ({row['source_id'] or 'no id'}): {row['reason']}", err=True)
    if rows:
        typer.echo("all rejected rows: --rejected rejected.parquet", err=True)

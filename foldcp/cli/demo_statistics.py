"""`foldcp demo-statistics`: a synthetic example of what the statistics find."""

from pathlib import Path
from typing import Annotated

import typer


def demo_statistics(
    output: Annotated[Path, typer.Argument(metavar="OUT", help="New folder, or one of an earlier example.")],
    seed: Annotated[int, typer.Option(help="Seed of what is made up.")] = 7,
) -> None:
    """Make up scores with planted effects, run the statistics on them, and say what they find.

    The folder is laid out like a campaign's, and every table in it says that it is made up. It shows what
    the tables and the report of a real campaign mean; it says nothing about proteins.

    \b
    Example:
      foldcp demo-statistics synthetic-example
    """
    from foldcp.campaign.comparison import score_files
    from foldcp.campaign.enrichment import run
    from foldcp.campaign.report import render
    from foldcp.config import load
    from foldcp.demo.planted import findings
    from foldcp.demo.synthetic import NOTE, write_example
    from foldcp.tables import read_table
    from foldcp.tables.schemas import COMPLEXES

    write_example(output, seed)
    config = load(output / "config.yaml")
    tables = run(output, score_files(output), config, NOTE)
    render(output, config, output / "report.html")
    found = findings(tables, read_table(output / "01_complexes.parquet", COMPLEXES))
    typer.echo(f"{output}: {NOTE}")
    lines = [("", "planted", "found"), *(finding[:3] for finding in found)]
    for what, planted, seen in lines:
        typer.echo(f"{what:<38}{planted:<42}{seen}")
    agreeing = sum(finding.agrees for finding in found)
    typer.echo(
        f"{agreeing} of {len(found)} agree (an interval of 95 % leaves out what was planted 1 time in 20)"
    )
    typer.echo(f"report: {output / 'report.html'} ({NOTE})")

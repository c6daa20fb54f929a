"""`foldcp scores`: tables from a folder of predictions."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from foldcp.config import DEMO_NOTE
from foldcp.errors import ExitCode

if TYPE_CHECKING:
    from foldcp.campaign.scores import Totals


def scores(
    directory: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            help="Campaign folder, or predictions of Boltz, AlphaFold 3 or ColabFold.",
            show_default=False,
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write the tables to.")] = Path(
        "scores"
    ),
    tokens: Annotated[
        Path | None,
        typer.Option(
            help="Tokens table: adds member names.  [default: 04_tokens.parquet of a campaign folder]"
        ),
    ] = None,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=1, help="Processes that read predictions at once.")
    ] = 1,
) -> None:
    """Write Parquet tables of the scores of every complex, sample, chain and interface below DIR.

    Each table is a folder with one file for each size bin, as in a campaign's 07_scores. `foldcp dictionary`
    says what the columns mean. A prediction that cannot be read is listed with its reason in the table
    failed; all others are written.

    \b
    Example:
      foldcp scores boltz_results_screen -o scores/
      foldcp scores results -o scores/ --jobs 8
    """
    from foldcp.campaign.scores import score_folder

    totals = score_folder(directory, output, tokens, jobs)
    _tell(totals, output)
    if totals.unreadable:
        raise typer.Exit(int(ExitCode.FAILED))


def _tell(totals: "Totals", output: Path) -> None:
    counts = ", ".join(f"{totals.rows[name]} {name}" for name in ("complexes", "samples", "chains"))
    typer.echo(f"{output}: {counts}, {totals.rows['interfaces']} interfaces (each direction counts)")
    if totals.unfinished:
        typer.echo(f"not finished: {len(totals.unfinished)}", err=True)
    for reason in totals.unreadable[:10]:
        typer.echo(f"unreadable: {reason}", err=True)
    if totals.meaningless:
        typer.echo(f"warning: {DEMO_NOTE}", err=True)
    if totals.unreadable:
        typer.echo(f"{len(totals.unreadable)} unreadable in all: {output / 'failed'}", err=True)

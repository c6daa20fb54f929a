"""`foldcp scores`: tables from a folder of predictions."""

from pathlib import Path
from typing import Annotated

import typer

from foldcp.config import DEMO_NOTE
from foldcp.errors import ExitCode


def scores(
    directory: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", help="Campaign folder, or predictions in Boltz's layout (Boltz-1, Boltz-2)."
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
) -> None:
    """Write Parquet tables of the scores of every complex, chain and interface below DIR.

    A directory that cannot be read is listed with its reason in failed.parquet; all others are written.

    \b
    Example:
      foldcp scores boltz_results_screen -o scores/
      foldcp scores results -o scores/
    """
    from foldcp.campaign.scores import collect, locate
    from foldcp.tables import Provenance, read_table, schemas, write_table

    predictions, beside = locate(directory)
    tokens = tokens or beside
    got = collect(predictions, None if tokens is None else read_table(tokens, schemas.TOKENS))
    weights = got.complexes["weights_sha256"].unique().drop_null().to_pylist()
    origin = Provenance.of_files(
        *([] if tokens is None else [tokens]),
        weights_sha256=",".join(sorted(weights)) or None,
        note=DEMO_NOTE if got.meaningless else None,
    )
    write_table(output / "complexes.parquet", schemas.SCORES_COMPLEXES, got.complexes, origin)
    write_table(output / "chains.parquet", schemas.SCORES_CHAINS, got.chains, origin)
    write_table(output / "interfaces.parquet", schemas.SCORES_INTERFACES, got.interfaces, origin)
    # Always written, so that a table of an earlier run never stays behind.
    write_table(output / "failed.parquet", schemas.REJECTED, got.failed, origin)
    typer.echo(
        f"{output}: {len(got.complexes['complex_id'].unique())} complexes, {got.complexes.num_rows} samples, "
        f"{got.chains.num_rows} chains, {got.interfaces.num_rows} interfaces (each direction counts)"
    )
    if got.unfinished:
        typer.echo(f"not finished: {len(got.unfinished)}", err=True)
    for reason in got.failed["reason"].to_pylist()[:10]:
        typer.echo(f"unreadable: {reason}", err=True)
    if got.meaningless:
        typer.echo(f"warning: {DEMO_NOTE}", err=True)
    if got.failed.num_rows:
        typer.echo(f"{got.failed.num_rows} unreadable in all: {output / 'failed.parquet'}", err=True)
        raise typer.Exit(int(ExitCode.FAILED))

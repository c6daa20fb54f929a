"""`foldcp status`: where a campaign stands."""

from pathlib import Path
from typing import Annotated

import typer


def status(
    campaign: Annotated[
        Path,
        typer.Argument(metavar="CAMPAIGN_DIR", help="Results folder of the campaign.", show_default=False),
    ],
    failures: Annotated[
        bool, typer.Option("--failures", help="List every failed complex and what went wrong.")
    ] = False,
) -> None:
    """Show where a campaign stands: per bin done, running, failed by class, time left and rank-hours.

    It reads the campaign folder only, so it works at any time and from any terminal, also while jobs run.
    A rank is one GPU, or one process on the CPU.

    Done means that the prediction's done.json is there. If predictions were deleted, make them again with
    `snakemake --configfile my.yaml --cores 8 --forcerun predict`: it runs only what is missing or damaged.

    \b
    Example:
        foldcp status results
        foldcp status results --failures
    """
    from foldcp.campaign.status import read_status

    state = read_status(campaign)
    typer.echo(f"{campaign}: {state.summary}")
    for stage, counts in state.stages.items():
        typer.echo(f"  {stage:<11} {counts}")
    if state.bins:
        typer.echo("")
        for line in _bin_lines(state.bins):
            typer.echo(line)
    if lost := sum(b.lost for b in state.bins):
        typer.echo(f"\nfinished predictions no longer in 06_predictions: {lost}; make them again with")
        typer.echo("  snakemake --configfile my.yaml --cores 8 --forcerun predict")
    if failures:
        typer.echo("" if state.failures else "\nno complex has failed")
        for attempt in state.failures:
            typer.echo(
                f"{attempt['complex_id']}: {attempt['outcome']}: {attempt.get('message') or 'no message'}"
            )


def _bin_lines(bins: list) -> list[str]:
    from foldcp.campaign.launch.progress import duration, hours

    header = (
        "bin",
        "mesh",
        "planned",
        "done",
        "running",
        "waiting",
        "failed",
        "time left",
        "rank-hours",
        "of planned",
    )
    rows = [
        (
            b.name,
            b.mesh,
            str(b.planned),
            str(b.done),
            str(b.running),
            str(b.waiting),
            ", ".join(f"{count} {outcome}" for outcome, count in sorted(b.failed.items())) or "0",
            "-" if b.seconds_left is None else duration(b.seconds_left),
            hours(b.hours_used),
            hours(b.hours_planned),
        )
        for b in bins
    ]
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (header, *rows)
    ]

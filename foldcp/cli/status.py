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
    """Show where a campaign stands: per bin done, running, failed by class, time left and GPU-hours.

    It reads the campaign folder only, so it works at any time and from any terminal, also while jobs run.

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
    if failures:
        typer.echo("" if state.failures else "\nno complex has failed")
        for attempt in state.failures:
            typer.echo(
                f"{attempt['complex_id']}: {attempt['outcome']}: {attempt.get('message') or 'no message'}"
            )


def _bin_lines(bins: list) -> list[str]:
    from foldcp.campaign.launch.progress import duration

    header = (
        "bin",
        "mesh",
        "planned",
        "done",
        "running",
        "waiting",
        "failed",
        "time left",
        "GPU-hours",
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
            f"{b.hours_used:.3g}",
            f"{b.hours_planned:.3g}",
        )
        for b in bins
    ]
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (header, *rows)
    ]

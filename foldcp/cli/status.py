"""`foldcp status`: where a campaign stands."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from foldcp.campaign.failures import Failure


def status(
    campaign: Annotated[
        Path,
        typer.Argument(metavar="CAMPAIGN_DIR", help="Results folder of the campaign.", show_default=False),
    ],
    failures: Annotated[
        bool,
        typer.Option("--failures", help="One line per failed complex: what happened, and what helps."),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print everything as one JSON document, for machines.")
    ] = False,
) -> None:
    """Show where a campaign stands: per bin done, running, failed by class, time left and rank-hours.

    It reads the campaign folder only, so it works at any time and from any terminal, also while jobs run.
    A rank is one GPU, or one process on the CPU.

    Done means that the prediction's done.json is there, for the input, settings and weights that were used
    last. If predictions were deleted, make them again with
    `snakemake --configfile my.yaml --cores 8 --forcerun predict`: it runs only what is missing or damaged.
    `foldcp retry` gives failed complexes new tries.

    \b
    Example:
        foldcp status results
        foldcp status results --failures
        foldcp status results --json | jq '.failures[].complex_id'
    """
    from foldcp.campaign.status import read_status

    state = read_status(campaign)
    if as_json:
        typer.echo(json.dumps(state.to_json(), indent=1))
        return
    typer.echo(f"{campaign}: {state.summary}")
    for stage, counts in state.stages.items():
        typer.echo(f"  {stage:<11} {counts}")
    if state.bins:
        typer.echo("")
        for line in _bin_lines(state.bins):
            typer.echo(line)
    if state.waits:
        typer.echo("\nin SLURM's queue: " + "\n  ".join(state.waits))
    if lost := sum(b.lost for b in state.bins):
        typer.echo(f"\nfinished predictions no longer in 06_predictions: {lost}; make them again with")
        typer.echo("  snakemake --configfile my.yaml --cores 8 --forcerun predict")
    if failures:
        typer.echo("" if state.failures else "\nno complex has failed")
        for failure in state.failures:
            typer.echo(_failure_line(failure))


def _failure_line(failure: "Failure") -> str:
    kind = failure.outcome if failure.cause == failure.outcome else f"{failure.outcome} ({failure.cause})"
    tries = f"{failure.tries} {'try' if failure.tries == 1 else 'tries'}"
    ways = f" on {', '.join(failure.ways)}" if failure.ways else ""
    peak = f"peak {_gib(failure.peak_bytes)}, predicted {_gib(failure.predicted_peak_bytes)}"
    after = f"helps: {failure.helps}" if failure.final else "the bin is at work and may try it again"
    return f"{failure.complex_id}: {kind}; {tries}{ways}; {peak}; {failure.message}; {after}"


def _gib(size: int | None) -> str:
    return "unknown" if size is None else f"{size / 2**30:.2f} GiB"


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

"""`foldcp doctor`: what this machine has for predictions, and how to get what is missing."""

from pathlib import Path
from typing import Annotated

import typer

from foldcp.errors import ExitCode


def doctor(
    model: Annotated[
        str, typer.Option(help="Model you want to predict with: boltz2, demo, or the path of a checkpoint.")
    ] = "boltz2",
    cache: Annotated[
        Path | None, typer.Option(help="Folder of weights and molecules; default: the model's own.")
    ] = None,
) -> None:
    """Show GPUs, torch, NCCL, SLURM, weights, molecules and disk; say what is missing and how to get it.

    Exit code 4 if a prediction with this model cannot run, else 0. Needs no network.

    \b
    Example:
      foldcp doctor --model demo
    """
    from foldcp.doctor import State, examine

    checks = examine(model, cache)
    width = max(len(check.name) for check in checks)
    for check in checks:
        typer.echo(f"{check.state:<7}  {check.name:<{width}}  {check.found}")
        if check.remedy:
            typer.echo(f"{'':<7}  {'':<{width}}  -> {check.remedy}")
    missing = [check.name for check in checks if check.state is State.MISSING]
    if missing:
        typer.echo(f"missing for predictions with model {model}: {', '.join(missing)}", err=True)
        raise typer.Exit(ExitCode.MISSING)

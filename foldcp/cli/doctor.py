"""`foldcp doctor`: what this machine has for predictions, and how to get what is missing."""

from pathlib import Path
from typing import Annotated

import typer

from foldcp.errors import ExitCode, UsageError


def doctor(
    model: Annotated[
        str, typer.Option(help="Model you want to predict with: boltz2, demo, or the path of a checkpoint.")
    ] = "boltz2",
    cache: Annotated[
        Path | None, typer.Option(help="Folder of weights and molecules; default: the model's own.")
    ] = None,
    stage: Annotated[
        Path | None,
        typer.Option(
            help="Gather weights, molecules and what --config names here, for machines with no network."
        ),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="With --stage: campaign configuration whose inputs to gather as well.")
    ] = None,
) -> None:
    """Show GPUs, torch, NCCL, SLURM, weights, molecules and disk; say what is missing and how to get it.

    Exit code 4 if a prediction with this model cannot run, else 0. Needs no network.

    \b
    Example:
      foldcp doctor --model demo
      foldcp doctor --stage carry --config my.yaml       # then copy the folder `carry`, and over there:
      foldcp weights --cache carry && foldcp doctor --cache carry
    """
    if stage is not None:
        _stage(stage, model, cache, config)
        return
    if config is not None:
        raise UsageError("--config says what to stage; give --stage FOLDER with it")
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


def _stage(folder: Path, model: str, cache: Path | None, config: Path | None) -> None:
    from foldcp import staging
    from foldcp.cli.weights import Report, say
    from foldcp.config import load

    campaign = None if config is None else load(config)
    files = staging.stage(folder, model, cache, campaign, Report(), say)
    typer.echo(f"{len(files)} files in {folder}, listed in {staging.MANIFEST}")
    typer.echo(f"copy the folder, then there: foldcp weights --cache {folder.name} (unpacks the molecules)")
    typer.echo(
        f"and foldcp doctor --cache {folder.name} (compares every file); export FOLDCP_CACHE to use it"
    )

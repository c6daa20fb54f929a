"""`foldcp weights`: download the released weights and molecules, resumably, and check them."""

import sys
from pathlib import Path
from typing import Annotated

import typer


def weights(
    model: Annotated[str, typer.Option(help="boltz2; model demo needs no download.")] = "boltz2",
    cache: Annotated[
        Path | None,
        typer.Option(help="Folder to download to; default: $BOLTZ_CACHE, else $FOLDCP_CACHE, else ~/.boltz."),
    ] = None,
) -> None:
    """Download the released weights and molecules; an interrupted download continues where it stopped.

    Files that are there are checked, not downloaded again. The folder is the one that `boltz predict` uses.

    \b
    Example:
      foldcp weights --cache /data/boltz
    """
    from foldcp.predict.weights import download

    if model == "demo":
        typer.echo("model demo needs no download: it is built on this machine when first used")
        return
    files = download(model, cache, Report(), say)
    typer.echo(f"checkpoint  {files.checkpoint}")
    typer.echo(f"molecules   {files.molecules}")


class Report:
    """Prints a line to stderr for each file and each further tenth of it."""

    def __init__(self) -> None:
        self.last: tuple[str, int] | None = None

    def __call__(self, name: str, got: int, total: int | None) -> None:
        """Take note of `got` bytes of the file `name`."""
        step = got * 10 // total if total else got >> 28
        if (name, step) != self.last:
            self.last = (name, step)
            of = f" of {total / 1e6:.0f}" if total else ""
            say(f"{name}: {got / 1e6:.0f}{of} MB")


def say(text: str) -> None:
    """Write a line to stderr."""
    print(text, file=sys.stderr, flush=True)

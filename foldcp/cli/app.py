"""The typer application: the subcommands in the order a user meets them."""

from typing import Annotated

import typer

from foldcp import __version__
from foldcp.cli import (
    compare,
    complexes,
    demo_statistics,
    dictionary,
    doctor,
    memory,
    msa,
    plan,
    predict,
    retry,
    scores,
    status,
    weights,
)

app = typer.Typer(
    name="foldcp",
    help="Fold and score whole databases of protein complexes with Boltz-2 on meshes of GPUs.",
    epilog=(
        "Exit codes: 0 all done; 1 some complexes failed, or a defect; 2 wrong option or configuration; "
        "3 unreadable input; 4 something is missing on this machine (run `foldcp doctor`), or an output "
        "cannot be written."
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"foldcp {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Fold and score whole databases of protein complexes with Boltz-2 on meshes of GPUs."""


app.command("doctor")(doctor.doctor)
app.command("complexes")(complexes.complexes)
app.command("plan")(plan.plan)
app.command("memory")(memory.memory)
app.command("predict")(predict.predict)
app.command("scores")(scores.scores)
app.command("dictionary")(dictionary.dictionary)
app.command("compare")(compare.compare)
app.command("status")(status.status)
app.add_typer(msa.app, name="msa")
app.command("retry")(retry.retry)
app.command("weights")(weights.weights)
app.command("demo-statistics")(demo_statistics.demo_statistics)

"""`foldcp dictionary`: what the columns of the tables mean."""

from typing import Annotated

import typer


def dictionary(
    table: Annotated[
        str | None,
        typer.Argument(metavar="[TABLE]", help="One table, e.g. scores_interfaces.", show_default=False),
    ] = None,
) -> None:
    """Print what every column of every table means: type, unit, range, source.

    \b
    Example:
      foldcp dictionary scores_interfaces
      foldcp dictionary > dictionary.md
    """
    from foldcp.tables.dictionary import render

    typer.echo(render(table), nl=False)

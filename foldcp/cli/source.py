"""Where complexes come from: a table, or the lists of a screen. Options that several commands share."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from foldcp.config import TABLE_FORMATS, ScreenConfig
from foldcp.errors import UsageError

if TYPE_CHECKING:
    from foldcp.campaign.ingested import Ingested

FormatOption = Annotated[str, typer.Option(help=f"Format of the table: {', '.join(TABLE_FORMATS)}.")]
CopiesOption = Annotated[
    Path | None, typer.Option(help="Your own stoichiometry: CSV with columns complex_id,member,copies.")
]
BaitsOption = Annotated[
    Path | None,
    typer.Option(
        help="Instead of a table: proteins to pair, one per line or CSV with columns member,copies."
    ),
]
PreysOption = Annotated[
    Path | None, typer.Option(help="With --baits: proteins to pair them with; default: with one another.")
]
KnownOption = Annotated[
    Path | None, typer.Option(help="With --baits: table of known interactions, in any format.")
]
HomodimersOption = Annotated[
    bool, typer.Option("--homodimers", help="With --baits: pair proteins with themselves, too.")
]


def read_source(
    table: Path | None, fmt: str, copies: Path | None, screen: ScreenConfig
) -> tuple["Ingested", list[Path]]:
    """Return the complexes of a table or a screen, and the files they were read from.

    Raises
    ------
    UsageError
        If neither or both are given, or an option goes with the other one.
    InputError
        If a file cannot be read as what it should be.
    """
    from foldcp.campaign.complexes import ingest
    from foldcp.campaign.screen import pairs

    if (table is None) == (screen.baits is None):
        raise UsageError("give a table of complexes, or --baits to pair proteins: one of the two")
    if table is None:
        if copies:
            raise UsageError("--copies goes with a table; give the list of baits a column copies instead")
        return pairs(screen), screen.files
    if screen.preys or screen.known or screen.homodimers:
        raise UsageError("--preys, --known and --homodimers go with --baits, not with a table")
    return ingest(table, fmt, copies), [path for path in (table, copies) if path]

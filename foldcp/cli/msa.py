"""`foldcp msa`: the alignments of a campaign, and the cache that campaigns share."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from foldcp.config.alignments import MOST_ROWS
from foldcp.msa.pairing import STRATEGIES

if TYPE_CHECKING:
    from foldcp.campaign.msa_status import MsaStatus, Paired

app = typer.Typer(
    help="Alignments: of a campaign (status), paired for Boltz (pair), in the cache (cache).",
    no_args_is_help=True,
)
_SHOWN = 20


@app.command()
def status(
    campaign: Annotated[
        Path,
        typer.Argument(metavar="CAMPAIGN_DIR", help="Results folder of the campaign.", show_default=False),
    ],
    failures: Annotated[bool, typer.Option("--failures", help="List every failure.")] = False,
) -> None:
    """Show depth and coverage of the alignments by provider, and what is missing or failed.

    Depth counts the rows of an alignment, the protein itself among them. Coverage is the share of the
    protein's residues that another row covers, mean over the rows. `own` are alignments of single complexes.
    The rows that pair chains by species are counted with the row of the complex itself.

    \b
    Example:
        foldcp msa status results
    """
    from foldcp.campaign.msa_status import read_msa_status

    state = read_msa_status(campaign)
    for line in _lines(state):
        typer.echo(line)
    shown = list(state.failed.items()) if failures else list(state.failed.items())[:_SHOWN]
    for members, reason in shown:
        typer.echo(f"  {members}: {reason}")
    if len(shown) < len(state.failed):
        typer.echo(f"  and {len(state.failed) - len(shown)} more: --failures lists all")


def _lines(state: "MsaStatus") -> list[str]:
    lines = []
    if state.jobs:
        lines.append(
            f"searches: {state.to_search} sequences in {state.jobs} jobs, {state.jobs_done} of them ended"
        )
    if state.providers:
        lines.append(f"{'provider':<10}{'proteins':>9}{'least':>8}{'median':>9}{'most':>8}{'coverage':>10}")
    for name, got in state.providers.items():
        coverage = "-" if got.coverage is None else f"{got.coverage:.2f}"
        depth = f"{got.least:>8}{got.median:>9g}{got.most:>8}"
        lines.append(f"{name:<10}{got.proteins:>9}{depth}{coverage:>10}")
    if not state.providers:
        lines.append("no alignments yet: the campaign has not come to its msa stage")
    if state.paired is not None:
        lines.append(_pairs(state.paired))
    single = len(state.failed) - state.rejected if state.providers else 0
    lines.append(
        f"failed: {len(state.failed)}"
        + (f" ({state.rejected} cost their complexes, {single} folded as single sequences)" * bool(single))
    )
    return lines


def _pairs(found: "Paired") -> str:
    rows = f"; rows: {found.least} to {found.most}, median {found.median:g}" * bool(found.paired)
    return f"paired by species: {found.paired} of {found.complexes} complexes of several protein chains{rows}"


@app.command()
def pair(
    complexes: Annotated[
        list[Path],
        typer.Argument(
            metavar="INPUT...", help="Boltz inputs whose proteins have a3m files.", show_default=False
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder to write to: OUT/<name>.yaml and OUT/<name>/*.csv.")],
    strategy: Annotated[
        str,
        typer.Option("--pairing", help=f"{', '.join(STRATEGIES)}: by the species in the headers."),
    ] = "greedy",
    max_rows: Annotated[int, typer.Option(help="Most rows of one protein's alignment.")] = MOST_ROWS,
    max_paired: Annotated[
        int | None, typer.Option(help="Most rows that pair chains; default: as many.")
    ] = None,
) -> None:
    """Write inputs with paired alignments, for Boltz itself or to look at.

    `foldcp predict` and campaigns pair by themselves; give the options the values that they have there. One
    line per input goes to stdout: the file, the rows that pair chains, and all rows of the alignment.

    \b
    Example:
        foldcp msa pair results/06_predictions/CPX-1278/CPX-1278.yaml --out for-boltz
        boltz predict for-boltz/CPX-1278.yaml
    """
    from foldcp.predict import targets
    from foldcp.predict.document import read
    from foldcp.predict.paired_input import write_for_boltz
    from foldcp.predict.settings import Settings

    settings = Settings(pairing=strategy, max_rows=max_rows, max_paired=max_paired)
    for path in targets.find(complexes):
        written, depths = write_for_boltz(read(path), settings.how_to_pair, out)
        typer.echo(f"{written}\t{depths.paired} paired\t{depths.total} in all")


@app.command()
def cache(
    folder: Annotated[
        Path | None, typer.Option("--cache", help="Cache folder; default: as msa.cache is without a value.")
    ] = None,
    clean: Annotated[
        bool, typer.Option("--clean", help="Delete what killed searches left behind a day ago or earlier.")
    ] = False,
) -> None:
    """List the alignments in the cache, by the search they come from.

    \b
    Example:
        foldcp msa cache
        foldcp msa cache --cache /shared/foldcp-cache --clean
    """
    from foldcp.config import cache_folder
    from foldcp.msa.cache import kinds, left_overs

    place = cache_folder(folder)
    for key, kind in kinds(place).items():
        said = kind.provenance
        databases = ", ".join(entry.get("name") or entry["url"] for entry in said["databases"])
        typer.echo(
            f"{key}  {kind.entries} alignments, {kind.n_bytes / 2**20:.1f} MiB, {said['provider']} "
            f"({said['tool']} {said.get('version', '')}".rstrip()
            + f") of {databases}, first {said['made']}"
        )
    left = left_overs(place)
    for path in left if clean else ():
        path.unlink(missing_ok=True)
    typer.echo(f"{place / 'msa'}: {len(left)} files of killed searches" + (" deleted" if clean else ""))

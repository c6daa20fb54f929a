"""`foldcp retry`: new tries for failed complexes."""

from pathlib import Path
from typing import Annotated

import typer


def retry(
    campaign: Annotated[
        Path,
        typer.Argument(metavar="CAMPAIGN_DIR", help="Results folder of the campaign.", show_default=False),
    ],
    classes: Annotated[
        list[str] | None,
        typer.Option("--class", metavar="OUTCOME", help="All that failed so: oom, timeout, crashed, ..."),
    ] = None,
    names: Annotated[
        list[str] | None, typer.Option("--complex", metavar="ID", help="This failed complex.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every failed complex.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
) -> None:
    """Give failed complexes new tries at the next run of the campaign.

    Their earlier tries no longer count towards the limits (config: predict.attempts) and the ladder out of
    memory; they stay in the ledger. Mend the reason first: `foldcp status --failures` says what helps.
    --class and --complex may be given several times, and add up.

    \b
    Example:
        foldcp retry results --class oom
        foldcp retry results --class crashed --class timeout --complex 1234 --dry-run
        foldcp retry results --all
    """
    from foldcp.campaign.retry import chosen, give_new_tries

    failures = chosen(campaign, classes or [], names or [], everything)
    for failure in failures:
        typer.echo(f"{failure.complex_id}: {failure.outcome}: {failure.message}")
    if not failures:
        typer.echo("no complex has failed that way; nothing to do", err=True)
        return
    if dry_run:
        typer.echo(f"{len(failures)} complexes would get new tries; nothing was changed", err=True)
        return
    give_new_tries(campaign, failures)
    typer.echo(
        f"{len(failures)} complexes get new tries when the campaign runs next, e.g. by\n"
        "  snakemake --configfile my.yaml --cores 8",
        err=True,
    )

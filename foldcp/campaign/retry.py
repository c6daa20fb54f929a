"""New tries for failed complexes, by the user's wish."""

from collections.abc import Collection, Sequence
from pathlib import Path

from foldcp.campaign.failures import Failure
from foldcp.campaign.status import read_status
from foldcp.errors import UsageError, unknown_choice
from foldcp.predict.outcomes import Outcome
from foldcp.predict.pardons import pardon

_CLASSES = [str(outcome) for outcome in Outcome if outcome != Outcome.DONE]


def chosen(
    campaign: Path, classes: Collection[str], names: Collection[str], everything: bool = False
) -> list[Failure]:
    """Return the failed complexes that are meant: by class, by name, or all.

    Parameters
    ----------
    campaign
        Campaign folder.
    classes
        Outcome classes.
    names
        Complexes.
    everything
        Whether every failed complex is meant.

    Raises
    ------
    UsageError
        If nothing is named, a class does not exist, or a named complex has not failed.
    InputError
        If there is no such folder.
    """
    if not (classes or names or everything):
        raise UsageError(
            "which failed complexes? name them by --class OUTCOME or --complex ID, or take --all"
        )
    for name in classes:
        if name not in _CLASSES:
            raise unknown_choice("outcome class", name, _CLASSES)
    failures = {failure.complex_id: failure for failure in read_status(campaign).failures}
    if strangers := [name for name in names if name not in failures]:
        raise UsageError(
            f"no failed complex {', '.join(map(repr, strangers))}; failed are: {_some(list(failures))}"
        )
    return [f for f in failures.values() if everything or f.outcome in classes or f.complex_id in names]


def give_new_tries(campaign: Path, failures: Collection[Failure]) -> None:
    """Let earlier tries of these complexes count no more, and their bins be worked on again.

    Raises
    ------
    WriteError
        If the campaign's folder cannot be written.
    """
    # The tables first: if this process dies in between, the complexes have still failed and can be chosen.
    for name in {failure.bin for failure in failures}:
        (campaign / "06_ledger" / f"{name}.parquet").unlink(missing_ok=True)
    pardon(campaign / "06_predictions" / "ledger", [failure.complex_id for failure in failures])


def _some(names: Sequence[str]) -> str:
    if not names:
        return "none"
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")

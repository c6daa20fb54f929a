"""Predictions below a folder, and the program that wrote each: told by the names of its files."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from foldcp.errors import InputError
from foldcp.scores.readers import alphafold2, alphafold3, boltz, colabfold
from foldcp.scores.sample import Sample

_KNOWN = "Boltz, foldcp, AlphaFold 3, AlphaFold 2 or ColabFold"


@dataclass(frozen=True)
class Prediction:
    """One prediction, not read yet.

    Attributes
    ----------
    name
        Unique among what was found: its directory's name, or where one directory holds several, their own.
    directory
        Where its files are.
    program
        What it was taken for; `unknown` where no file told, and then reading says so.
    read
        Reads all its samples; raises InputError naming the file and what is wrong with it.
    """

    name: str
    directory: Path
    program: str
    read: Callable[[], list[Sample]]


def find(folder: Path | str, may_be_empty: bool = False) -> dict[str, Prediction]:
    """Return the predictions of a folder by their names.

    Parameters
    ----------
    folder
        A folder of one prediction, of many (one directory each, or ColabFold's and the AlphaFold server's
        with the files of many), or one whose `predictions/` is such a folder.
    may_be_empty
        Whether it may be absent, or hold none: the state of a campaign that has predicted nothing yet.

    Raises
    ------
    InputError
        If there is no such folder, it holds no predictions, or two have one name.
    """
    folder = Path(folder)
    if may_be_empty and not folder.exists():
        return {}
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; expected predictions of {_KNOWN}")
    if here := _in(folder):
        return _by_name(folder, here)
    if (folder / "predictions").is_dir():
        folder = folder / "predictions"
    directories = sorted(
        p for p in folder.iterdir() if p.is_dir() and p.name != "ledger" and p.name[0] != "."
    )
    if not directories and not may_be_empty and not (folder / "ledger").is_dir():
        raise InputError(f"{folder}: holds no predictions; expected those of {_KNOWN}")
    return _by_name(folder, [found for directory in directories for found in _below(directory)])


def read_prediction(directory: Path | str) -> list[Sample]:
    """Read all samples of a directory that holds one prediction, in the order of their numbers.

    Raises
    ------
    InputError
        If it holds none or several, or naming the file and what is wrong with it.
    """
    found = _in(Path(directory)) or [_unknown(Path(directory))]
    if len(found) > 1:
        names = sorted(prediction.name for prediction in found)
        raise InputError(f"{directory}: holds {len(found)} predictions ({names[:3]} ...), expected one")
    return found[0].read()


def _below(directory: Path) -> list[Prediction]:
    found = _in(directory) or [_unknown(directory)]
    if len(found) == 1:
        return [Prediction(directory.name, directory, found[0].program, found[0].read)]
    return found


def _in(directory: Path) -> list[Prediction]:
    """Return the predictions whose files lie in a directory itself."""
    names = [path.name for path in directory.iterdir()]
    own = directory.resolve().name
    if any(boltz.is_confidence(name) for name in names):
        return [Prediction(own, directory, "boltz", partial(boltz.read, directory))]
    if alphafold2.RANKING in names:
        return [Prediction(own, directory, "alphafold2", partial(alphafold2.read, directory))]
    found = [
        Prediction(query, directory, "colabfold", partial(colabfold.read, directory, query))
        for query in sorted(colabfold.queries(names))
    ]
    found += [
        Prediction(job, directory, "alphafold3", partial(alphafold3.read_server, directory, job))
        for job in sorted(alphafold3.server_jobs(names))
    ]
    if not found and alphafold3.is_local(names):
        return [Prediction(own, directory, "alphafold3", partial(alphafold3.read_local, directory))]
    return found


def _unknown(directory: Path) -> Prediction:
    def read() -> list[Sample]:
        raise InputError(
            f"{directory}: holds no scores of a prediction: no confidence_*_model_*.json (Boltz, foldcp), "
            "*summary_confidences*.json (AlphaFold 3), *_scores_rank_*.json (ColabFold) or "
            f"{alphafold2.RANKING} (AlphaFold 2)"
        )

    return Prediction(directory.name, directory, "unknown", read)


def _by_name(folder: Path, found: list[Prediction]) -> dict[str, Prediction]:
    by_name = {prediction.name: prediction for prediction in found}
    if len(by_name) < len(found):
        names = [prediction.name for prediction in found]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise InputError(
            f"{folder}: several predictions are called {twice[:3]}; put them in folders of their own"
        )
    return by_name

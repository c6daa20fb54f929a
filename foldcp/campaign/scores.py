"""Score tables: one pass over predictions, one at a time, into Parquet parts by size bin.

A folder of foldcp's own holds completion markers, and then only directories with a valid one count: whatever
a killed job left behind is unfinished, not a result. Other programs' folders have no markers and are read as
they are. A prediction that cannot be read or scored becomes a failed row and costs nothing else.

In a campaign a prediction must also be the one that the ledger of its bin speaks of: made from that input,
with those settings and weights. Else what an earlier configuration left would pass for a result of this one.

foldcp scores a prediction when it has written it, and the marker vouches for `scores_<id>.json` as for every
other file. So a marked prediction is checked by the size of every file, which finds a cut or replaced one,
and by the hash of the files that are read: of `scores_<id>.json` alone where it can be used, which spares
reading the structures of a large campaign; of all where the prediction has to be scored again.

Memory holds a row group of each table and the predictions being read, however many there are, besides what
the tokens table says of their chains.
"""

import dataclasses
import logging
from bisect import bisect_left
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from foldcp.campaign.in_order import in_order
from foldcp.campaign.scored_rows import Tables, failed_rows, rows_of
from foldcp.campaign.served import Served, served_by
from foldcp.config import DEMO_NOTE, PlanConfig
from foldcp.errors import InputError
from foldcp.plan.planning import bin_name
from foldcp.predict.markers import MARKER, differing, listed, read_marker
from foldcp.scores import Prediction, Scored, find, read_prediction, score
from foldcp.tables.dataset import keep_bins
from foldcp.tables.files import read_table
from foldcp.tables.parts import Parts, writing_parts
from foldcp.tables.provenance import Provenance
from foldcp.tables.schemas import LEDGER, PLAN, REJECTED, TOKENS
from foldcp.tables.score_schemas import SCORES

_log = logging.getLogger(__name__)

TABLES = {**SCORES, "failed": REJECTED}
"""The tables of the stage, by the name of their folder."""
UNSIZED = bin_name(0)
"""Bin of failed rows whose number of tokens nothing tells; a number, as the names of all bins are."""


@dataclass
class Totals:
    """What was written.

    Attributes
    ----------
    rows
        Rows by the name of the table.
    unfinished
        Complexes of a campaign that have no completed prediction (yet); the ledger says why.
    unreadable
        Why predictions could not be read, one text for each failed row.
    weights
        Hashes of the checkpoints.
    meaningless
        Whether demo weights made any of the predictions.
    """

    rows: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TABLES, 0))
    unfinished: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    weights: set[str] = field(default_factory=set)
    meaningless: bool = False


@dataclass(frozen=True)
class _Task:
    """A prediction to read: where it is, what it stands for, and the bin of its rows, where that is known.

    With `run_key`, only a prediction of that run key counts; without, one of the right input.
    """

    name: str
    directory: Path
    served: list[Served]
    marked: bool
    bin: str | None = None
    prediction: Prediction | None = None
    run_key: str | None = None


@dataclass(frozen=True)
class _Outcome:
    tables: list[Tables] = field(default_factory=list)
    bin: str = UNSIZED
    unfinished: tuple[str, ...] = ()
    weights: frozenset[str] = frozenset()
    meaningless: bool = False


def score_bin(campaign: Path, name: str, output: Path, origin: Provenance, jobs: int = 1) -> Totals:
    """Write the parts of one bin of the plan, be they empty.

    Parameters
    ----------
    campaign
        Campaign folder. Predictions count if they are those of the bin's ledger.
    name
        Name of the bin.
    output
        Folder of the tables.
    origin
        What the tables are made from; hashes of weights and the note on demo weights are added.
    jobs
        Processes; more than one needs a main program that does nothing when it is imported.
    """
    planned = _planned(campaign)
    its = [prediction for prediction, bin_ in planned.items() if bin_ == name]
    ledger = read_table(campaign / "06_ledger" / f"{name}.parquet", LEDGER)
    run_keys = dict(zip(ledger["complex_id"].to_pylist(), ledger["run_key"].to_pylist(), strict=True))
    served = served_by(read_table(campaign / "04_tokens.parquet", TOKENS), its)
    tasks = [
        # What the ledger does not know was not predicted: no marker has an empty key.
        dataclasses.replace(task, run_key=run_keys.get(task.name, ""))
        for task in _campaign_tasks(campaign / "06_predictions", served, planned)
    ]
    with writing_parts(output, TABLES) as parts:
        parts.bin(name)
        return _write(parts, tasks, origin, jobs)


def score_folder(folder: Path, output: Path, tokens: Path | None = None, jobs: int = 1) -> Totals:
    """Write the tables of all predictions below a folder; parts that an earlier run left there are removed.

    Parameters
    ----------
    folder
        Campaign folder, or a folder of predictions of any program that `foldcp.scores.find` knows.
    output
        Folder of the tables. Bins are those of the campaign's plan, else the default ones.
    tokens
        TOKENS table. With it, only its complexes are read, a complex that shares the prediction of another
        gets rows of its own, and chains carry the names of members. Default: the campaign's.
    jobs
        Processes; more than one needs a main program that does nothing when it is imported.

    Raises
    ------
    InputError
        If the folder does not exist or holds no predictions at all. With tokens that is no error but the
        state of a campaign: nothing is predicted (yet), or nothing was planned.
    """
    predictions, beside = _locate(folder)
    tokens = tokens or beside
    if tokens is None:
        tasks, origin = _found_tasks(predictions), Provenance()
    else:
        served = served_by(read_table(tokens, TOKENS))
        tasks, origin = _campaign_tasks(predictions, served, _planned(folder)), Provenance.of_files(tokens)
    with writing_parts(output, TABLES) as parts:
        totals = _write(parts, tasks, origin, jobs)
    forget_other_bins(output, parts.bins)
    return totals


def forget_other_bins(output: Path, bins: Collection[str]) -> None:
    """Remove the parts of all bins but these: whoever reads the folder reads all that it holds."""
    for table in TABLES:
        keep_bins(output / table, bins)


def _locate(folder: Path) -> tuple[Path, Path | None]:
    """Return where predictions lie below a folder, and its tokens table if it is a campaign that has one."""
    tokens = folder / "04_tokens.parquet"
    if tokens.is_file() or (folder / "06_predictions").is_dir():
        return folder / "06_predictions", tokens if tokens.is_file() else None
    return folder, None


def _planned(campaign: Path) -> dict[str, str]:
    """Return the bin of each planned prediction; nothing where there is no plan."""
    path = campaign / "05_plan.parquet"
    rows = read_table(path, PLAN).select(["complex_id", "bin"]).to_pylist() if path.is_file() else []
    return {row["complex_id"]: row["bin"] for row in rows}


def _campaign_tasks(
    predictions: Path, served: Mapping[str, list[Served]], planned: Mapping[str, str]
) -> list[_Task]:
    if predictions.exists() and not predictions.is_dir():
        raise InputError(f"{predictions}: no such folder; expected predictions")
    return [
        _Task(name, predictions / name, its, True, planned.get(name, _bin_of(its[0].n_tokens)))
        for name, its in sorted(served.items())
    ]


def _found_tasks(folder: Path) -> list[_Task]:
    found = find(folder)
    marked = any((prediction.directory / MARKER).exists() for prediction in found.values())
    return [
        # One that is not known cannot be read, nor sent to another process: reading its folder says why.
        _Task(name, p.directory, [Served(name)], marked, prediction=p if p.program != "unknown" else None)
        for name, p in sorted(found.items())
    ]


def _bin_of(n_tokens: int | None) -> str:
    """Return the default bin of a size; beyond the last edge, edges double."""
    if n_tokens is None:
        return UNSIZED
    edges = PlanConfig().bins
    place = bisect_left(edges, n_tokens)
    edge = edges[min(place, len(edges) - 1)]
    while edge < n_tokens:
        edge *= 2
    return bin_name(edge)


def _write(parts: Parts, tasks: list[_Task], origin: Provenance, jobs: int) -> Totals:
    totals = Totals()
    for outcome in in_order(_score, tasks, jobs):
        totals.unfinished += outcome.unfinished
        totals.weights |= outcome.weights
        totals.meaningless |= outcome.meaningless
        for tables in outcome.tables:
            parts.append(outcome.bin, tables)
            for name, table in tables.items():
                totals.rows[name] += table.num_rows
            totals.unreadable += tables["failed"]["reason"].to_pylist() if "failed" in tables else []
    parts.provenance = dataclasses.replace(
        origin,
        weights_sha256=",".join(sorted(totals.weights)) or None,
        note=origin.note or (DEMO_NOTE if totals.meaningless else None),
    )
    return totals


def _score(task: _Task) -> _Outcome:
    """Read one prediction, or say why that is not possible; runs in a process of the pool."""
    try:
        return _read(task)
    except (InputError, OSError) as error:
        reason = str(error)
    except Exception as error:  # even a defect: one prediction does not cost all others their rows
        _log.warning("%s cannot be scored", task.directory, exc_info=True)
        reason = f"{task.directory}: cannot be scored: {error!r}"
    return _Outcome([failed_rows(task.served, reason)], task.bin or UNSIZED)


def _read(task: _Task) -> _Outcome:
    marker = read_marker(task.directory)
    if _is_unfinished(task, marker):
        return _Outcome(unfinished=tuple(complex_.complex_id for complex_ in task.served))
    scored = _scored(task, marker)
    facts = {name: (marker or {}).get(name) for name in ("seed", "model", "weights_sha256")}
    meaningless = scored.note is not None or facts["model"] == "demo"
    facts |= {"predicted_as": task.name, "meaningless": meaningless}
    tables = [rows_of(scored, complex_, task.served[0], facts, task.directory) for complex_ in task.served]
    where = task.bin or _bin_of(scored.samples[0]["n_tokens"])
    weights = [facts["weights_sha256"]] if facts["weights_sha256"] else []
    return _Outcome(tables, where, weights=frozenset(weights), meaningless=meaningless)


def _is_unfinished(task: _Task, marker: Mapping[str, Any] | None) -> bool:
    if marker is None:
        return task.marked
    if task.run_key is not None:
        return marker.get("run_key") != task.run_key
    wanted = task.served[0].input_key
    return wanted is not None and marker.get("input_key", wanted) != wanted


def _scored(task: _Task, marker: Mapping[str, Any] | None) -> Scored:
    kept = f"scores_{task.name}.json"
    if marker is not None and kept in listed(marker):
        _check(task.directory, marker, [kept])
        try:
            return Scored.load(task.directory / kept)
        except InputError:
            pass  # of another version of scoring, for it is whole
    if marker is not None:
        _check(task.directory, marker, None)
    return score(task.prediction.read() if task.prediction else read_prediction(task.directory))


def _check(directory: Path, marker: Mapping[str, Any], hashed: Collection[str] | None) -> None:
    if not listed(marker) or (changed := differing(directory, marker, hashed)):
        files = ", ".join(changed) if listed(marker) else "no files"
        raise InputError(f"{directory}: files differ from its completion marker ({files}); predict it again")

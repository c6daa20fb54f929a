"""Score tables: one pass over a folder of predictions, one row per complex, chain and interface of each.

A folder of foldcp's own holds completion markers, and then only directories with a valid one count: whatever
a killed job left behind is unfinished, not a result. Other programs' folders have no markers and are read as
they are. One unreadable directory becomes a failed row and costs nothing else.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from foldcp.errors import InputError
from foldcp.predict.markers import MARKER, is_done, read_marker
from foldcp.scores import Sample, read_prediction
from foldcp.tables.rows import rows_to_table
from foldcp.tables.schemas import REJECTED, SCORES_CHAINS, SCORES_COMPLEXES, SCORES_INTERFACES

Row = dict[str, Any]


@dataclass(frozen=True)
class Scores:
    """What a folder of predictions holds.

    Attributes
    ----------
    complexes, chains, interfaces
        Tables of the SCORES_COMPLEXES, SCORES_CHAINS and SCORES_INTERFACES schemas.
    failed
        REJECTED table: predictions that could not be read, and why.
    unfinished
        Complexes of a campaign that have no completed prediction (yet); the ledger says why.
    """

    complexes: pa.Table
    chains: pa.Table
    interfaces: pa.Table
    failed: pa.Table
    unfinished: tuple[str, ...] = ()

    @property
    def meaningless(self) -> bool:
        """Whether demo weights made any of the predictions."""
        return any(self.complexes["meaningless"].to_pylist())


@dataclass(frozen=True)
class _Served:
    """A complex that a prediction stands for; `chains` as its tokens row lists them."""

    complex_id: str
    chains: list[Row] = field(default_factory=list)
    input_key: str | None = None


@dataclass
class _Rows:
    complexes: list[Row] = field(default_factory=list)
    chains: list[Row] = field(default_factory=list)
    interfaces: list[Row] = field(default_factory=list)
    failed: list[Row] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)


def collect(predictions: Path, tokens: pa.Table | None = None) -> Scores:
    """Read every prediction below a folder.

    Parameters
    ----------
    predictions
        Folder with one directory per prediction, or whose `predictions/` is one, or a single prediction.
    tokens
        TOKENS table of the campaign. With it, only its complexes are read, a complex that shares the
        prediction of another gets rows of its own, and chains carry the names of members.

    Raises
    ------
    InputError
        If the folder does not exist or holds no predictions at all. With `tokens` that is no error but the
        state of a campaign: nothing is predicted (yet), or nothing was planned.
    """
    directories = _prediction_directories(Path(predictions), may_be_empty=tokens is not None)
    ours = any((directory / MARKER).exists() for directory in directories.values())
    served = _served(directories, tokens)
    rows = _Rows()
    for name in sorted(served):
        _collect_one(rows, directories.get(name), name, served[name], ours or tokens is not None)
    return Scores(
        rows_to_table(SCORES_COMPLEXES, rows.complexes),
        rows_to_table(SCORES_CHAINS, rows.chains),
        rows_to_table(SCORES_INTERFACES, rows.interfaces),
        rows_to_table(REJECTED, rows.failed),
        tuple(rows.unfinished),
    )


def _prediction_directories(folder: Path, may_be_empty: bool) -> dict[str, Path]:
    if may_be_empty and not folder.exists():
        return {}
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; expected predictions in Boltz's layout")
    if any(folder.glob("confidence_*_model_*.json")):
        return {folder.resolve().name: folder}
    if (folder / "predictions").is_dir():
        folder = folder / "predictions"
    found = {p.name: p for p in folder.iterdir() if p.is_dir() and p.name != "ledger" and p.name[0] != "."}
    if not found and not may_be_empty and not (folder / "ledger").is_dir():
        raise InputError(f"{folder}: holds no prediction directories; expected predictions in Boltz's layout")
    return found


def locate(folder: Path) -> tuple[Path, Path | None]:
    """Return where predictions lie below a folder, and its tokens table if it is a campaign that has one."""
    tokens = folder / "04_tokens.parquet"
    if tokens.is_file() or (folder / "06_predictions").is_dir():
        return folder / "06_predictions", tokens if tokens.is_file() else None
    return folder, None


def _served(directories: Iterable[str], tokens: pa.Table | None) -> dict[str, list[_Served]]:
    if tokens is None:
        return {name: [_Served(name)] for name in directories}
    served: dict[str, list[_Served]] = defaultdict(list)
    for row in tokens.select(["complex_id", "predicted_as", "chains", "input_key"]).to_pylist():
        served[row["predicted_as"]].append(_Served(row["complex_id"], row["chains"], row["input_key"]))
    return served


def _collect_one(rows: _Rows, directory: Path | None, name: str, served: list[_Served], marked: bool) -> None:
    marker = read_marker(directory) if directory else None
    stale = marker is not None and marker.get("input_key", served[0].input_key) != served[0].input_key
    if directory is None or (marked and marker is None) or (stale and served[0].input_key):
        rows.unfinished.extend(complex_.complex_id for complex_ in served)
        return
    try:
        if marker is not None and not is_done(directory, marker.get("run_key", "")):
            raise InputError(f"{directory}: files differ from its completion marker; predict it again")
        samples = read_prediction(directory)
    except (InputError, OSError) as error:
        rows.failed.extend(_failed(complex_.complex_id, str(error)) for complex_ in served)
        return
    for complex_ in served:
        _add(rows, complex_, name, samples, served[0], marker or {})


def _failed(complex_id: str, reason: str) -> Row:
    return {
        "stage": "scores",
        "complex_id": complex_id,
        "reason_code": "unreadable_prediction",
        "reason": reason,
    }


def _add(
    rows: _Rows,
    complex_: _Served,
    name: str,
    samples: list[Sample],
    first: _Served,
    marker: Mapping[str, Any],
) -> None:
    best_first = sorted(samples, key=lambda s: (-s.scores["confidence_score"], s.number))  # type: ignore[operator]
    members = _members(complex_.chains, first.chains)
    for sample in samples:
        key = {
            "complex_id": complex_.complex_id,
            "sample": sample.number,
            "meaningless": marker.get("model") == "demo" or sample.note is not None,
        }
        rows.complexes.append(
            key
            | dict(sample.scores)
            | {name: marker.get(name) for name in ("seed", "model", "weights_sha256")}
            | {
                "predicted_as": name,
                "rank": best_first.index(sample) + 1,
                "n_tokens": len(sample.plddt),
                "n_chains": len(sample.chains),
                "structure": f"{name}/{sample.structure.name}",
            }
        )
        rows.chains.extend(key | row for row in _chain_rows(sample, members))
        rows.interfaces.extend(key | row for row in _interface_rows(sample, members))


def _members(chains: list[Row], predicted: list[Row]) -> dict[str, str]:
    """Return the member behind each chain of the structure.

    A complex served by another one's prediction has the same chains, but perhaps under other accessions and
    in another order: its j-th chain of a sequence is the prediction's j-th chain of that sequence.
    """
    own = {key: chain["member"] for key, chain in _numbered(chains)}
    return {chain["chain_id"]: own[key] for key, chain in _numbered(predicted) if key in own}


def _numbered(chains: list[Row]) -> list[tuple[tuple[str, int], Row]]:
    seen: Counter[str] = Counter()
    numbered = []
    for chain in chains:
        numbered.append(((chain["sha256"], seen[chain["sha256"]]), chain))
        seen[chain["sha256"]] += 1
    return numbered


def _chain_rows(sample: Sample, members: Mapping[str, str]) -> Iterable[Row]:
    for index, (chain, plddt) in enumerate(zip(sample.chains, sample.plddt_by_chain(), strict=True)):
        yield {
            "chain_id": chain.chain_id,
            "chain_index": index,
            "member": members.get(chain.chain_id),
            "entity_type": chain.entity_type,
            "n_tokens": chain.n_tokens,
            "chain_ptm": None if sample.chain_ptm is None else float(sample.chain_ptm[index]),
            "mean_plddt": float(plddt.mean()),
            "min_plddt": float(plddt.min()),
        }


def _interface_rows(sample: Sample, members: Mapping[str, str]) -> Iterable[Row]:
    if sample.chain_pair_iptm is None:
        return
    pairs = ((a, b) for a in range(len(sample.chains)) for b in range(len(sample.chains)) if a != b)
    for a, b in pairs:
        chain_a, chain_b = (sample.chains[i].chain_id for i in (a, b))
        yield {
            "chain_a": chain_a,
            "chain_b": chain_b,
            "member_a": members.get(chain_a),
            "member_b": members.get(chain_b),
            "chain_pair_iptm": float(sample.chain_pair_iptm[a, b]),
        }

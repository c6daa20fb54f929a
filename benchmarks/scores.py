"""Score tables of 5 000 complexes with 5 samples each, from what is kept beside finished predictions.

Numbers of chains follow the quantiles of the distinct members of CORUM 3.0 (half of its complexes have up to
3, 1 % more than 19, the largest 143; here 140). The stage reads `scores_<id>.json` and the completion marker,
and compares the sizes of the other files: so the scores are random numbers, the same for each number of
chains, and the structures are placeholders of a few bytes.
"""

import itertools
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import psutil
import pyarrow as pa

from foldcp.plan.planning import bin_name
from foldcp.predict.markers import write_marker
from foldcp.scores import Scored
from foldcp.tables import Provenance, TableSpec, rows_to_table, write_table
from foldcp.tables.schemas import PLAN, TOKENS
from foldcp.tables.score_schemas import SCORES_CHAINS, SCORES_INTERFACES, SCORES_SAMPLES

COMPLEXES, SAMPLES, LARGEST = 5000, 5, 140
RESIDUES = 450
"""Tokens of a chain, about the mean length of a protein of CORUM."""
EDGES = [512, 1024, 2048, 3072, 4096, 6144, 8192, 12288, 16384, 32768, 65536]
QUANTILES = [
    (0.0, 1),
    (0.05, 2),
    (0.25, 2),
    (0.5, 3),
    (0.75, 4),
    (0.9, 7),
    (0.95, 10),
    (0.98, 15),
    (0.99, 19),
    (0.995, 31),
    (0.998, 47),
    (0.999, 75),
    (1.0, 143),
]
_OF_CAMPAIGN = {
    *("complex_id", "role", "meaningless", "predicted_as", "seed", "rank", "model", "weights_sha256"),
    *("member", "member_a", "member_b"),
}


def chain_counts(n_complexes: int) -> list[int]:
    """Return numbers of chains with the quantiles above, the largest among them."""
    shares = [(number + 1) / n_complexes for number in range(n_complexes)]
    counts = [min(LARGEST, round(_quantile(share))) for share in shares]
    random.Random(7).shuffle(counts)
    return counts


def _quantile(share: float) -> float:
    (q, low), (r, high) = next((a, b) for a, b in itertools.pairwise(QUANTILES) if share <= b[0])
    return low + (share - q) / (r - q) * (high - low)


def write_campaign(folder: Path, counts: list[int], samples: int = SAMPLES) -> None:
    """Write a campaign of finished predictions, one for each number of chains."""
    kept = {count: _kept(folder, count, samples) for count in set(counts)}
    names = [f"C{number:05d}" for number in range(len(counts))]
    for name, count in zip(names, counts, strict=True):
        directory = folder / "06_predictions" / name
        directory.mkdir(parents=True)
        (directory / f"scores_{name}.json").write_bytes(kept[count])
        for sample in range(samples):
            (directory / f"{name}_model_{sample}.cif").write_text("placeholder\n")
        files = [path.name for path in directory.iterdir()]
        write_marker(directory, name, files, {"model": "demo", "seed": 7, "input_key": name})
    sizes = dict(zip(names, counts, strict=True))
    _table(folder / "04_tokens.parquet", TOKENS, (_tokens(*item) for item in sizes.items()))
    _table(folder / "05_plan.parquet", PLAN, (_plan(*item) for item in sizes.items()))


def _kept(folder: Path, count: int, samples: int) -> bytes:
    draw, numbers, chains = random.Random(count), range(samples), _chains(count)
    path = folder / "scores.json"
    pairs = [{"sample": k, "chain_a": a, "chain_b": b} for k in numbers for a in chains for b in chains]
    Scored(
        [_row(draw, SCORES_SAMPLES, {"sample": k, "n_tokens": count * RESIDUES}) for k in numbers],
        [_row(draw, SCORES_CHAINS, {"sample": k, "chain_id": a}) for k in numbers for a in chains],
        [_row(draw, SCORES_INTERFACES, pair) for pair in pairs if pair["chain_a"] != pair["chain_b"]],
        "a benchmark's random numbers",
    ).save(path)
    content = path.read_bytes()
    path.unlink()
    return content


def _chains(count: int) -> list[str]:
    return [f"{chr(65 + number // 26)}{chr(65 + number % 26)}" for number in range(count)]


def _row(draw: random.Random, spec: TableSpec, given: dict) -> dict:
    def value(kind: pa.DataType) -> object:
        if pa.types.is_integer(kind):
            return draw.randrange(1, 1000)
        return round(draw.random(), 6) if pa.types.is_floating(kind) else "protein-protein"

    columns = (field for field in spec.schema if field.name not in _OF_CAMPAIGN)
    return {field.name: value(field.type) for field in columns} | given


def _tokens(name: str, count: int) -> dict:
    chains = [
        {
            "chain_id": chain,
            "member": f"P{number:05d}",
            "entity_type": "protein",
            "sha256": f"{number:064x}",
            "copy": 1,
            "n_tokens": RESIDUES,
        }
        for number, chain in enumerate(_chains(count))
    ]
    sizes = {"n_tokens": count * RESIDUES, "n_atoms": count * RESIDUES * 8, "msa_depth": 1, "flags": []}
    sizes |= {"paired_depth": 1, "n_templates": 0}
    counts = {"n_chains": count, "n_entities": count, "chains": chains, "role": "input"}
    return sizes | counts | {"complex_id": name, "predicted_as": name, "input_key": name}


def _plan(name: str, count: int) -> dict:
    place = {"mesh_rows": 1, "mesh_cols": 1, "n_nodes": 1, "gpu": "cpu", "shard": 0, "position": 0}
    expected = {"predicted_peak_bytes": 1, "predicted_seconds": 1.0}
    bin_ = bin_name(next(edge for edge in EDGES if count * RESIDUES <= edge))
    sizes = {"n_tokens": count * RESIDUES, "bin": bin_, "role": "input", "msa_depth": 1, "msa_rows": 1}
    return place | expected | sizes | {"complex_id": name, "input_key": name}


def _table(path: Path, spec: TableSpec, rows: Iterable[dict]) -> None:
    write_table(path, spec, rows_to_table(spec, rows), Provenance())


def measure(folder: Path, output: Path, jobs: int) -> tuple[float, float, str]:
    """Run `foldcp scores` and return its seconds, peak memory of its processes in bytes, and what it said.

    Memory that processes share counts once for each.
    """
    command = [sys.executable, "-m", "foldcp", "scores", str(folder), "-o", str(output), "--jobs", str(jobs)]
    start, peak = time.perf_counter(), 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as ran:
        while ran.poll() is None:
            peak = max(peak, _resident(ran.pid))
            time.sleep(0.05)
        said = ran.stdout.read() if ran.stdout else ""
    if ran.returncode:
        raise RuntimeError(f"foldcp scores ended with {ran.returncode}")
    return time.perf_counter() - start, peak, said.partition(": ")[2].strip()


def _resident(pid: int) -> int:
    try:
        parent = psutil.Process(pid)
        return sum(process.memory_info().rss for process in [parent, *parent.children(recursive=True)])
    except psutil.NoSuchProcess:
        return 0


def _size(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def run() -> str:
    lines = ["| complexes | processes | seconds | peak GB |", "|---|---|---|---|"]
    busy = f"{os.getloadavg()[0]:.1f} processes wanted the machine's {os.cpu_count()} cores when it began"
    for n_complexes, processes in ((COMPLEXES // 10, (1,)), (COMPLEXES, (1, 2))):
        with tempfile.TemporaryDirectory() as name:
            folder, output = Path(name) / "campaign", Path(name) / "scores"
            folder.mkdir()
            write_campaign(folder, chain_counts(n_complexes))
            for jobs in processes:
                seconds, peak, said = measure(folder, output, jobs)
                lines.append(f"| {n_complexes} | {jobs} | {seconds:.0f} | {peak / 1e9:.2f} |")
            sizes = f"{_size(folder):.0f} MB in, {_size(output):.0f} MB of tables out"
    about = " ".join(__doc__.split("\n\n")[1].split())
    return "\n".join([*lines, "", f"The larger campaign: {said}; {sizes}.", "", f"{about} {busy}."])

"""Reading and planning a database of CORUM's size, as whole processes.

The tables are generated: complex sizes follow the quantiles of CORUM 3.0 (21 % up to 1 000 tokens, 56 % up to
2 048, 83 % up to 4 000, 97 % up to 10 000, largest 86 558), proteins are 450 residues long on average.
"""

import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUNS = 5
QUANTILES = [
    (0.0, 60),
    (0.21, 1000),
    (0.56, 2048),
    (0.83, 4000),
    (0.93, 6500),
    (0.974, 10_000),
    (1.0, 86_558),
]


def size_of(share: float) -> float:
    below = max(q for q in QUANTILES if q[0] <= share)
    above = min(q for q in QUANTILES if q[0] > share)
    return below[1] + (share - below[0]) / (above[0] - below[0]) * (above[1] - below[1])


def write_tables(folder: Path, n_complexes: int) -> tuple[Path, Path]:
    draw = random.Random(7)
    lengths = {f"P{i:05d}": max(60, int(draw.lognormvariate(5.95, 0.55))) for i in range(20_000)}
    names = list(lengths)
    rows = []
    for number in range(n_complexes):
        target, members = size_of(draw.random() * 0.999), []
        while not members or sum(lengths[m] for m in members) < target * 0.9:
            members.append(draw.choice(names))
        rows.append(f"C{number},{';'.join(dict.fromkeys(members))}")
    table, tsv = folder / "complexes.csv", folder / "lengths.tsv"
    table.write_text("complex_id,members\n" + "\n".join(rows) + "\n")
    tsv.write_text("accession\tlength\n" + "\n".join(f"{k}\t{v}" for k, v in lengths.items()) + "\n")
    return table, tsv


def _seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def run() -> str:
    foldcp = [sys.executable, "-m", "foldcp"]
    lines = ["| command | median s | best s | worst s |", "|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as name:
        table, tsv = write_tables(Path(name), 4274)
        commands = {
            "foldcp --help": [*foldcp, "--help"],
            "foldcp complexes, 4 274 complexes": [
                *foldcp,
                "complexes",
                str(table),
                "-o",
                f"{name}/c.parquet",
            ],
            "foldcp plan, 4 274 complexes": [*foldcp, "plan", "--table", str(table), "--lengths", str(tsv)],
        }
        for label, command in commands.items():
            seconds = [_seconds(command) for _ in range(RUNS)]
            lines.append(
                f"| `{label}` | {statistics.median(seconds):.2f} | {min(seconds):.2f} | {max(seconds):.2f} |"
            )
    return "\n".join(lines)

"""Snakemake's view of a large campaign: `snakemake -n` over 5 000 complexes, with a finished plan."""

import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from benchmarks.plan import size_of

COMPLEXES = 5000
RUNS = 3
ROOT = Path(__file__).resolve().parents[1]
AMINO_ACIDS = "ACDEFGHIKLMNPQRSTVWY"


def write_campaign(folder: Path, n_complexes: int = COMPLEXES) -> None:
    """Write a table of complexes of CORUM's sizes, their sequences, and a configuration of ten bins."""
    draw = random.Random(7)
    protein = "".join(draw.choices(AMINO_ACIDS, k=2000))
    lengths = {f"P{i:05d}": min(2000, max(60, int(draw.lognormvariate(5.95, 0.55)))) for i in range(10_000)}
    fasta = (f">sp|{k}|{k}_TEST t\n{k[1:].translate(_LETTERS)}{protein[:n]}\n" for k, n in lengths.items())
    (folder / "proteins.fasta").write_text("".join(fasta))
    names, rows = list(lengths), []
    for number in range(n_complexes):
        target, members = size_of(draw.random() * 0.999), set()
        while sum(lengths[m] for m in members) < target * 0.9:
            members.add(draw.choice(names))
        rows.append(f"C{number},{';'.join(sorted(members))}")
    (folder / "table.csv").write_text("complex_id,members\n" + "\n".join(rows) + "\n")
    config = {
        "complexes": {"table": "table.csv"},
        "sequences": {"fasta": ["proteins.fasta"]},
        "plan": {"max_ranks": 16},
        "predict": {"model": "demo"},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))


_LETTERS = str.maketrans("0123456789", "ACDEFGHIKL")
"""Makes the sequences of proteins of equal length differ."""


def snakemake(folder: Path, *options: str) -> str:
    """Run Snakemake over the campaign and return what it prints."""
    command = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--cores", "2"]
    command += ["--directory", str(folder), "--configfile", str(folder / "config.yaml"), *options]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise RuntimeError(ran.stdout[-2000:] + ran.stderr[-2000:])
    return ran.stdout + ran.stderr


def job_counts(printed: str) -> dict[str, int]:
    """Return how often each rule would run, from the table that a dry run prints."""
    table = printed.partition("Job stats:")[2].partition("total")[0]
    return {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", table, re.M)}


def _timed(folder: Path, *options: str) -> tuple[float, float]:
    """Return wall and CPU seconds of one run; the second tell on a machine that is busy elsewhere."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    snakemake(folder, *options)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - start, used


def run() -> str:
    lines = [
        "| over 5 000 complexes | runs | best wall s | worst wall s | best CPU s |",
        "|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_campaign(folder)
        for options, runs in {("--until", "plan"): 1, ("-n",): RUNS, ("-n", "--quiet"): RUNS}.items():
            walls, used = zip(*(_timed(folder, *options) for _ in range(runs)), strict=True)
            label = f"`snakemake {' '.join(options)}`"
            lines.append(f"| {label} | {runs} | {min(walls):.1f} | {max(walls):.1f} | {min(used):.1f} |")
        counts = job_counts(snakemake(folder, "-n"))
    return "\n".join(lines) + f"\n\nJobs in the DAG: {counts}"

"""Hostile names of complexes, from the table to the report, through the real workflow and SLURM."""

import csv
import subprocess
import sys
from html import escape
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

pytestmark = [pytest.mark.slurm, pytest.mark.model]
ROOT = Path(__file__).resolve().parents[2]
NAMES = [
    "two words",
    "it's \"quoted\" 'twice'",
    "semi;colon; touch canary",
    "$(touch canary) `touch canary`",
    "two\nlines",
    "../../../escape",
    "x" * 300,
    "-rf *",
    "%s {bin} {wildcards} \\n",
    "<script>alert(1)</script>",
    "complexes/α-γ",
    "ledger",
]


def write(folder: Path, cache: Path, partition: str) -> None:
    """Write a campaign of one dimer for each name, each with a sequence of its own."""
    members = {f"P{number:05d}": f"MKTAYIAKQR{letter}" for number, letter in enumerate("ACDEFGHIKLMN")}
    (folder / "proteins.fasta").write_text("".join(f">{k}\n{v}\n" for k, v in members.items()))
    with (folder / "table.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["complex_id", "members"])
        rows.writerows((name, f"{member}(2)") for name, member in zip(NAMES, members, strict=True))
    slurm = {"partition": partition, "cpus_per_task": 1, "mem_gb": 4}
    light = {"device": "cpu", "precision": "fp32", "recycles": 0, "steps": 2, "threads": 1}
    config = {
        "campaign": "names",
        "results": "results",
        "complexes": {"table": "table.csv"},
        "sequences": {"fasta": ["proteins.fasta"]},
        "plan": {"gpu": "cpu", "bins": [64], "max_ranks": 1},
        "predict": {"launcher": "slurm", "model": "demo", "cache": str(cache), "slurm": slurm, **light},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))


def test_hostile_names_reach_the_report_and_nothing_else(slurm, tmp_path, demo_cache):
    folder = tmp_path / "one" / "two" / "three" / "four"  # so that an escape would still be seen
    folder.mkdir(parents=True)
    write(folder, demo_cache, slurm)
    snakemake = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--cores", "2"]
    options = ["--directory", str(folder), "--configfile", str(folder / "config.yaml")]
    done = subprocess.run([*snakemake, *options], capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stderr[-4000:]

    results = folder / "results"
    complexes = pq.read_table(results / "01_complexes.parquet").to_pylist()
    names = {row["complex_id"]: row["source_id"] for row in complexes}
    assert sorted(names.values()) == sorted(NAMES)
    ledger = pq.read_table(next((results / "06_ledger").glob("*.parquet"))).to_pylist()
    assert {row["complex_id"]: row["outcome"] for row in ledger} == dict.fromkeys(names, "done")
    scores = pq.read_table(results / "07_scores" / "complexes").to_pylist()
    assert {row["complex_id"] for row in scores} == set(names)
    folders = {path.name for path in (results / "06_predictions").iterdir()}
    assert folders == {*names, "ledger"}
    report = (results / "report.html").read_text()
    assert "<script>alert(1)</script>" not in report and all(escape(name) in report for name in names)

    assert not list(tmp_path.rglob("canary")) and not Path("canary").exists()
    outside = set(tmp_path.rglob("*escape*")) - set(results.rglob("*escape*"))
    assert not outside
    kept = {"config.yaml", "table.csv", "proteins.fasta", "results", ".snakemake"}
    assert {path.name for path in folder.iterdir()} <= kept

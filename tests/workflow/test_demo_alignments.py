"""The demo, up to its plan: alignments are taken, chains are paired, and each bin keeps its mesh."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def tables(tmp_path_factory) -> dict[str, list[dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("demo")
    (folder / "config").symlink_to(ROOT / "config")
    command = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--cores", "2"]
    command += ["--directory", str(folder), "--configfile", str(ROOT / "config" / "demo" / "config.yaml")]
    done = subprocess.run([*command, "--until", "plan"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    return {
        path.stem: pq.read_table(path).to_pylist() for path in (folder / "demo-results").glob("*.parquet")
    }


def test_only_hemoglobin_has_alignments_and_they_pair_its_chains(tables):
    aligned = {row["origin"]: row for row in tables["03_msa"] if row["provider"] == "directory"}
    assert aligned.keys() == {"P68871.a3m", "P69905.a3m"}
    assert {row["depth"] for row in aligned.values()} == {267}
    for row in tables["04_tokens"]:
        if row["complex_id"] == "FOLDCP-3":
            assert row["n_chains"] == 4 and not row["flags"]
            assert 267 <= row["paired_depth"] < row["msa_depth"] < 600
        else:
            assert row["paired_depth"] == row["msa_depth"] == 1
            assert any(flag.startswith("single_sequence:") for flag in row["flags"])


def test_nothing_is_too_large_and_bins_differ_in_mesh(tables):
    assert tables["05_rejected"] == []
    bins = {(row["bin"], row["mesh_rows"], row["mesh_cols"]) for row in tables["05_plan"]}
    assert bins == {("0000200", 1, 1), ("0000350", 1, 2), ("0000640", 2, 2)}
    (hemoglobin,) = (row for row in tables["05_plan"] if row["complex_id"] == "FOLDCP-3")
    assert hemoglobin["bin"] == "0000640"

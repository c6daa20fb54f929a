"""Campaigns with decoys, and of a screen, through the real Snakemake up to the plan; nothing is predicted."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "config" / "demo"


@pytest.fixture
def run(tmp_path):
    """Plan a campaign of the demo's proteins, with these sections of the configuration; return its tables."""

    def plan(*options, **sections):
        config = yaml.safe_load((DEMO / "config.yaml").read_text()) | {"results": "results"} | sections
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
        if not (tmp_path / "config").exists():
            (tmp_path / "config").symlink_to(ROOT / "config")
        command = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--cores", "2"]
        command += ["--directory", str(tmp_path), "--configfile", str(tmp_path / "config.yaml")]
        done = subprocess.run(
            [*command, "--until", "plan", *options], capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
        tables = {p.stem: pq.read_table(p).to_pylist() for p in (tmp_path / "results").glob("*.parquet")}
        return tables, done.stdout + done.stderr

    return plan


def test_decoys_reach_the_plan_and_no_change_repeats_nothing(run):
    tables, _ = run(controls={"decoys_per_complex": 1})
    decoys = {row["complex_id"]: row for row in tables["03_controls"]}
    assert len(decoys) >= 5
    planned = {row["complex_id"]: row["role"] for row in tables["05_plan"]}
    assert {name for name, role in planned.items() if role == "decoy"} == set(decoys)
    tokens = {row["complex_id"]: row for row in tables["04_tokens"]}
    for name, row in decoys.items():
        assert tokens[name]["n_chains"] == tokens[row["matched_to"]]["n_chains"]
        assert abs(tokens[name]["n_tokens"] / tokens[row["matched_to"]]["n_tokens"] - 1) <= 0.1
    reasons = {row["complex_id"]: row["reason"] for row in tables["03_rejected"]}
    assert "one distinct protein" in reasons["FOLDCP-1"] and "CHEBI:16856" in reasons["CPX-6928"]
    # A remark, not a fate: it is planned all the same.
    assert set(reasons) <= set(planned)
    _, said = run(controls={"decoys_per_complex": 1})
    assert "Nothing to be done" in said
    _, said = run("-n", controls={"decoys_per_complex": 2})
    assert "rule controls" in said and "rule msa" not in said


def test_without_decoys_the_tables_are_there_and_empty(run):
    tables, _ = run(controls={"decoys_per_complex": 0})
    assert tables["03_controls"] == tables["03_rejected"] == []
    assert {row["role"] for row in tables["05_plan"]} == {"input"}


def test_a_screen_is_planned(run, tmp_path):
    (tmp_path / "baits.csv").write_text("member,name\nP52490,UBC13\nP53152,MMS2\nP22217,TRX1\nUBC9,x\n")
    (tmp_path / "preys.txt").write_text("P53152\nP0CT04\n")
    (tmp_path / "known.csv").write_text("id_a,id_b\nP53152,P52490\nP0CT04,P22217\nP52490,P99999\n")
    screen = {"baits": "baits.csv", "preys": "preys.txt", "known": "known.csv"}
    tables, _ = run(complexes={"screen": screen}, controls={"decoys_per_complex": 1, "length_tolerance": 0.5})
    assert Counter(row["role"] for row in tables["01_complexes"]) == {"known": 2, "candidate": 3}
    assert [(row["source_row"], row["source_id"]) for row in tables["01_rejected"]] == [(5, "UBC9")]
    assert Counter(row["role"] for row in tables["05_plan"]) == {
        "known": 2,
        "candidate": 3,
        "decoy": len(tables["03_controls"]),
    }
    log = (tmp_path / "results" / "logs" / "complexes.log").read_text()
    assert "3 records of partners; 2 pairs of the screen are known by them" in log

"""Searches for alignments in the workflow: real Snakemake, real MMseqs2, a small real database."""

import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml
from msa.small_databases import databases

ROOT = Path(__file__).resolve().parents[2]
__all__ = ["databases"]


@pytest.fixture
def campaign(databases, tmp_path) -> Path:
    """Five proteins in three complexes; the directory has one of them."""
    # Each of these has relatives in the database: who finds only itself has no alignment.
    proteins = {f"P{n:05d}": p.sequence for n, p in enumerate(databases.proteins[3:8])}
    (tmp_path / "p.fasta").write_text("".join(f">sp|{k}|T t\n{v}\n" for k, v in proteins.items()))
    (tmp_path / "mine").mkdir()
    first = proteins["P00000"]
    (tmp_path / "mine" / "P00000.a3m").write_text(f">q\n{first}\n>a\n{first}\n")
    rows = ["complex_id,members", "one,P00000;P00001", "two,P00002;P00003(2)", "three,P00004;P00001"]
    (tmp_path / "t.csv").write_text("\n".join(rows) + "\n")
    config = {
        "complexes": {"table": "t.csv"},
        "sequences": {"fasta": ["p.fasta"]},
        "msa": {
            "provider": "directory,mmseqs,none",
            "directory": "mine",
            "cache": "cache",
            "batch": 2,
            "mmseqs": {"database": str(databases.plain), "threads": 1, "sensitivity": 2},
        },
        "plan": {"gpu": "cpu"},
        "predict": {"model": "demo"},
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    return tmp_path


@pytest.fixture
def told(campaign) -> Path:
    """A file with a line for each call of MMseqs2: its SLURM job (`-` without one) and its arguments."""
    program, file = campaign / "mmseqs", campaign / "told"
    program.write_text(
        f'#!/bin/sh\necho "${{SLURM_JOB_ID:--}}" "$@" >> {file}\nexec {shutil.which("mmseqs")} "$@"\n'
    )
    program.chmod(0o755)
    configure(campaign, program=str(program))
    return file


def configure(folder: Path, **mmseqs: object) -> None:
    config = yaml.safe_load((folder / "config.yaml").read_text())
    config["msa"]["mmseqs"] |= mmseqs
    (folder / "config.yaml").write_text(yaml.safe_dump(config))


def searches(told: Path) -> list[str]:
    """Return the calls that search, in order."""
    return [line for line in told.read_text().splitlines() if line.split()[1] == "search"]


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run up to the tokens stage."""
    command = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--cores", "2"]
    command += ["--directory", str(folder), "--configfile", str(folder / "config.yaml"), "--until", "tokens"]
    return subprocess.run([*command, *options], capture_output=True, text=True, timeout=600, check=False)


def snakemake(folder: Path, *options: str) -> dict[str, int]:
    """Run up to the tokens stage; return how often each rule ran."""
    ran = run(folder, *options)
    assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr[-4000:]
    names = re.findall(r"^(?:local)?(?:rule|checkpoint) (\w+):", ran.stdout + ran.stderr, re.M)
    return {name: names.count(name) for name in names}


def test_batches_are_jobs_and_the_cache_serves_the_next_campaign(campaign):
    ran = snakemake(campaign)
    assert ran["msa_batches"] == 1 and ran["msa_search"] == 2 and ran["msa"] == 1
    rows = pq.read_table(campaign / "results" / "03_msa.parquet").to_pylist()
    assert sorted(row["provider"] for row in rows) == ["directory", *["mmseqs"] * 4]
    assert all((campaign / "results" / row["path"]).is_file() for row in rows)
    assert snakemake(campaign) == {}
    before = {row["sha256"]: row["file_sha256"] for row in rows}
    shutil.rmtree(campaign / "results")
    assert "msa_search" not in snakemake(campaign)
    again = pq.read_table(campaign / "results" / "03_msa.parquet").to_pylist()
    assert {row["sha256"]: row["file_sha256"] for row in again} == before


def test_what_was_searched_and_is_gone_rejects_nothing(campaign):
    snakemake(campaign)
    (campaign / "cache").rename(campaign / "moved")
    failed = run(campaign, "--forcerun", "msa")
    assert failed.returncode and "4 alignments cannot be had, nothing is decided" in failed.stderr
    # What the message says helps, though exactly what was missing at first is missing again.
    assert snakemake(campaign, "--forcerun", "msa_batches")["msa_search"] == 2
    # An alignment of the user's that goes away has to be searched.
    (campaign / "mine" / "P00000.a3m").unlink()
    ran = snakemake(campaign)
    assert ran["msa_batches"] == ran["msa_search"] == ran["msa"] == 1
    rows = pq.read_table(campaign / "results" / "03_msa.parquet").to_pylist()
    assert [row["provider"] for row in rows] == ["mmseqs"] * 5


def test_without_a_search_there_are_no_jobs_for_it(campaign):
    config = yaml.safe_load((campaign / "config.yaml").read_text())
    config["msa"]["provider"] = "directory,none"
    (campaign / "config.yaml").write_text(yaml.safe_dump(config))
    assert set(snakemake(campaign)) == {"complexes", "sequences", "msa", "controls", "tokens"}


def test_a_complex_may_bring_its_own(campaign):
    sequences = (campaign / "p.fasta").read_text().split("\n")
    second = sequences[3]  # P00001: in the complexes one and three, and in no file of the directory
    (campaign / "mine" / "one").mkdir()
    (campaign / "mine" / "one" / "2.csv").write_text(f"key,sequence\n,{second}\n9606,-{second[1:]}\n")
    assert snakemake(campaign)["msa_search"] == 2
    rows = pq.read_table(campaign / "results" / "03_msa.parquet").to_pylist()
    assert sorted((row["complex_id"] or "", row["provider"]) for row in rows) == [
        *[("", "directory")] * 2,
        *[("", "mmseqs")] * 3,
        ("one", "directory"),
    ]
    assert (
        "5 unique sequences, provider directory,mmseqs,none; 1 alignments of single complexes"
        in (campaign / "results" / "logs" / "msa.log").read_text()
    )
    lent = [row for row in rows if row["origin"] == "one/2.csv"]
    assert [row["depth"] for row in lent] == [2, 2]
    # A key pairs within the complex whose file has it.
    assert {row["complex_id"]: row["species"] for row in lent} == {"one": ["key:9606"], None: []}
    # Once it has a shared one, the complex still takes its own.
    (campaign / "mine" / "P00001.a3m").write_text(f">q\n{second}\n")
    assert snakemake(campaign)["msa"] == 1
    rows = pq.read_table(campaign / "results" / "03_msa.parquet").to_pylist()
    assert {row["complex_id"]: row["depth"] for row in rows if row["sha256"] == lent[0]["sha256"]} == {
        None: 1,
        "one": 2,
    }


def test_a_search_is_told_the_memory_and_the_cores_of_its_job(campaign, told):
    configure(campaign, memory_mb=2000, threads=2)
    snakemake(campaign)
    asked = ("--set-resources", "msa_search:mem_mb=3000", "--set-threads", "msa_search=1")
    shutil.rmtree(campaign / "cache")
    snakemake(campaign, "--forcerun", "msa_batches", *asked)
    of_the_settings, of_the_job = searches(told)[:2], searches(told)[2:]
    for calls, memory, threads in ((of_the_settings, "1600M", 2), (of_the_job, "2400M", 1)):
        assert len(calls) == 2  # batches
        assert all(f" --split-memory-limit {memory} --threads {threads} " in f"{call} " for call in calls)


@pytest.mark.slurm
def test_searches_are_jobs_of_slurm(campaign, told, slurm):
    quick = ("--slurm-init-seconds-before-status-checks", "2")
    done = run(campaign, "--profile", str(ROOT / "slurm"), *quick)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    said = done.stdout + done.stderr
    jobs = re.findall(r"SLURM jobid (\d+) \(log: \S*/rule_msa_search/", said)
    assert len(set(jobs)) == 2  # batches
    # MMseqs2 ran in these jobs, and nowhere else; each left it the profile's memory.
    calls = searches(told)
    assert sorted(call.split()[0] for call in calls) == sorted(jobs)
    assert all(" --split-memory-limit 51200M " in call for call in calls)
    for job in jobs:
        assert accounting(job) == ["COMPLETED", "1", "62.50G"]
    rows = pq.read_table(campaign / "results" / "03_msa.parquet").to_pylist()
    assert sorted(row["provider"] for row in rows) == ["directory", *["mmseqs"] * 4]
    for row in rows:
        assert (campaign / "results" / row["path"]).is_file()
        assert row["depth"] > 1 or row["provider"] == "directory"


def accounting(job: str) -> list[str]:
    """Return state, cores and memory of a job that has ended; accounting may lag behind a little."""
    command = ["sacct", "-X", "-n", "-P", "-j", job, "-o", "State,ReqCPUS,ReqMem"]
    for _ in range(60):
        got = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip().split("|")
        if len(got) == 3 and got[0] not in {"RUNNING", "PENDING", "COMPLETING"}:
            break
        time.sleep(0.5)
    return got

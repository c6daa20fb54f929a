"""The whole workflow in miniature, run by the real Snakemake with the real Boltz-2 code."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml
from notebook_runner import run_notebook

ROOT = Path(__file__).resolve().parents[2]
SEQUENCES = {
    "P00001": "MKTAYIAKQRQI",
    "P00002": "GSHMLEDPVKAW",
    "P00003": "AEVNLTRQWYDK",
    "P00004": "MSTNPKPQRKTK",
    "P00005": "MFHWCLNDRSTVAYKEQIPG",
}
TABLE = """complex_id,members
one,P00001;P00002
two,P00002;P00003
three,P00003(2)
four,P00004;P00005
missing,P00001;P99999
same as one,P00002;P00001
"""


class Campaign:
    """A five-complex campaign in a folder of its own."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder, self.results = folder, folder / "results"
        (folder / "table.csv").write_text(TABLE)
        self.write_sequences(SEQUENCES)
        config = {
            "campaign": "mini",
            "results": "results",
            "complexes": {"table": "table.csv"},
            "sequences": {"fasta": ["proteins.fasta"]},
            "plan": {"gpu": "cpu", "bins": [25, 40], "shard_minutes": 5},
            "predict": {
                "launcher": "local",
                "model": "demo",
                "cache": str(cache),
                "device": "cpu",
                "precision": "fp32",
                "recycles": 0,
                "steps": 3,
                "threads": 1,
            },
            "enrichment": {"min_size": 1, "top_fraction": 0.5},
        }
        (folder / "config.yaml").write_text(yaml.safe_dump(config))

    def write_sequences(self, sequences: dict[str, str]) -> None:
        text = "".join(f">sp|{k}|{k}_TEST test\n{v}\n" for k, v in sequences.items())
        (self.folder / "proteins.fasta").write_text(text)

    def command(self, *options: str) -> list[str]:
        snakemake = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--cores", "2"]
        return [
            *snakemake,
            "--directory",
            str(self.folder),
            "--configfile",
            str(self.folder / "config.yaml"),
            *options,
        ]

    def run(self, *options: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(self.command(*options), capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
        return done

    def ledger(self) -> dict[str, dict]:
        rows = [
            row
            for path in (self.results / "06_ledger").glob("*.parquet")
            for row in pq.read_table(path).to_pylist()
        ]
        assert len(rows) == len({row["complex_id"] for row in rows})
        return {row["complex_id"]: row for row in rows}

    def attempts(self) -> list[tuple[str, str]]:
        """Return (complex, run_key) of every attempt that finished, in all runs so far."""
        from foldcp.predict.ledger import attempts

        return [(a["complex_id"], a["run_key"]) for a in attempts(self.results / "06_predictions" / "ledger")]


def _rules(printed: str) -> set[str]:
    """Return the rules that a dry run would run."""
    return set(re.findall(r"^ *(?:local)?(?:rule|checkpoint) (\w+):$", printed, re.M))


@pytest.fixture
def campaign(tmp_path, demo_cache) -> Campaign:
    return Campaign(tmp_path, demo_cache)


@pytest.mark.model
def test_a_campaign_runs_from_table_to_report_and_repeats_nothing(campaign, tmp_path_factory, monkeypatch):
    campaign.run()
    tables = {path.name: pq.read_table(path) for path in campaign.results.glob("*.parquet")}
    assert tables["01_complexes.parquet"].num_rows + tables["01_rejected.parquet"].num_rows == 6
    assert tables["04_tokens.parquet"].num_rows + tables["04_rejected.parquet"].num_rows == 6
    assert tables["04_rejected.parquet"]["complex_id"].to_pylist() == ["missing"]
    assert tables["05_plan.parquet"].num_rows == 4  # "same as one" is predicted once
    assert {row["outcome"] for row in campaign.ledger().values()} == {"done"}
    scores = pq.read_table(campaign.results / "07_scores" / "complexes").to_pylist()
    assert len(scores) == 5 and all(row["meaningless"] for row in scores)
    by_name = {row["complex_id"]: row for row in scores}
    same = next(row for name, row in by_name.items() if name.startswith("same"))
    assert same["predicted_as"] == "one" and same["iptm"] == by_name["one"]["iptm"]
    assert "mean nothing" in (campaign.results / "report.html").read_text()

    notebook = ROOT / "notebooks" / "read_the_scores.ipynb"
    scratch = tmp_path_factory.mktemp("notebook")
    parameters = {"campaign_dir": str(campaign.results)}
    assert "P00001" in run_notebook(notebook, parameters, scratch, monkeypatch)

    assert "Nothing to be done" in campaign.run().stderr
    where = "predict={launcher: debug, threads: 2, local_jobs: 3, device: auto, slurm: {partition: x}}"
    assert "Nothing to be done" in campaign.run("--config", where).stderr
    said = campaign.run("-n", "--config", "predict={steps: 4}")
    assert "in all 2 jobs in 2 arrays for 4 complexes" in said.stderr and "plan" in said.stdout
    said = campaign.run("-n", "--config", "campaign=other")  # another name, other seeds
    assert "in all 2 jobs in 2 arrays for 4 complexes" in said.stderr
    assert {"predict", "scores", "report"} <= _rules(said.stdout) and "plan" not in _rules(said.stdout)
    campaign.run("--report", "snakemake-report.html")
    assert "scores_by_size" in (campaign.folder / "snakemake-report.html").read_text()
    first = campaign.attempts()
    assert len(first) == 4

    parts = campaign.results.glob("07_scores/*/bin=*/part.parquet")
    assert sorted({path.parent.name for path in parts}) == ["bin=0000025", "bin=0000040"]
    campaign.write_sequences({**SEQUENCES, "P00004": "MSTNPKPQRKTA"})
    campaign.run("--config", "plan={bins: [40], gpu: cpu}")
    assert sorted(name for name, _ in campaign.attempts()) == sorted([*(name for name, _ in first), "four"])
    parts = campaign.results.glob("07_scores/*/bin=*/part.parquet")
    assert [path.parent.name for path in parts] == ["bin=0000040"] * 5  # no bin of the earlier plan


@pytest.mark.model
@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT], ids=["killed", "ctrl-c"])
def test_stopped_in_the_middle_of_predict_nothing_is_lost_and_nothing_done_twice(campaign, stop):
    child = subprocess.Popen(
        campaign.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    markers = campaign.results / "06_predictions"
    deadline = time.monotonic() + 300
    while not list(markers.glob("*/done.json")) and time.monotonic() < deadline and child.poll() is None:
        time.sleep(0.05)
    done_before = {path.parent.name for path in markers.glob("*/done.json")}
    os.killpg(child.pid, stop)  # Snakemake, its scripts and its local jobs, all at once
    child.wait(timeout=60)
    assert done_before

    if stop == signal.SIGKILL:  # as config/README.md says
        campaign.run("--unlock")
    campaign.run("--rerun-incomplete")
    assert {name: row["outcome"] for name, row in campaign.ledger().items()} == dict.fromkeys(
        ["one", "two", "three", "four"], "done"
    )
    finished = [name for name, _ in campaign.attempts()]
    assert all(finished.count(name) == 1 for name in done_before)


def test_a_campaign_of_which_nothing_can_be_folded_still_reports_why(campaign):
    (campaign.folder / "table.csv").write_text("complex_id,members\nx,P99998;P99999\ny,Q9Jm54;P00001\n")
    campaign.run()
    assert pq.read_table(campaign.results / "05_plan.parquet").num_rows == 0
    page = (campaign.results / "report.html").read_text()
    assert "P99998" in page and "Q9Jm54" in page
    assert "report" in _rules(campaign.run("-n", "--config", "campaign=other").stdout)


def test_missing_weights_are_named_before_the_first_job(campaign):
    path = campaign.folder / "config.yaml"
    path.write_text(path.read_text().replace("model: demo", "model: boltz2"))
    done = subprocess.run(campaign.command(), capture_output=True, text=True, timeout=120)
    assert done.returncode != 0 and "foldcp weights" in done.stdout + done.stderr
    assert not (campaign.results / "01_complexes.parquet").exists()


def test_dry_run_and_lint_of_a_fresh_clone():
    for options in (["-n", "--quiet"], ["--lint"]):
        done = subprocess.run(
            [sys.executable, "-m", "snakemake", *options],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr[-3000:]


def test_an_unknown_gpu_is_named_before_the_first_job(campaign):
    path = campaign.folder / "config.yaml"
    path.write_text(path.read_text().replace("gpu: cpu", "gpu: nope"))
    done = subprocess.run(campaign.command("-n"), capture_output=True, text=True, timeout=120)
    said = done.stdout + done.stderr
    assert done.returncode != 0 and "unknown GPU model 'nope'; valid: a100-40gb" in said


def test_a_given_configuration_stands_alone(campaign):
    (campaign.folder / "config.yaml").write_text("campaign: mine\n")
    # In the clone, where config/config.yaml would be there to fill the gap.
    command = campaign.command("-n")
    command[command.index("--directory") + 1] = str(ROOT)
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode != 0 and "complexes: must be given" in done.stdout + done.stderr


def test_a_wrong_configuration_is_named_without_a_traceback(campaign):
    path = campaign.folder / "config.yaml"
    path.write_text(path.read_text().replace("launcher: local", "launcher: lsf"))
    done = subprocess.run(campaign.command("-n"), capture_output=True, text=True, timeout=120)
    said = done.stdout + done.stderr
    assert done.returncode != 0 and "predict.launcher: Input should be 'debug', 'local' or 'slurm'" in said
    assert "Traceback" not in said


def test_pairing_reaches_the_predictions_and_its_change_predicts_again(campaign):
    def configure(**msa):
        config = yaml.safe_load((campaign.folder / "config.yaml").read_text())
        config["msa"] = {"provider": "directory,none", "directory": "alignments", **msa}
        (campaign.folder / "config.yaml").write_text(yaml.safe_dump(config))

    def markers():
        found = (campaign.results / "06_predictions").glob("*/done.json")
        return {path.parent.name: json.loads(path.read_text()) for path in found}

    (campaign.folder / "table.csv").write_text("complex_id,members\none,P00001;P00002\nthree,P00003(2)\n")
    (campaign.folder / "alignments").mkdir()
    for name in ("P00001", "P00002"):
        query = SEQUENCES[name]
        rows = [("q", query), ("a OX=10090", "A" + query[1:]), ("b OX=10116", "C" + query[1:])]
        text = "".join(f">{header}\n{row}\n" for header, row in rows)
        (campaign.folder / "alignments" / f"{name}.a3m").write_text(text)
    configure()
    campaign.run()
    tokens = pq.read_table(campaign.results / "04_tokens.parquet").to_pylist()
    assert {row["complex_id"]: (row["paired_depth"], row["msa_depth"]) for row in tokens} == {
        "one": (3, 5),
        "three": (1, 1),
    }
    paired = markers()
    assert {marker["settings"]["pairing"] for marker in paired.values()} == {"greedy"}
    configure(pairing="none")
    campaign.run()
    (row,) = (
        row
        for row in pq.read_table(campaign.results / "04_tokens.parquet").to_pylist()
        if row["complex_id"] == "one"
    )
    assert (row["paired_depth"], row["msa_depth"]) == (1, 3)
    again = markers()
    assert again["one"]["run_key"] != paired["one"]["run_key"]
    assert again["one"]["files"]["one_model_0.cif"] != paired["one"]["files"]["one_model_0.cif"]
    # What has nothing to pair is not folded again.
    assert again["three"] == paired["three"]

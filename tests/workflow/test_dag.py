"""A database is few jobs to Snakemake: one per stage, and two per size bin."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def dag(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    from benchmarks import dag

    return dag


def test_five_thousand_complexes_are_ten_predict_jobs(dag, tmp_path):
    dag.write_campaign(tmp_path, 5000)
    dag.snakemake(tmp_path, "--until", "plan")
    printed = dag.snakemake(tmp_path, "-n")
    assert dag.job_counts(printed) == {"predict": 10, "scores": 10, "enrichment": 1, "report": 1, "all": 1}
    # What its ten arrays are made of does not show in the DAG, but in the forecast.
    forecast = printed[printed.index("Forecast:") :].partition("in all ")[2]
    assert forecast.startswith("10 jobs in 10 arrays for 49")

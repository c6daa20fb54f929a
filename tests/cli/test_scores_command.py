"""`foldcp scores`: tables, counts, warnings and exit codes."""

import pyarrow.parquet as pq
from scores.boltz_twin import write_prediction
from typer.testing import CliRunner

from foldcp.cli.app import app
from foldcp.tables import read_table, schemas
from foldcp.tables.provenance import read_metadata


def _run(*arguments):
    return CliRunner().invoke(app, ["scores", *map(str, arguments)])


def test_tables_and_counts(tmp_path):
    write_prediction(tmp_path / "in" / "x", scores=(0.8, 0.7))
    result = _run(tmp_path / "in", "-o", tmp_path / "out")
    assert result.exit_code == 0
    assert "1 complexes, 2 samples, 4 chains, 4 interfaces" in result.stdout
    assert result.stderr == ""
    assert read_table(tmp_path / "out/interfaces.parquet", schemas.SCORES_INTERFACES).num_rows == 4


def test_demo_scores_come_with_a_warning_in_words_and_in_the_file(tmp_path):
    write_prediction(tmp_path / "in" / "x", model="demo", weights_sha256="cd")
    result = _run(tmp_path / "in", "-o", tmp_path / "out")
    assert "scores mean nothing" in result.stderr
    metadata = read_metadata(pq.read_schema(tmp_path / "out/chains.parquet").metadata)
    assert "scores mean nothing" in metadata["note"]
    assert metadata["weights_sha256"] == "cd"


def test_an_unreadable_prediction_is_told_and_the_others_are_written(tmp_path):
    write_prediction(tmp_path / "in" / "x")
    (write_prediction(tmp_path / "in" / "y") / "y_model_0.cif").unlink()
    result = _run(tmp_path / "in", "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert "y_model_0.cif: no such file" in result.stderr
    assert read_table(tmp_path / "out/failed.parquet", schemas.REJECTED).num_rows == 1
    assert read_table(tmp_path / "out/complexes.parquet", schemas.SCORES_COMPLEXES).num_rows == 1

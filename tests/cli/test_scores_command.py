"""`foldcp scores`: tables, counts, warnings and exit codes."""

import pyarrow.parquet as pq
import pytest
from mini_campaign import GOOD, MiniCampaign
from scores.boltz_twin import write_prediction
from typer.testing import CliRunner

from foldcp.campaign.scores import TABLES
from foldcp.cli.app import app
from foldcp.tables.dataset import part_path, part_paths, read_dataset
from foldcp.tables.provenance import read_metadata


def _run(*arguments):
    return CliRunner().invoke(app, ["scores", *map(str, arguments)])


def _read(folder, table):
    return read_dataset(folder / table, TABLES[table])


def test_tables_and_counts(tmp_path):
    write_prediction(tmp_path / "in" / "x", scores=(0.8, 0.7))
    result = _run(tmp_path / "in", "-o", tmp_path / "out")
    assert result.exit_code == 0
    assert "1 complexes, 2 samples, 4 chains, 4 interfaces" in result.stdout
    assert result.stderr == ""
    assert _read(tmp_path / "out", "interfaces").num_rows == 4


def test_a_campaign_folder_is_read_with_its_own_tokens(tmp_path):
    campaign = MiniCampaign(tmp_path / "results", tmp_path)
    campaign.write({"x": GOOD, "y": GOOD})
    (tmp_path / "results" / "03_msa").mkdir()
    result = _run(tmp_path / "results", "-o", tmp_path / "none")
    assert (result.exit_code, result.stderr) == (0, "not finished: 2\n")
    predictions = tmp_path / "results" / "06_predictions"
    write_prediction(predictions / "x", model="boltz2")
    result = _run(tmp_path / "results", "-o", tmp_path / "out")
    assert result.exit_code == 0 and "1 complexes" in result.stdout
    chains = _read(tmp_path / "out", "chains")
    assert chains["member"].to_pylist() == GOOD
    (tmp_path / "results" / "04_tokens.parquet").unlink()
    assert "1 complexes" in _run(tmp_path / "results", "-o", tmp_path / "out").stdout


def test_demo_scores_come_with_a_warning_in_words_and_in_the_file(tmp_path):
    write_prediction(tmp_path / "in" / "x", model="demo", weights_sha256="cd")
    result = _run(tmp_path / "in", "-o", tmp_path / "out")
    assert "scores mean nothing" in result.stderr
    metadata = read_metadata(pq.read_schema(part_path(tmp_path / "out" / "chains", "0000512")).metadata)
    assert "scores mean nothing" in metadata["note"]
    assert metadata["weights_sha256"] == "cd"


def test_an_unreadable_prediction_is_told_and_the_others_are_written(tmp_path):
    write_prediction(tmp_path / "in" / "x")
    (write_prediction(tmp_path / "in" / "y") / "y_model_0.cif").unlink()
    result = _run(tmp_path / "in", "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert "y_model_0.cif: no such file" in result.stderr
    assert _read(tmp_path / "out", "failed").num_rows == 1
    assert _read(tmp_path / "out", "complexes").num_rows == 1


def test_several_processes_and_bad_numbers_of_them(tmp_path):
    write_prediction(tmp_path / "in" / "x")
    assert _run(tmp_path / "in", "-o", tmp_path / "out", "--jobs", 2).exit_code == 0
    assert _run(tmp_path / "in", "-o", tmp_path / "out", "--jobs", 0).exit_code == 2


def test_an_earlier_run_leaves_nothing_behind(tmp_path):
    (write_prediction(tmp_path / "in" / "x") / "x_model_0.cif").unlink()
    assert _run(tmp_path / "in", "-o", tmp_path / "out").exit_code == 1
    assert list(part_paths(tmp_path / "out/failed")) == ["0000000"]
    write_prediction(tmp_path / "other" / "y")
    assert _run(tmp_path / "other", "-o", tmp_path / "out").exit_code == 0
    assert _read(tmp_path / "out", "failed").num_rows == 0
    assert _read(tmp_path / "out", "samples")["complex_id"].to_pylist() == ["y"]


@pytest.mark.parametrize("arguments", [[], ["scores_chains"]])
def test_the_dictionary_is_printed(arguments):
    result = CliRunner().invoke(app, ["dictionary", *arguments])
    assert result.exit_code == 0
    assert ("## plan" in result.stdout) == (not arguments) and "| `chain_ptm` |" in result.stdout
    assert CliRunner().invoke(app, ["dictionary", "nope"]).exit_code != 0

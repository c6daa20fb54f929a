"""`foldcp compare` and `foldcp demo-statistics`."""

import pytest
from made_units import complexes_table, scores_table
from typer.testing import CliRunner

from foldcp.cli.app import app
from foldcp.errors import InputError, UsageError
from foldcp.tables import Provenance, read_table, write_table
from foldcp.tables.dataset import part_path
from foldcp.tables.schemas import COMPLEXES
from foldcp.tables.score_schemas import SCORES_COMPLEXES
from foldcp.tables.statistics_schemas import COMPARISON

NAMES = [f"c{i}" for i in range(9)]


def _run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def _scores_folder(folder, shift=0.0, meaningless=False):
    rows = [
        {"complex_id": name, "iptm": shift + i / 20, "lis_max": 0.5, "meaningless": meaningless}
        for i, name in enumerate(NAMES)
    ]
    for name, part in (("0000512", rows[:4]), ("0001024", rows[4:])):
        path = part_path(folder / "complexes", name)
        write_table(path, SCORES_COMPLEXES, scores_table(part), Provenance())
    return folder


def _campaign(folder, shift=0.0):
    _scores_folder(folder / "07_scores", shift)
    rows = [{"complex_id": name, "content_key": f"content {name}"} for name in NAMES]
    write_table(folder / "01_complexes.parquet", COMPLEXES, complexes_table(rows), Provenance())
    return folder


@pytest.mark.parametrize("make", [_scores_folder, _campaign])
def test_two_folders_of_the_same_kind(tmp_path, make):
    first, second = make(tmp_path / "a"), make(tmp_path / "b", 0.25)
    got = _run(
        "compare", first, second, "--score", "iptm", "--score", "lis_max", "-o", tmp_path / "c.parquet"
    )
    assert got.exit_code == 0, got.output
    assert "+0.250 (+0.250 to +0.250)" in got.output and "0 : 9" in got.output
    table = read_table(tmp_path / "c.parquet", COMPARISON)
    assert table["score"].to_pylist() == ["iptm", "lis_max"]
    assert table["n_pairs"].to_pylist() == [9, 9]
    inputs = table.schema.metadata[b"foldcp.inputs"].decode()
    assert all(str(path) in inputs for path in (first, second))


def test_a_campaign_and_a_scores_folder_pair_by_name(tmp_path):
    got = _run("compare", _campaign(tmp_path / "a"), _scores_folder(tmp_path / "b"))
    assert got.exit_code == 0 and " 9 " in got.output
    assert "-" in got.output  # scores that neither has


def test_demo_weights_are_said_to_mean_nothing(tmp_path):
    got = _run("compare", _scores_folder(tmp_path / "a"), _scores_folder(tmp_path / "b", 0.1, True))
    assert "mean nothing" in got.output


def test_a_folder_without_scores(tmp_path):
    got = _run("compare", tmp_path, tmp_path)
    assert isinstance(got.exception, InputError) and "holds no scores" in str(got.exception)


def test_an_unknown_score(tmp_path):
    got = _run("compare", tmp_path, tmp_path, "--score", "complex_pde")
    assert isinstance(got.exception, UsageError) and "ipsae_max" in str(got.exception)


def test_what_the_tables_say_of_themselves_is_said_again(tmp_path):
    for seed in (7, 8):
        assert _run("demo-statistics", tmp_path / str(seed), "--seed", seed).exit_code == 0
    got = _run("compare", tmp_path / "7", tmp_path / "8", "-o", tmp_path / "c.parquet")
    assert got.exit_code == 0 and got.output.count("made up, not predictions") == 1
    note = read_table(tmp_path / "c.parquet", COMPARISON).schema.metadata[b"foldcp.note"].decode()
    assert note == "synthetic example: made up, not predictions"


def test_the_synthetic_example_says_what_it_planted_and_found(tmp_path):
    got = _run("demo-statistics", tmp_path / "example")
    assert got.exit_code == 0, got.output
    assert "made up, not predictions" in got.output
    page = (tmp_path / "example" / "report.html").read_text(encoding="utf-8")
    assert "synthetic example: made up, not predictions" in page.lower()
    assert "ipsae_max: ROC AUC" in got.output and "category EXAMPLE:0001" in got.output
    assert sorted(path.stem for path in (tmp_path / "example" / "08_enrichment").iterdir()) == [
        "curves",
        "discrimination",
        "enrichment",
        "significance",
        "size_effect",
    ]

"""Which predictions a folder holds, and of which program."""

import pytest
from scores.boltz_twin import write_prediction
from scores.program_twins import write_alphafold2, write_colabfold, write_local, write_server

from foldcp.errors import InputError
from foldcp.scores import find, read_prediction


def programs(folder, **options):
    return {name: found.program for name, found in find(folder, **options).items()}


def test_each_directory_is_told_by_its_files(tmp_path):
    write_prediction(tmp_path / "b")
    write_local(tmp_path / "l")
    write_local(tmp_path / "u", named=False)
    write_server(tmp_path / "s")
    write_colabfold(tmp_path / "c")
    write_alphafold2(tmp_path / "m")
    expected = {"b": "boltz", "l": "alphafold3", "u": "alphafold3", "s": "alphafold3"}
    assert programs(tmp_path) == expected | {"c": "colabfold", "m": "alphafold2"}
    for name, prediction in find(tmp_path).items():
        samples = prediction.read()
        assert {sample.program for sample in samples} == {prediction.program}
        assert all((prediction.directory / sample.structure).is_file() for sample in samples)
        assert prediction.directory == tmp_path / name


def test_many_predictions_in_one_folder(tmp_path):
    for query in ("a", "b_scores", "c"):
        write_colabfold(tmp_path, query)
    for job in ("fold_1", "fold_1_summary"):
        write_server(tmp_path, job)
    assert programs(tmp_path) == {
        "a": "colabfold",
        "b_scores": "colabfold",
        "c": "colabfold",
        "fold_1": "alphafold3",
        "fold_1_summary": "alphafold3",
    }
    assert all(len(prediction.read()) == 1 for prediction in find(tmp_path).values())
    with pytest.raises(InputError, match=r"holds 5 predictions .* expected one"):
        read_prediction(tmp_path)


def test_many_predictions_in_folders_below(tmp_path):
    write_colabfold(tmp_path / "first", "a")
    write_colabfold(tmp_path / "first", "b")
    write_colabfold(tmp_path / "second", "a")
    assert sorted(find(tmp_path)) == ["a", "b", "second"]


def test_two_of_one_name(tmp_path):
    for folder in ("first", "second"):
        for query in "ab":
            write_colabfold(tmp_path / folder, query)
    with pytest.raises(InputError, match=r"several predictions are called \['a', 'b'\]"):
        find(tmp_path)


def test_the_folder_itself_and_a_predictions_folder_in_it(tmp_path):
    (tmp_path / "results" / "predictions").mkdir(parents=True)
    write_prediction(tmp_path / "results" / "predictions" / "x")
    assert list(find(tmp_path / "results")) == ["x"]
    assert list(find(tmp_path / "results" / "predictions" / "x")) == ["x"]


def test_a_ledger_hidden_folders_and_files_are_no_predictions(tmp_path):
    write_prediction(tmp_path / "x")
    (tmp_path / "ledger").mkdir()
    (tmp_path / ".partial").mkdir()
    (tmp_path / "notes.txt").touch()
    assert list(find(tmp_path)) == ["x"]


def test_a_folder_that_nobody_knows_says_so_when_it_is_read_and_costs_nothing_else(tmp_path):
    write_prediction(tmp_path / "x")
    (tmp_path / "y").mkdir()
    found = find(tmp_path)
    assert programs(tmp_path) == {"x": "boltz", "y": "unknown"}
    assert found["x"].read()
    with pytest.raises(InputError, match="y: holds no scores of a prediction: no confidence_"):
        found["y"].read()


def test_nothing_at_all(tmp_path):
    with pytest.raises(InputError, match="absent: no such folder"):
        find(tmp_path / "absent")
    with pytest.raises(InputError, match="holds no predictions; expected those of Boltz"):
        find(tmp_path)
    assert find(tmp_path, may_be_empty=True) == find(tmp_path / "absent", may_be_empty=True) == {}
    (tmp_path / "ledger").mkdir()
    assert find(tmp_path) == {}

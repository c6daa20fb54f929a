import dataclasses
import json

import pytest

from foldcp.predict import markers
from foldcp.predict.markers import MARKER, is_done, read_marker, run_key, write_marker
from foldcp.predict.settings import Settings
from foldcp.tables import sha256_json

SETTINGS = Settings(model="demo")


@pytest.fixture
def done(tmp_path):
    (tmp_path / "a.cif").write_text("atoms")
    (tmp_path / "b.json").write_text("{}")
    write_marker(tmp_path, "key", ["b.json", "a.cif"], {"seed": 7})
    return tmp_path


def test_done_when_every_file_is_as_written(done):
    assert is_done(done, "key")
    assert read_marker(done)["seed"] == 7


def test_another_key_is_not_done(done):
    assert not is_done(done, "other")


@pytest.mark.parametrize("content", ["atomz", "atom", ""])
def test_a_changed_or_cut_file_is_not_done(done, content):
    (done / "a.cif").write_text(content)
    assert not is_done(done, "key")


def test_a_lost_file_is_not_done(done):
    (done / "b.json").unlink()
    assert not is_done(done, "key")


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"run_key": "key"}', '{"run_key": "key", "files": {"a.cif": 1}}']
)
def test_a_damaged_marker_is_not_done(done, content):
    (done / MARKER).write_text(content)
    assert not is_done(done, "key")


def test_no_marker_is_not_done(tmp_path):
    assert not is_done(tmp_path, "key")
    assert not is_done(tmp_path / "nowhere", "key")


def test_a_marker_without_files_is_not_done(done):
    (done / MARKER).write_text(json.dumps({"run_key": "key", "files": {}}))
    assert not is_done(done, "key")


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 8},
        {"steps": 20},
        {"samples": 2},
        {"recycles": 1},
        {"deletions": "boltz"},
        {"msa_rows": 2048},
        {"precision": "fp32"},
        {"pae": True},
        {"campaign": "other"},
    ],
)
def test_key_follows_what_changes_the_result(change):
    assert run_key("i", SETTINGS, "w") != run_key("i", dataclasses.replace(SETTINGS, **change), "w")


@pytest.mark.parametrize("change", [{"device": "cpu"}, {"threads": 2}, {"model": "boltz2"}])
def test_key_ignores_where_it_is_computed_and_what_the_weights_are_called(change):
    assert run_key("i", SETTINGS, "w") == run_key("i", dataclasses.replace(SETTINGS, **change), "w")


def test_without_a_limit_the_key_knows_nothing_of_rows():
    values = SETTINGS.to_json()
    relevant = {name: values[name] for name in markers._RESULT_SETTINGS}
    assert "msa_rows" not in relevant
    assert run_key("i", SETTINGS, "w") == sha256_json([markers._RESULT_VERSION, "i", relevant, "w"])


def test_key_follows_input_and_weights():
    assert len({run_key("i", SETTINGS, "w"), run_key("j", SETTINGS, "w"), run_key("i", SETTINGS, "v")}) == 3

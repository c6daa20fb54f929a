"""Tables: declared schemas, whole files, provenance."""

import errno
import os
import signal
import subprocess
import sys
import textwrap

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from foldcp.errors import InputError, WriteError
from foldcp.tables import Provenance, atomic_write, empty, read_table, rows_to_table, schemas, write_table
from foldcp.tables.provenance import code_version, read_metadata, sha256_json

ROW = {
    "sha256": "0" * 64,
    "complex_id": None,
    "length": 3,
    "provider": "none",
    "path": None,
    "depth": 1,
    "species": ["9606", "HUMAN"],
    "n_species_rows": 2,
    "file_sha256": None,
    "error": None,
    "coverage": None,
    "origin": None,
    "failure": None,
}


def test_round_trip_keeps_values_descriptions_and_provenance(tmp_path):
    path = tmp_path / "deep" / "msa.parquet"
    source = tmp_path / "in.txt"
    source.write_text("x")
    table = rows_to_table(schemas.MSA, [ROW])
    write_table(path, schemas.MSA, table, Provenance.of_files(source, seed=7, note="n"))
    got = read_table(path, schemas.MSA)
    assert got.to_pylist() == [ROW]
    assert got.schema.field("depth").metadata[b"description"].startswith(b"distinct rows of the alignment")
    meta = read_metadata(got.schema.metadata)
    assert meta["table"] == "msa" and meta["seed"] == "7" and meta["note"] == "n"
    assert '"in.txt"' in meta["inputs"] and "config_sha256" not in meta


@pytest.mark.parametrize("spec", schemas.ALL.values(), ids=schemas.ALL)
def test_every_declared_table_writes_empty_and_explains_its_columns(spec, tmp_path):
    write_table(tmp_path / "t", spec, empty(spec), Provenance())
    assert read_table(tmp_path / "t", spec).num_rows == 0
    assert all(len(f.metadata[b"description"]) > 5 for f in spec.schema)


@pytest.mark.parametrize(
    ("row", "named"),
    [
        ({**ROW, "extra": 1}, "extra"),
        ({**ROW, "length": "three"}, "type"),
        ({**ROW, "sha256": None}, "sha256"),
    ],
)
def test_a_row_outside_the_schema_is_refused(row, named):
    with pytest.raises(InputError, match=named):
        rows_to_table(schemas.MSA, [row])


def test_a_foreign_or_broken_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_table(tmp_path / "none", schemas.MSA)
    (tmp_path / "text").write_text("not parquet")
    with pytest.raises(InputError, match="not a readable Parquet"):
        read_table(tmp_path / "text", schemas.MSA)
    pq.write_table(pa.table({"a": [1]}), tmp_path / "other")
    with pytest.raises(InputError, match="not a msa table"):
        read_table(tmp_path / "other", schemas.MSA)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda t: t.drop_columns(["species", "n_species_rows"]),
            "msa table lacks species, n_species_rows: ",
        ),
        (lambda t: t.append_column("old", t["depth"]).drop_columns("path"), "lacks path and has old: "),
        (lambda t: t.select(t.column_names[::-1]), "has its columns in another order: "),
        (lambda t: t.set_column(2, "length", t["provider"]), "msa.length is string, expected int32: "),
    ],
)
def test_a_table_of_another_version_says_which_and_what_to_do(tmp_path, change, says):
    table = change(rows_to_table(schemas.MSA, [ROW]))
    origin = {**Provenance().metadata("msa"), b"foldcp.version": b"0.0.7"}
    pq.write_table(table.replace_schema_metadata(origin), tmp_path / "msa.parquet")
    with pytest.raises(InputError) as caught:
        read_table(tmp_path / "msa.parquet", schemas.MSA)
    assert f"{says}foldcp 0.0.7 made it, this is {code_version()}; run the campaign again" in str(
        caught.value
    )


def test_another_table_of_ours_is_no_matter_of_versions(tmp_path):
    write_table(tmp_path / "t", schemas.PLAN, empty(schemas.PLAN), Provenance())
    with pytest.raises(InputError, match="not a msa table: columns are"):
        read_table(tmp_path / "t", schemas.MSA)


def test_equal_content_gives_equal_bytes(tmp_path):
    for name in "ab":
        write_table(tmp_path / name, schemas.MSA, rows_to_table(schemas.MSA, [ROW]), Provenance(seed=1))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_inputs_of_one_name_are_told_apart(tmp_path):
    paths = [tmp_path / name for name in ("plan", "a/bin=1/part", "a/bin=2/part", "b/bin=1/part")]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(path))
    inputs = Provenance.of_files(*paths, str(paths[0])).inputs
    assert set(inputs) == {"plan", "a/bin=1/part", "bin=2/part", "b/bin=1/part"}
    assert len(set(inputs.values())) == 4


def test_hash_of_values_is_independent_of_key_order():
    assert sha256_json({"a": 1, "b": [2, 3]}) == sha256_json({"b": [2, 3], "a": 1})
    assert sha256_json({"a": 1, "b": [2, 3]}) != sha256_json({"a": 1, "b": [3, 2]})


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError), atomic_write(path) as handle:
        handle.write(b"half")
        raise RuntimeError
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_a_killed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"old")
    code = f"""
        import time
        from foldcp.tables import atomic_write
        with atomic_write({str(path)!r}) as handle:
            handle.write(b"half"); handle.flush(); print("writing", flush=True); time.sleep(60)
    """
    child = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE)
    assert child.stdout.readline() == b"writing\n"
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert path.read_bytes() == b"old"


def _fail(number):
    def fail(*_arguments):
        raise OSError(number, os.strerror(number))

    return fail


def test_a_full_disk_is_told_and_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "f"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", _fail(errno.ENOSPC))
    with pytest.raises(WriteError, match="the disk is full") as caught, atomic_write(path) as handle:
        handle.write(b"new")
    assert str(path) in str(caught.value) and caught.value.exit_code == 4
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_a_lack_of_memory_is_no_fault_of_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", _fail(errno.ENOMEM))
    with pytest.raises(OSError, match="memory"), atomic_write(tmp_path / "f"):
        pass


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(WriteError, match=f"{tmp_path}/file"), atomic_write(tmp_path / "file" / "x"):
        pass
    with (
        pytest.raises(WriteError, match=f"{tmp_path} cannot be written: Is a directory"),
        atomic_write(tmp_path),
    ):
        pass


def test_a_file_that_is_read_meanwhile_is_not_blamed_on_the_output(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_write(tmp_path / "out" / "f"):
        (tmp_path / "in").read_text()

"""Tables in parts: whole files, row groups of fixed length, provenance; and read back."""

import pandas
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from foldcp.errors import InputError, WriteError
from foldcp.tables import Provenance, TableSpec, parts, write_table
from foldcp.tables.columns import INT, TEXT, key, score
from foldcp.tables.dataset import keep_bins, part_path, part_paths, read_dataset, scan
from foldcp.tables.parts import writing_parts
from foldcp.tables.provenance import read_metadata

SPEC = TableSpec("numbers", "test", pa.schema([key("n", INT, "a number"), score("s", "a score", "us")]))
OTHER = TableSpec("texts", "test", pa.schema([key("t", TEXT, "a text")]))
SPECS = {"numbers": SPEC, "texts": OTHER}


def _rows(start, count):
    return pa.table({"n": pa.array(range(start, start + count), pa.int32()), "s": [0.5] * count}).cast(
        SPEC.schema
    )


def _write(folder, sizes, bin_="a", provenance=None):
    with writing_parts(folder, SPECS) as written:
        start = 0
        for size in sizes:
            written.append(bin_, {"numbers": _rows(start, size)})
            start += size
        written.provenance = provenance or Provenance()
    return part_path(folder / "numbers", bin_)


def test_rows_come_back_in_order_with_bin_and_provenance(tmp_path):
    _write(tmp_path, [3, 4], "b", Provenance(seed=7, note="n"))
    path = _write(tmp_path, [2], "a")
    got = read_dataset(tmp_path / "numbers", SPEC)
    assert got["n"].to_pylist() == [0, 1, *range(7)]
    assert read_dataset(tmp_path / "numbers", SPEC, ["s"]).column_names == ["s"]
    assert read_dataset(tmp_path / "texts", OTHER).num_rows == 0
    assert list(part_paths(tmp_path / "texts")) == ["a", "b"]  # each table has each bin
    metadata = read_metadata(pq.read_schema(part_path(tmp_path / "numbers", "b")).metadata)
    assert (metadata["table"], metadata["seed"], metadata["note"]) == ("numbers", "7", "n")
    assert pq.read_schema(path).field("s").metadata[b"high"] == b"1"
    assert set(pandas.read_parquet(tmp_path / "numbers")["bin"]) == {"a", "b"}


def test_a_part_says_of_itself_what_a_table_written_at_once_says(tmp_path):
    origin = Provenance(inputs={"f": "00"}, weights_sha256="ab", seed=7)
    path = _write(tmp_path, [5], provenance=origin)
    write_table(tmp_path / "whole.parquet", SPEC, _rows(0, 5), origin)
    whole, part = (pq.ParquetFile(p) for p in (tmp_path / "whole.parquet", path))
    assert part.schema_arrow.equals(whole.schema_arrow, check_metadata=True)
    assert part.metadata.metadata == whole.metadata.metadata


@pytest.mark.parametrize("sizes", [[25], [1] * 25, [9, 11, 5], [7, 9, 9], [0, 25, 0]])
def test_bytes_depend_on_the_rows_and_not_on_how_they_come(tmp_path, monkeypatch, sizes):
    monkeypatch.setattr(parts, "ROW_GROUP", 10)
    path = _write(tmp_path / "x", sizes)
    groups = [pq.read_metadata(path).row_group(i).num_rows for i in range(3)]
    assert groups == [10, 10, 5]
    assert path.read_bytes() == _write(tmp_path / "y", [7, 18]).read_bytes()
    assert [batch.num_rows for batch in scan(tmp_path / "x" / "numbers", SPEC, rows=20)] == [20, 5]


def test_rows_that_wait_are_joined(tmp_path):
    with writing_parts(tmp_path, SPECS) as written:
        for start in range(1000):
            written.append("a", {"numbers": _rows(start, 1)})
        assert len(written._parts["a"]["numbers"]._waiting) <= parts._PIECES
    assert read_dataset(tmp_path / "numbers", SPEC)["n"].to_pylist() == list(range(1000))


def test_a_failure_leaves_what_was_there(tmp_path):
    path = _write(tmp_path, [3])
    before = path.read_bytes()
    with pytest.raises(RuntimeError), writing_parts(tmp_path, SPECS) as written:
        written.append("a", {"numbers": _rows(0, 9)})
        written.append("b", {"numbers": _rows(0, 9)})
        raise RuntimeError
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.rglob("*") if p.is_file()) == ["part.parquet"] * 2
    with pytest.raises(InputError, match="not a texts table"), writing_parts(tmp_path, SPECS) as written:
        written.append("a", {"texts": _rows(0, 1)})
    assert path.read_bytes() == before


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "numbers").touch()
    with pytest.raises(WriteError, match="numbers"), writing_parts(tmp_path, SPECS) as written:
        written.bin("a")


def test_parts_of_other_bins_are_removed(tmp_path):
    for name in "abc":
        _write(tmp_path, [2], name)
    keep_bins(tmp_path / "numbers", ["b", "d"])
    assert list(part_paths(tmp_path / "numbers")) == ["b"]
    assert [p.name for p in (tmp_path / "numbers").iterdir()] == ["bin=b"]
    assert list(part_paths(tmp_path / "texts")) == ["a", "b", "c"]


def test_a_foreign_or_damaged_part_is_named(tmp_path):
    path = _write(tmp_path, [3])
    with pytest.raises(InputError, match=r"part\.parquet: not a texts table"):
        read_dataset(tmp_path / "numbers", OTHER)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"part\.parquet: not a readable Parquet"):
        read_dataset(tmp_path / "numbers", SPEC)

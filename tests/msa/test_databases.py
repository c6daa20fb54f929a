"""The layout of a database is seen; its checksum follows its content, not its place."""

import shutil
from pathlib import Path

import pytest

from foldcp.errors import InputError
from foldcp.msa.databases import open_database


def files(base: Path, content: bytes = b"MKV\n\0") -> Path:
    base.parent.mkdir(parents=True, exist_ok=True)
    for suffix, text in {"": content, ".index": b"0\t0\t5\n", ".dbtype": b"\0\0\0\0"}.items():
        Path(f"{base}{suffix}").write_bytes(text)
    return base


def test_layouts(tmp_path):
    base = files(tmp_path / "uni")
    plain = open_database(base)
    assert (plain.clustered, plain.sequences) == (False, base)
    for suffix in ("_seq", "_aln"):
        files(Path(f"{base}{suffix}"))
    clustered = open_database(base)
    assert clustered.clustered
    assert (clustered.sequences, clustered.members) == (tmp_path / "uni_seq", tmp_path / "uni_aln")
    assert clustered.identity() != plain.identity()


def test_real_layouts(databases):
    assert not open_database(databases.plain).clustered
    assert open_database(databases.clustered).clustered


def test_what_is_no_database(tmp_path):
    with pytest.raises(InputError, match=r"nothing: no MMseqs2 database .nothing\.dbtype is not there"):
        open_database(tmp_path / "nothing")
    base = files(tmp_path / "uni")
    files(tmp_path / "uni_seq")
    with pytest.raises(InputError, match="a clustered database without uni_aln"):
        open_database(base)


def test_the_checksum_is_of_the_content(tmp_path):
    first = open_database(files(tmp_path / "a" / "uni")).identity()
    shutil.copytree(tmp_path / "a", tmp_path / "elsewhere")
    assert open_database(tmp_path / "elsewhere" / "uni").identity() == first
    assert first["name"] == "uni" and first["bytes"] == 15
    assert open_database(files(tmp_path / "b" / "uni", b"MKL\n\0")).identity() != first
    files(tmp_path / "a" / "uni_h")
    assert open_database(tmp_path / "a" / "uni").identity() != first


@pytest.mark.parametrize("at", [0, 5_000_000, -1])
def test_the_checksum_of_a_large_file_sees_its_ends_and_its_middle(tmp_path, at):
    content = bytearray(10_000_000)
    first = open_database(files(tmp_path / "uni", bytes(content))).identity()
    content[at] = 1
    if at > 0:
        content[at : at + 200_000] = b"\1" * 200_000
    assert open_database(files(tmp_path / "uni", bytes(content))).identity() != first


def test_numbered_data_files_count(tmp_path):
    base = files(tmp_path / "uni")
    first = open_database(base).identity()
    Path(f"{base}.0").write_bytes(b"MKV\n\0")
    assert open_database(base).identity()["bytes"] == first["bytes"] + 5

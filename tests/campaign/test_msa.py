import gzip
from pathlib import Path

import pyarrow as pa
import pytest
from campaign.make_tables import by, complexes, sha256

from foldcp.campaign.msa import collect, read
from foldcp.campaign.sequences import resolve
from foldcp.config import MsaConfig, SequencesConfig
from foldcp.errors import InputError

QUERY = "MKVLAAG"


@pytest.fixture
def given(tmp_path: Path) -> Path:
    (tmp_path / "given").mkdir()
    return tmp_path / "given"


def sequences(tmp_path: Path, *members: str, fasta: str = f">P00001\n{QUERY}\n") -> pa.Table:
    path = tmp_path / "s.fasta"
    path.write_text(fasta)
    return resolve(complexes(c=list(members)), SequencesConfig(fasta=[path])).sequences


def collect_one(tmp_path: Path, given: Path, text: str | bytes, name: str = "P00001.a3m") -> dict:
    (given / name).write_bytes(text.encode() if isinstance(text, str) else text)
    config = MsaConfig(provider="directory", directory=given)
    (row,) = collect(sequences(tmp_path, "P00001"), config, tmp_path / "out" / "03_msa").to_pylist()
    return row


def test_none_is_a_single_sequence_each(tmp_path: Path) -> None:
    fasta = f">P00001\n{QUERY}\n>P00002\nMK\n>P00003\nMK\n>URS000012D749\nACGU\n"
    table = sequences(tmp_path, "P00001", "P00002", "P00003", "URS000012D749", fasta=fasta)
    got = collect(table, MsaConfig(), tmp_path / "03_msa")
    assert {r["sha256"]: (r["length"], r["provider"], r["depth"], r["path"]) for r in got.to_pylist()} == {
        sha256(QUERY): (7, "none", 1, None),
        sha256("MK"): (2, "none", 1, None),
    }
    assert (tmp_path / "03_msa").is_dir()


@pytest.mark.parametrize(
    "name", ["P00001.a3m", "P00001.a3m.gz", f"{sha256(QUERY)}.a3m", f"{sha256(QUERY)}.a3m.gz"]
)
def test_alignment_is_found_checked_and_rewritten(tmp_path: Path, given: Path, name: str) -> None:
    # Comments, wrapped rows, carriage returns, insertions and the dots of a2m.
    text = "#7\t1\n>query\r\nMKVL\r\nAAG\n>UniRef100_A taxid=1\nMK-Laa\nA.AG\n\n>b\n-------\n"
    content = gzip.compress(text.encode()) if name.endswith(".gz") else text
    row = collect_one(tmp_path, given, content, name)
    written = tmp_path / "out" / "03_msa" / f"{sha256(QUERY)}.a3m"
    expected = ">query\nMKVLAAG\n>UniRef100_A taxid=1\nMK-LaaAAG\n>b\n-------\n"
    assert written.read_text() == expected
    assert row == {
        "sha256": sha256(QUERY),
        "length": 7,
        "provider": "directory",
        "path": f"03_msa/{sha256(QUERY)}.a3m",
        "depth": 3,
        "file_sha256": sha256(expected),
        "error": None,
        "coverage": pytest.approx(6 / 14),
        "origin": name,
        "failure": None,
    }


def test_hash_wins_over_accession(tmp_path: Path, given: Path) -> None:
    (given / f"{sha256(QUERY)}.a3m").write_text(f">q\n{QUERY}\n>a\n{QUERY}\n")
    assert collect_one(tmp_path, given, "rubbish")["depth"] == 2


def test_sequence_without_file_is_single(tmp_path: Path, given: Path) -> None:
    (given / "P00002.a3m").write_text(f">q\n{QUERY}\n")
    config = MsaConfig(provider="directory,none", directory=given)
    (row,) = collect(sequences(tmp_path, "P00001"), config, tmp_path / "03_msa").to_pylist()
    assert (row["provider"], row["depth"], row["path"], row["failure"]) == ("none", 1, None, None)


def test_canonical_stand_in_takes_the_alignment_of_the_entry(tmp_path: Path, given: Path) -> None:
    (given / "P00001.a3m").write_text(f">q\n{QUERY}\n>a\n{QUERY}\n")
    (given / "P00001-2.a3m").write_text(">isoform\nMK\n")
    table = sequences(tmp_path, "P00001-2")
    config = MsaConfig(provider="directory", directory=given)
    (row,) = collect(table, config, tmp_path / "03_msa").to_pylist()
    assert (row["depth"], row["error"]) == (2, None)


def test_letters_that_boltz_does_not_tell_apart_are_the_same_query(tmp_path: Path, given: Path) -> None:
    (given / "P00001.a3m").write_text(">q\nMXK\n")
    table = sequences(tmp_path, "P00001", fasta=">P00001\nMUK\n")
    config = MsaConfig(provider="directory", directory=given)
    assert by(collect(table, config, tmp_path / "03_msa"), "sha256")[sha256("MUK")]["error"] is None


MALFORMED = {
    "empty": (b"", "line 1: the file holds no FASTA record"),
    "no header": (b"MKVLAAG\n", "line 1: expected a header"),
    "comment only": (b"#7\t1\n", "line 1: the file holds no FASTA record"),
    "other query": (b">q\nMKVLAAC\n", "line 1: the first row .* is not the sequence"),
    "short query": (b">q\nMKVLAA\n", "line 1: the first row .6 columns. is not the sequence .*7 residues"),
    "query with gap": (b">q\nMKV-LAAG\n", "line 1: the first row"),
    "query with insertion": (b">q\nMKVLAAg\n", "line 1: the first row"),
    "empty query": (b">q\n>b\nMKVLAAG\n", "line 1: the first row"),
    "ragged row": (b">q\nMKVLAAG\n>b\nMKVLAA\n", "line 3: the row below has 6 columns"),
    "long row": (b">q\nMKVLAAG\n>b\nMKVLAAGG\n", "line 3: the row below has 8 columns"),
    "empty row": (b">q\nMKVLAAG\n>b\n>c\nMKVLAAG\n", "line 3: the row below has 0 columns"),
    "number": (b">q\nMKVLAAG\n>b\nMKVL1AG\n", "line 3: the row below has '1'"),
    "stop": (b">q\nMKVLAAG*\n", "line 1: the row below has '\\*'"),
    "joined by nul": (b">q\nMKVLAAG\n\x00>b\nMK\n", "line 1: the row below has '\\\\x00'"),
    "space in a row": (b">q\nMKV LAAG\n", "line 1: the row below has ' '"),
    "latin-1": (b">q\nMKVLAAG\n>prot\xe9ine\nMKVLAAG\n", "line 3: not UTF-8"),
    "truncated gzip": (gzip.compress(b">q\nMKVLAAG\n" * 99)[:-9], "gzip file is truncated"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_alignment_is_an_error_of_its_sequence(tmp_path: Path, given: Path, name: str) -> None:
    content, reason = MALFORMED[name]
    row = collect_one(tmp_path, given, content)
    assert (row["provider"], row["path"], row["depth"], row["file_sha256"]) == ("directory", None, 0, None)
    with pytest.raises(InputError, match=rf"P00001\.a3m.*{reason}"):
        list(read(given / "P00001.a3m", QUERY))
    assert str(given / "P00001.a3m") in row["error"]
    assert list((tmp_path / "out" / "03_msa").iterdir()) == []


def test_absent_folder(tmp_path: Path) -> None:
    config = MsaConfig(provider="directory", directory=tmp_path / "absent")
    with pytest.raises(InputError, match=r"absent: no such folder \(msa\.directory\)"):
        collect(sequences(tmp_path, "P00001"), config, tmp_path / "03_msa")


def test_real_alignment(shared_data: Path) -> None:
    path = shared_data / "msa" / "boltz_seq1.a3m"
    query = path.read_text().split("\n")[1]
    assert sum(1 for _ in read(path, query)) == path.read_text().count(">")

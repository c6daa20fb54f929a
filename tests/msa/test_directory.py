"""What a folder of alignments may look like: one table of layouts, in a stated order."""

import gzip
import hashlib
from pathlib import Path

import pytest

from foldcp.errors import InputError, UnreadableError
from foldcp.msa import a3m
from foldcp.msa.directory import Directory, listing
from foldcp.msa.own import OwnAlignments, possible
from foldcp.msa.query import Query


def query(sequence: str, *names: str) -> Query:
    return Query(hashlib.sha256(sequence.encode()).hexdigest(), sequence, names)


ONE, TWO = query("MKVLAAG", "P00001", "P00002"), query("GGHH", "P00003")
QUERY = ONE.sequence


def aligned(row: str, sequence: str = QUERY) -> str:
    return f">q\n{sequence}\n>{row}\n{row}\n"


def put(folder: Path, *files: str, sequence: str = QUERY) -> None:
    """Write alignments whose second row is their number, in letters: A, B, ..."""
    for number, file in enumerate(files):
        row = chr(ord("A") + number) * len(sequence)
        text = f"key,sequence\n,{sequence}\n7,{row}\n" if ".csv" in file else aligned(row, sequence)
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(text.encode()) if file.endswith(".gz") else text.encode())


ORDER = [
    f"{ONE.sha256}.a3m",
    f"{ONE.sha256}.a3m.gz",
    f"{ONE.sha256}.csv",
    f"{ONE.sha256}/non_pairing.a3m",
    "P00001.a3m",
    "P00001.csv",
    "P00001.csv.gz",
    "P00001/pairing.a3m",
    "P00001/non_pairing.a3m.gz",
    "P00002.csv.gz",
    "P00002/pairing.a3m.gz",
]


def test_every_layout_is_found_in_the_stated_order(tmp_path):
    put(tmp_path, *ORDER)
    for number, file in enumerate(ORDER):
        found = Directory(tmp_path)
        assert found.has(ONE) and found.origin(ONE) == file
        first, second, *more = (row for _, row in found.read(ONE))
        assert (first, second) == (QUERY, chr(ord("A") + number) * 7)
        # The rows that are not to be paired come after those that are.
        assert more == (["I" * 7] if file == "P00001/pairing.a3m" else [])
        (tmp_path / file).unlink()
    assert not Directory(tmp_path).has(ONE)


def test_a_pair_is_checked_in_both_files(tmp_path):
    put(tmp_path, "P00001/pairing.a3m", "P00001/non_pairing.a3m")
    (tmp_path / "P00001/non_pairing.a3m").write_text(aligned("GGHH", "GGHH"))
    with pytest.raises(InputError, match=r"P00001/non_pairing\.a3m, line 1: the first row"):
        list(Directory(tmp_path).read(ONE))


def test_a_folder_without_alignments_is_none(tmp_path):
    (tmp_path / "P00001").mkdir()
    (tmp_path / "P00002.a3m").mkdir()
    assert not Directory(tmp_path).has(ONE)


def test_a_folder_that_cannot_be_listed(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(UnreadableError, match="cannot be listed: Permission denied"):
        listing(tmp_path)


@pytest.mark.parametrize("number", [1, 2])
def test_a_real_pair(shared_data, tmp_path, number):
    files = {
        part: shared_data / f"msa/opendde_7wux_{number}_{part}.a3m" for part in ("pairing", "non_pairing")
    }
    sequence = files["pairing"].read_text().split("\n")[1]
    (tmp_path / "P00001").mkdir()
    for part, file in files.items():
        (tmp_path / f"P00001/{part}.a3m").symlink_to(file)
    rows = list(Directory(tmp_path).read(query(sequence, "P00001")))
    paired, others = (list(a3m.read(file, sequence)) for file in files.values())
    marked = [(f"{header} Key=-", row) for header, row in others[1:]]
    assert rows == paired + marked and len(rows) == len(paired) + len(others) - 1 > 500
    assert rows[1][0].startswith("UniRef100_")


# Complexes: c and d of the same two proteins, with a molecule that is none between them.


def own(folder: Path, **complexes) -> OwnAlignments:
    proteins = {ONE.sha256, TWO.sha256, *ONE.names, *TWO.names}
    return OwnAlignments(Directory(folder), complexes or {"c": [ONE, None, TWO]}, proteins)


def found(alignments: OwnAlignments) -> dict[tuple[str, str], str]:
    return {(q.complex_id, q.sequence): alignments.origin(q) for q in alignments.queries}


OF_ONE = [
    f"c.{ONE.sha256}.a3m.gz",
    f"c.{ONE.sha256}.csv",
    "c/1.a3m",
    "c/1.csv.gz",
    "c/1/pairing.a3m",
    "c/1/non_pairing.a3m",
    "c/msa/1.csv",
    "c/msa/1/pairing.a3m.gz",
    "c/msa/1/non_pairing.a3m",
]


def test_own_alignments_are_found_in_the_stated_order(tmp_path):
    put(tmp_path, *OF_ONE)
    for number, file in enumerate(OF_ONE):
        alignments = own(tmp_path)
        assert found(alignments) == {("c", QUERY): file}
        (it,) = alignments.queries
        assert alignments.has(it) and it.stem == f"c.{ONE.sha256}"
        assert next(row for _, row in list(alignments.read(it))[1:]) == chr(ord("A") + number) * 7
        (tmp_path / file).unlink()
    assert found(own(tmp_path)) == {}


def test_members_are_numbered_as_in_the_table(tmp_path):
    put(tmp_path, "c/3.a3m", "d/msa/1/pairing.a3m", sequence=TWO.sequence)
    put(tmp_path, "d/2.csv")
    both = {"c": [ONE, None, TWO], "d": [TWO, ONE], "e": [ONE, TWO]}
    assert found(own(tmp_path, **both)) == {
        ("c", "GGHH"): "c/3.a3m",
        ("d", "GGHH"): "d/msa/1/pairing.a3m",
        ("d", QUERY): "d/2.csv",
    }


def test_members_of_one_sequence_share_the_first_file(tmp_path):
    put(tmp_path, "c/1.a3m", "c/2.a3m")
    assert found(own(tmp_path, c=[ONE, ONE])) == {("c", QUERY): "c/1.a3m"}


@pytest.mark.parametrize("stray", ["c/2.a3m", "c/4.csv", "c/0.a3m", "c/01.a3m", "c/msa/7/non_pairing.a3m.gz"])
def test_a_number_that_is_no_protein_is_an_error_of_all_of_the_complex(tmp_path, stray):
    put(tmp_path, stray, "c/1.a3m")
    alignments = own(tmp_path)
    assert {q.sequence for q in alignments.queries} == {"MKVLAAG", "GGHH"}
    for it in alignments.queries:
        with pytest.raises(
            InputError, match=rf"{stray}: named after no protein .* 3 members from 1; .*: 1, 3"
        ):
            alignments.read(it)


def test_other_files_and_folders_are_nobodys(tmp_path):
    put(tmp_path, "c/1.a3m", "c/x.a3m", "c/2.json", "c/2/rna.a3m", "c/msa/notes.txt", "x.a3m")
    assert found(own(tmp_path)) == {("c", QUERY): "c/1.a3m"}


WHOLE = "#7,4\t1,1\n>101\t102\nMKVLAAGGGHH\n>a\nMKV----GG--\n"


@pytest.mark.parametrize("name", ["c.a3m", "c.a3m.gz"])
def test_one_file_of_the_whole_complex(tmp_path, name):
    (tmp_path / name).write_bytes(gzip.compress(WHOLE.encode()) if name.endswith("gz") else WHOLE.encode())
    alignments = own(tmp_path)
    assert found(alignments) == {("c", QUERY): name, ("c", "GGHH"): name}
    rows = {q.sequence: list(alignments.read(q)) for q in alignments.queries}
    assert rows["GGHH"] == [("101\t102", "GGHH"), ("a Key=2", "GG--")]
    # Files of single chains go before it.
    put(tmp_path, "c/1.a3m")
    assert found(own(tmp_path)) == {("c", QUERY): "c/1.a3m"}


@pytest.mark.parametrize("name", ["P00001", "P00003", ONE.sha256])
def test_a_file_of_a_protein_is_not_that_of_a_complex_of_the_same_name(tmp_path, name):
    (tmp_path / f"{name}.a3m").write_text(WHOLE)
    assert found(own(tmp_path, **{name: [ONE, TWO]})) == {}
    put(tmp_path, f"{name}/1.a3m")
    assert len(found(own(tmp_path, **{name: [ONE, TWO]}))) == 1


def test_what_complexes_may_be_called(tmp_path):
    put(tmp_path, f"c.{ONE.sha256}.a3m.zst", "d.1.a3m", "e/1.a3m", "f.csv.gz")
    assert {"c", "d.1", "e", "f"} <= possible(Directory(tmp_path))


def test_an_own_alignment_is_lent_unless_there_is_one(tmp_path):
    put(tmp_path, "d/1.a3m", "e/1.a3m")
    put(tmp_path, "c/1.a3m", "c/3.a3m", sequence="GGHH")  # of another protein, and right
    directory = Directory(tmp_path)
    complexes = {name: [ONE, None, TWO] for name in "edc"}
    alignments = OwnAlignments(directory, complexes, ())
    assert not directory.has(ONE)
    alignments.lend_all()
    assert (directory.origin(ONE), directory.origin(TWO)) == ("d/1.a3m", "c/3.a3m")
    put(tmp_path, "P00002.a3m")
    directory = Directory(tmp_path)
    OwnAlignments(directory, complexes, ()).lend_all()
    assert directory.origin(ONE) == "P00002.a3m"


def test_a_file_that_cannot_be_read_lends_nothing_and_is_told(tmp_path):
    (tmp_path / "c").mkdir()
    (tmp_path / "c/1.a3m").symlink_to("/proc/self/mem")
    with pytest.raises(UnreadableError, match=r"c/1\.a3m: cannot be read"):
        own(tmp_path).lend_all()
    put(tmp_path, "P00001.a3m")  # nothing has to be lent, and nothing is read
    own(tmp_path).lend_all()

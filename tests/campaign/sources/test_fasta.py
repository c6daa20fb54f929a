import gzip
import re
from pathlib import Path

import pytest

from foldcp.campaign.sources import fasta
from foldcp.errors import InputError


def write(path: Path, content: str | bytes) -> Path:
    data = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
    return path


HEADERS = {
    "sp|P04637|P53_HUMAN Cellular tumor antigen p53 OS=Homo sapiens OX=9606 GN=TP53 PE=1 SV=4": (
        "P04637",
        "Cellular tumor antigen p53",
        9606,
    ),
    "tr|A0A024R1R8|A0A024R1R8_HUMAN HCG OS=Homo sapiens OX=9606": ("A0A024R1R8", "HCG", 9606),
    "sp|P04637-2|P53_HUMAN Isoform 2 of Cellular tumor antigen p53 OS=Homo sapiens OX=9606": (
        "P04637-2",
        "Isoform 2 of Cellular tumor antigen p53",
        9606,
    ),
    "sp|P04637": ("P04637", None, None),
    "9606.ENSP00000000233": ("ENSP00000000233", None, 9606),
    "ENSP00000000233.5 pep chromosome": ("ENSP00000000233", "pep chromosome", None),
    "ENSMUSP00000000233": ("ENSMUSP00000000233", None, None),
    "4932.YAL001C": ("4932.YAL001C", None, None),
    "URS000012D749_559292 Saccharomyces U6": ("URS000012D749", "Saccharomyces U6", 559292),
    "URS000012D749": ("URS000012D749", None, None),
    "my_protein\twith a tab": ("my_protein", "with a tab", None),
    "  spaced  out": ("spaced", "out", None),
    "gi|123|ref|NP_1.1| something": ("gi|123|ref|NP_1.1|", "something", None),
}


@pytest.mark.parametrize("header", HEADERS)
def test_header(tmp_path: Path, header: str) -> None:
    (record,) = fasta.read(write(tmp_path / "x.fasta", f">{header}\nMKV\n"))
    assert (record.key, record.description, record.taxid) == HEADERS[header]


@pytest.mark.parametrize(
    "body",
    [
        "MKVLA\n",
        "MKV\nLA",
        "mkvla\n",
        "MKV LA*\n",
        "MK\r\nVLA\r\n",
        "\n\nMKVLA\n\n",
        " MKV\t\nLA \n",
        "MKVLA*",
    ],
)
def test_sequence_is_read_whatever_its_layout(tmp_path: Path, body: str) -> None:
    records = list(fasta.read(write(tmp_path / "x.fa", f"\ufeff>a\n{body}\n>b\nUOBZJX\n")))
    assert [r.sequence for r in records] == ["MKVLA", "UOBZJX"]


def test_gzip_is_recognised_by_content(tmp_path: Path) -> None:
    plain_named_gz = tmp_path / "a.fasta"
    plain_named_gz.write_bytes(gzip.compress(b">a\nMK\n"))
    assert [r.key for r in fasta.read(plain_named_gz)] == ["a"]
    assert [r.key for r in fasta.read(write(tmp_path / "b.fasta.gz", ">b\nMK\n"))] == ["b"]


def test_collect_reads_folders_and_keeps_what_is_wanted(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    write(folder / "b.fa.gz", ">P2\nMKV\n>P3\nMK\n")
    write(folder / "a.FASTA", ">P1\nMK\n>P2\nMKV\n")
    write(folder / "notes.txt", "no FASTA")
    single = write(tmp_path / "c.seq", ">P4\nAA\n")
    assert sorted(fasta.collect([folder, single]).records) == ["P1", "P2", "P3", "P4"]
    assert sorted(fasta.collect([folder, single], {"P3", "P4", "P9"}).records) == ["P3", "P4"]
    assert fasta.collect([folder]).records["P2"].file == "a.FASTA"


def test_a_record_that_nobody_wants_can_do_no_harm(tmp_path: Path) -> None:
    text = ">a\nMK\n>a\nMKV\n>b\nMK\n>c\nM*K\n>d\nMK1\n>e\n>\nMK\n"
    records, flaws = fasta.collect([write(tmp_path / "x.fa", text)], {"b"})
    assert (list(records), flaws) == (["b"], {})


def test_two_sequences_of_one_key_are_neither(tmp_path: Path) -> None:
    write(tmp_path / "x.fa", ">a\nMK\n>b\nMKV\n")
    write(tmp_path / "y.fa", ">b\nmkv\n>a\nMKV\n>a\nMKVL\n")
    records, flaws = fasta.collect([tmp_path])
    assert list(records) == ["b"]
    reason = "y.fa, line 3: a has another sequence here than in x.fa, line 1; keep one of them"
    assert flaws == {"a": ("a", "duplicate_sequence", reason)}


@pytest.mark.parametrize("text", [">a\nM1\n>a\nMK\n", ">a\nMK\n>a\nM1\n"])
def test_a_flawed_record_is_not_replaced_by_a_later_one(tmp_path: Path, text: str) -> None:
    records, flaws = fasta.collect([write(tmp_path / "x.fa", text)])
    assert (records, flaws["a"].code) == ({}, "malformed_sequence")


_GZ = gzip.compress(b">a\nMKVLAAGIVG\n" * 500, mtime=0)
_LETTERS = ["ß", "ſ", *"1309-.?!@#$%&()+,/:;=[]^_{}~|\\\"'<", *"αéµⅤ²–", "*", "\x00", "\x07", "\x7f"]

NO_FASTA: dict[str, tuple[bytes, str]] = {
    "empty file": (b"", "line 1: .*no FASTA record"),
    "blank lines": (b"\n \n\t\n", "line 1: .*no FASTA record"),
    "no header": (b"MKVLA\n", "line 1: expected a header"),
    "text first": (b"hello\n>a\nMK\n", "line 1: expected a header"),
    "late header": (b"\n\nMK\n>a\nMK\n", "line 3: expected a header"),
    "html page": (b"<!DOCTYPE html><html></html>", "line 1: expected a header"),
    "json": (b'{"results": []}', "line 1: expected a header"),
    "csv": (b"id,sequence\na,MK\n", "line 1: expected a header"),
    "genbank": (b"LOCUS       NP_000537\n", "line 1: expected a header"),
    "clustal": (b"CLUSTAL W\n\na MK\n", "line 1: expected a header"),
    "comment": (b"; old style\n>a\nMK\n", "line 1: expected a header"),
    "long first line": (b"M" * 5000, "line 1: expected a header"),
    "zip": (b"PK\x03\x04\x14\x00\x00\x00", "line 1: expected a header"),
    "bzip2": (b"BZh91AY&SY\x80\xff", "line 1: not UTF-8"),
    "cut zstd": (b"\x28\xb5\x2f\xfd\x24", "after line 0: the zstd file is truncated"),
    "utf-16": (">a\nMK\n".encode("utf-16"), "line 1: not UTF-8"),
    "latin-1 header": (">prot\xe9ine\nMK\n".encode("latin-1"), "line 1: not UTF-8"),
    "latin-1 sequence": (b">a\nMK\n>b\nM\xe9K\n", "line 4: not UTF-8"),
    "gzip cut in half": (_GZ[: len(_GZ) // 2], "gzip file is truncated"),
    "gzip without its end": (_GZ[:-5], "gzip file is truncated"),
    "gzip header alone": (_GZ[:6], "gzip file is truncated"),
    "gzip with bad checksum": (_GZ[:-8] + b"\x00" * 8, "gzip file is truncated or damaged"),
    "gzip with damaged body": (_GZ[:20] + b"\xff" * 20 + _GZ[40:], "gzip file is truncated or damaged"),
    "gzip then rubbish": (_GZ + b"rubbish", "gzip file is truncated or damaged"),
    "gzip of no FASTA": (gzip.compress(b"hello"), "line 1: expected a header"),
    "gzip of nothing": (gzip.compress(b""), "no FASTA record"),
}
FLAWED: dict[str, tuple[bytes, str]] = {
    "no identifier": (b">\nMK\n", "line 1: the header '>' has no identifier"),
    "spaces for identifier": (b">   \nMK\n", "line 1: .*no identifier"),
    "no accession": (b">sp||P53_HUMAN\nMK\n", "line 1: .*no identifier"),
    "no tr accession": (b">a\nMK\n>tr|\nMK\n", "line 3: .*no identifier"),
    "control in identifier": (b">a\x01b\nMK\n", "line 1: .*no identifier"),
    "nul identifier": (b">\x00\nMK\n", "line 1: .*no identifier"),
    "no sequence": (b">a\n>b\nMK\n", "line 1: a has no sequence"),
    "no sequence at the end": (b">a\nMK\n>b\n", "line 3: b has no sequence"),
    "blank sequence": (b">a\n\n  \n>b\nMK\n", "line 1: a has no sequence"),
    "only a stop": (b">a\n*\n", "line 1: a has no sequence"),
    "header alone": (b">a", "line 1: a has no sequence"),
    "stop inside": (b">a\nMK\nM*K\n", "line 3: a has '\\*' in its sequence .*stop inside"),
    "two stops": (b">a\nMK**\n", "line 2: a has '\\*'"),
    "aligned": (b">a\nMK--VL\n", "line 2: a has '-' .*alignment"),
    "numbered": (b">a\n1 MKVLA\n", "line 2: a has '1'"),
    "header inside a line": (b">a\nMK>b\nMK\n", "line 2: a has '>'"),
} | {
    f"letter {letter!r}": (f">a\nMKV\nM{letter}K\n".encode(), f"line 3: a has {re.escape(repr(letter))}")
    for letter in _LETTERS
}


def test_there_are_enough_malformed_files() -> None:
    assert len(NO_FASTA | FLAWED) >= 60


@pytest.mark.parametrize("name", FLAWED)
def test_flawed_record_says_where_and_why_and_its_neighbours_are_read(tmp_path: Path, name: str) -> None:
    content, reason = FLAWED[name]
    path = tmp_path / "bad.fasta"
    path.write_bytes(content.rstrip(b"\n") + b"\n>good\nMKVL\n")
    records, flaws = fasta.collect([path])
    assert "good" in records and set(records) <= {"a", "b", "good"}
    ((key, flaw),) = flaws.items()
    assert (flaw.key, flaw.code) == (key, "malformed_sequence") and key not in records
    assert re.match(r"bad\.fasta, " + reason, flaw.reason)


@pytest.mark.parametrize("name", NO_FASTA)
def test_what_is_no_fasta_is_refused_with_its_place(tmp_path: Path, name: str) -> None:
    content, reason = NO_FASTA[name]
    path = tmp_path / "bad.fasta"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"bad\.fasta.*" + reason):
        fasta.collect([path])


def test_absent_and_empty_places(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such FASTA file or folder"):
        fasta.collect([tmp_path / "absent.fasta"])
    with pytest.raises(InputError, match=r"no FASTA file in this folder; .*\.fasta"):
        fasta.collect([tmp_path])
    with pytest.raises(InputError, match="cannot be read"):
        list(fasta.read(tmp_path))


def test_real_proteome(shared_data: Path) -> None:
    path = shared_data / "sequences" / "yeast_UP000002311_2023_11_30.fasta"
    records, flaws = fasta.collect([path])
    assert not flaws
    assert len(records) == path.read_bytes().count(b"\n>") + 1
    assert records["P00445"].taxid == 559292
    assert records["P00445"].description == "Superoxide dismutase [Cu-Zn]"

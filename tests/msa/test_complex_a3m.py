"""An alignment of a whole complex, as ColabFold writes it, taken apart by its columns."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msa.test_a3m import packed

from foldcp.errors import InputError
from foldcp.msa.complex_a3m import read

A, B, C = "MKVLA", "GGHH", "WYW"
TOGETHER = [A, B, C]
TEXT = """\
#5,4,3\t1,2,1
>101\t102\t103
MKVLAGGHHWYW
>UniRef100_A\t0.9\tUniRef100_B\t0.8
MK-LAaaGGhHHW-W
>two
-----GG-HWYW
>ends
aMKVLAtGGHHuWYWv
>101
MKVLA-------
>UniRef100_C OX=9606
MK--A-------
>gaps
------------
>102
-----GGHH---
>d
-----GccG-H---
>103
---------WYW
>e
---------W-W
"""
ROWS = {
    A: [
        ("101\t102\t103", "MKVLA"),
        ("UniRef100_A\t0.9\tUniRef100_B\t0.8 Key=2", "MK-LAaa"),
        ("ends Key=4", "aMKVLAt"),
        ("UniRef100_C OX=9606 Key=-", "MK--A"),
    ],
    B: [
        ("101\t102\t103", "GGHH"),
        ("UniRef100_A\t0.9\tUniRef100_B\t0.8 Key=2", "GGhHH"),
        ("two Key=3", "GG-H"),
        ("ends Key=4", "GGHHu"),
        ("d Key=-", "GccG-H"),
    ],
    C: [
        ("101\t102\t103", "WYW"),
        ("UniRef100_A\t0.9\tUniRef100_B\t0.8 Key=2", "W-W"),
        ("two Key=3", "WYW"),
        ("ends Key=4", "WYWv"),
        ("e Key=-", "W-W"),
    ],
}


@pytest.fixture
def path(tmp_path):
    (tmp_path / "c.a3m").write_text(TEXT)
    return tmp_path / "c.a3m"


@pytest.mark.parametrize("sequence", TOGETHER)
def test_each_chain_gets_its_columns_and_the_keys_of_paired_rows(path, sequence):
    assert list(read(path, sequence, TOGETHER)) == ROWS[sequence]


@pytest.mark.parametrize("sequence", TOGETHER)
def test_the_order_of_members_is_not_that_of_chains_and_files_may_be_packed(tmp_path, sequence):
    path = packed(tmp_path / "c.a3m.zst", TEXT.replace("\n", "\r\n").encode())
    assert list(read(path, sequence, [C, A, B])) == ROWS[sequence]


def test_without_paired_rows_each_block_starts_with_its_query(tmp_path):
    path = tmp_path / "c.a3m"
    path.write_text("#5,4\t1,1\n>101\nMKVLA----\n>a\nMK---GG--\n>102\n-----GGHH\n>b\n-----GG-H\n")
    # The row above the query of the second chain is taken for it, and is not.
    with pytest.raises(InputError, match=r"c\.a3m: chain 2 \(4 residues, GG--\) is none of this complex"):
        list(read(path, A, [A, B]))
    path.write_text(
        "#5,4\t1,1\n>101\nMKVLA----\n>a\nMK-------\n>102\n-----GGHH\n>b\n-----GG-H\n>c\nMK---GG--\n"
    )
    assert list(read(path, A, [A, B])) == [("101", A), ("a Key=-", "MK---"), ("c Key=5", "MK---")]
    assert list(read(path, B, [A, B])) == [("102", B), ("b Key=-", "GG-H"), ("c Key=5", "GG--")]


def test_a_hit_that_equals_the_query_stays(tmp_path):
    path = tmp_path / "c.a3m"
    path.write_text("#5,4\t1,1\n>101\t102\nMKVLAGGHH\n>101\nMKVLA----\n>UniRef100_Q TaxID=9\nMKVLA----\n")
    assert list(read(path, A, [A, B])) == [("101\t102", A), ("UniRef100_Q TaxID=9 Key=-", A)]


def test_letters_that_boltz_does_not_tell_apart(tmp_path):
    path = tmp_path / "c.a3m"
    path.write_text("#3,4\t1,1\n>101\t102\nMXKGGHH\n")
    assert list(read(path, "MUK", ["MUK", B])) == [("101\t102", "MXK")]


MALFORMED = {
    "empty": ("", "line 1: got ''; an alignment of a whole complex starts with #<lengths"),
    "no first line": (">101\nMKVLAGGHHWYW\n", "line 1: got '>101'"),
    "copies missing": ("#5,4,3\n>101\nMKVLAGGHHWYW\n", "line 1: got '#5,4,3'"),
    "fewer copies": ("#5,4,3\t1,1\n>101\nMKVLAGGHHWYW\n", "line 1: got '#5,4,3"),
    "a length of 0": ("#5,4,3,0\t1,1,1,1\n>101\nMKVLAGGHHWYW\n", "line 1: got"),
    "no rows": ("#5,4,3\t1,1,1\n", "line 1: the file holds no FASTA record"),
    "short row": ("#5,4,3\t1,1,1\n>101\nMKVLAGGHHWY\n", "line 2: the row below has 11 columns, .* make 12"),
    "late short row": (TEXT + ">x\nMK\n", "line 24: the row below has 2 columns"),
    "letters": (TEXT + ">x\nMKVLAGGHHWY?\n", "line 24: the row below has '.?'"),
    "chain of another complex": (TEXT.replace("MKVLAG", "MKVLCG"), "chain 1 .5 residues, MKVLC. is none of"),
    "a chain too many": (
        "#5,4,3,1\t1,1,1,1\n>101\nMKVLAGGHHWYWA\n",
        "chain 4 .1 residues, A. is none of this complex",
    ),
    "a member without chain": (
        "#5,4\t1,1\n>101\nMKVLAGGHH\n",
        "lacks the complex's protein of 3 residues, WYW",
    ),
    "a chain without residues": (
        "#5,4,3\t1,1,1\n>101\nMKVLAGGHH---\n",
        "no row has residues in chain 3 of the 3",
    ),
    "not text": ("#5,4,3\t1,1,1\n>101\nMKVLAGGHHWYW\n>\udce9\n", "line 4: not UTF-8"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed(tmp_path, name):
    text, reason = MALFORMED[name]
    path = tmp_path / "c.a3m"
    path.write_bytes(text.encode(errors="surrogateescape"))
    for sequence in TOGETHER:
        with pytest.raises(InputError, match=rf"c\.a3m.*{reason}"):
            list(read(path, sequence, TOGETHER))


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused_with_its_name(tmp_path, data):
    text = bytearray(TEXT.encode())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at : at + data.draw(st.integers(0, 3))] = data.draw(
            st.one_of(st.binary(max_size=3), st.sampled_from([b"\n", b"#", b">", b",9", b"-", b"a", b"\t"]))
        )
    path = tmp_path / "fuzz.a3m"
    path.write_bytes(text)
    for sequence in TOGETHER:
        try:
            rows = list(read(path, sequence, TOGETHER))
        except InputError as error:
            assert str(path) in str(error) and "\n" not in str(error)
        else:
            widths = {sum(c == "-" or c.isupper() for c in row) for _, row in rows}
            assert widths == {len(sequence)} and rows[0][1].replace("-", "")

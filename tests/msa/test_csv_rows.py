"""`key,sequence` CSV alignments: streamed and strict, and the same residues as Boltz's own reader finds."""

import gzip
import itertools
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msa.test_a3m import packed

from foldcp.errors import InputError
from foldcp.msa import csv_rows

QUERY = "MKVLAAG"
ROWS = [("1", "MKVLAAG"), ("2 Key=9606", "MK-LaaAAG"), ("3", "-------"), ("4 Key=7", "MKVLAAG")]
GOOD = "key,sequence\n,MKVLAAG\n9606,MK-LaaAAG\n,-------\n7,MKVLAAG\n"
SAME = {
    "plain": GOOD,
    "other order": "sequence,key\nMKVLAAG,\nMK-LaaAAG,9606\n-------,\nMKVLAAG,7\n",
    "carriage returns": GOOD.replace("\n", "\r\n"),
    "byte order mark": "\ufeff" + GOOD,
    "quotes": GOOD.replace("9606", '"9606"').replace("MK-LaaAAG", '"MK-LaaAAG"').replace("key", '"key"'),
    "blank lines": "\n" + GOOD.replace("\n", "\n\n"),
    "no end of line": GOOD[:-1],
    "dots": GOOD.replace("LaaAAG", "L.aa.AAG"),
    "spaces": GOOD.replace("MK-", " MK-").replace("7,", " 7 ,"),
    "floats": GOOD.replace("9606", "9606.0").replace("7,", "7.0,"),
    "not a number": GOOD.replace("\n,", "\nnan,"),
    "Boltz's none": GOOD.replace("\n,", "\n-1,"),
}


@pytest.mark.parametrize("name", SAME)
def test_the_same_rows_however_they_are_written(tmp_path, name):
    path = tmp_path / "a.csv"
    path.write_bytes(SAME[name].encode())
    assert list(csv_rows.read(path, QUERY)) == ROWS


def test_packed(tmp_path):
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(GOOD.encode()))
    packed(tmp_path / "a.csv.zst", GOOD.encode())
    for name in ("a.csv.gz", "a.csv.zst"):
        assert list(csv_rows.read(tmp_path / name, QUERY)) == ROWS


def test_a_key_may_be_any_text_unless_boltz_has_to_read_it(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("key,sequence\n,MKVLAAG\nSaccharomyces cerevisiae,MKVLAA-\n")
    assert list(csv_rows.read(path, QUERY))[1] == ("2 Key=Saccharomyces cerevisiae", "MKVLAA-")
    with pytest.raises(InputError, match=r"a\.csv, line 3: the key 'Saccharomyces cerevisiae' is no whole"):
        list(csv_rows.read(path, QUERY, whole_keys=True))


@pytest.mark.parametrize("key", [2**31 - 1, 2**31, -(2**31), -(2**31) - 1])
def test_whole_keys_are_of_32_bits(tmp_path, key):
    path = tmp_path / "a.csv"
    path.write_text(f"key,sequence\n,MKVLAAG\n{key},MKVLAA-\n")
    assert list(csv_rows.read(path, QUERY))[1] == (f"2 Key={key}", "MKVLAA-")
    if key in (2**31 - 1, -(2**31)):
        assert list(csv_rows.read(path, QUERY, whole_keys=True))[1][0] == f"2 Key={key}"
    else:
        with pytest.raises(InputError, match=rf"line 3: the key '{key}' is no whole number of 32 bits"):
            list(csv_rows.read(path, QUERY, whole_keys=True))


HEAD = "key,sequence\n"
MALFORMED = {
    "empty": ("", "line 1: the columns are nothing; valid: key,sequence"),
    "blank": ("\n\n", "line 1: the columns are nothing"),
    "no rows": (HEAD, "line 1: no row follows"),
    "no header": (",MKVLAAG\n", "line 1: the columns are '', 'MKVLAAG'"),
    "an a3m": (">q\nMKVLAAG\n", "line 1: the columns are '>q'"),
    "missing column": ("sequence\nMKVLAAG\n", "line 1: the columns are 'sequence'"),
    "extra column": ("key,sequence,id\n,MKVLAAG,1\n", "line 1: the columns are 'key', 'sequence', 'id'"),
    "column twice": ("key,key\n,MKVLAAG\n", "line 1: the columns are 'key', 'key'"),
    "index of pandas": (",key,sequence\n0,,MKVLAAG\n", "line 1: the columns are '', 'key', 'sequence'"),
    "missing field": (HEAD + ",MKVLAAG\nMKVLAAG\n", "line 3: 1 fields"),
    "extra field": (HEAD + ",MKVLAAG\n1,MKVLAAG,x\n", "line 3: 3 fields"),
    "other query": (HEAD + ",MKVLAAC\n", "line 2: the first row .7 columns. is not the sequence"),
    "lower case query": (HEAD + ",mkvlaag\n", "line 2: the first row .0 columns."),
    "ragged": (HEAD + ",MKVLAAG\n,MKV\n", "line 3: the row has 3 columns, the first row has 7"),
    "empty row": (HEAD + ",MKVLAAG\n4,\n", "line 3: the row has 0 columns"),
    "number": (HEAD + ",MKVLAAG\n,MKVL1AG\n", "line 3: the row has '1'"),
    "nul": (HEAD + ",MKVLAAG\n,MKVL\0AG\n", "line 3: the row has '.x00'"),
    "nul in a key": (HEAD + ",MKVLAAG\na\0b,MKVLAAG\n", "line 3: the key 'a.x00b' has characters"),
    "wrapped": (HEAD + ',MKVLAAG\n,"MKVL\nAAG"\n', "line 3: not CSV"),
    "key of two lines": (HEAD + ',MKVLAAG\n"a\nb",MKVLAAG\n', "line 3: not CSV"),
    "open quote": (HEAD + ',MKVLAAG\n,"MKVLAAG\n,MKVLAAG\n', "line 3: not CSV .unexpected end of data"),
    "quote inside": (HEAD + ',MKVLAAG\n,"MK"VLAAG\n', "line 3: not CSV"),
    "old line ends": ("key,sequence\r,MKVLAAG\r", "line 1: not CSV"),
    "endless field": (
        HEAD + ",MKVLAAG\n," + "A" * 200_000 + "\n",
        "line 3: (not CSV .field larger|the row has 200000 columns)",
    ),
    "latin-1": (b"key,sequence\n,MKVLAAG\n\xe9,MKVLAAG\n", "line 3: not UTF-8"),
    "truncated": (gzip.compress(GOOD.encode() + b"8,MKVL---\n" * 999)[:-9], "gzip file is truncated"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed(tmp_path, name):
    content, reason = MALFORMED[name]
    path = tmp_path / "a.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(InputError, match=rf"a\.csv, .*{reason}"):
        list(csv_rows.read(path, QUERY))


@settings(deadline=None, max_examples=500, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused_with_file_and_line(tmp_path, data):
    text = bytearray(GOOD.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text) - 1))
        part = data.draw(
            st.one_of(
                st.binary(max_size=3),
                st.sampled_from(
                    [b"\n", b"\r\n", b'"', b",", b"\0", b"\xef\xbb\xbf", b"1e5", b"#", b"-", b"a"]
                ),
            )
        )
        text[at : at + data.draw(st.integers(0, 3))] = part
        if data.draw(st.integers(0, 9)) == 0:
            text = text[:at]
        text = text or bytearray(b",")
    path = tmp_path / "fuzz.csv"
    path.write_bytes(text)
    try:
        rows = list(csv_rows.read(path, QUERY))
    except InputError as error:
        assert f"{path}, " in str(error) and "line" in str(error) and "\n" not in str(error)
    else:
        columns = [sum(c == "-" or c.isupper() for c in row) for _, row in rows]
        assert rows and set(columns) == {len(QUERY)}
        assert all("\n" not in header and header.split()[0].isdigit() for header, _ in rows)


_row = st.lists(st.sampled_from("MKVLAAG-acd"), min_size=7, max_size=12).map("".join)
_key = st.one_of(st.just(""), st.integers(-(2**31), 2**31 - 1).map(str), st.integers(0, 9).map("{}.0".format))


@pytest.mark.model
@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(_key, _row), max_size=8),
    turned=st.booleans(),
    ends=st.sampled_from(["\n", "\r\n"]),
)
def test_boltz_reads_the_same(tmp_path, rows, turned, ends):
    from boltz.data import const
    from boltz.data.parse.csv import parse_csv

    path = tmp_path / "same.csv"
    fields = [("key", "sequence"), ("", QUERY), *rows]
    path.write_text("".join(",".join(pair[:: -1 if turned else 1]) + ends for pair in fields), newline="")
    try:
        ours = list(csv_rows.read(path, QUERY, whole_keys=True))
    except InputError:  # a row of another length
        return
    theirs = parse_csv(path)
    seen: dict[str, tuple[str, str]] = {}
    for header, row in ours:  # Boltz takes rows of the same residues once
        seen.setdefault(row.replace("-", "").upper(), (header, row))
    assert len(theirs.sequences) == len(seen)
    for (header, row), got in zip(seen.values(), theirs.sequences, strict=True):
        residues = theirs.residues["res_type"][got["res_start"] : got["res_end"]]
        wanted = [const.token_ids[const.prot_letter_to_token[c]] for c in row if not c.islower()]
        assert np.array_equal(residues, wanted)
        assert int(got["taxonomy"]) == int(header.partition(" Key=")[2] or -1)


def test_a_million_rows_take_no_memory(tmp_path):
    path = tmp_path / "deep.csv"
    with path.open("w") as handle:
        handle.write("key,sequence\n,MKVLAAG\n")
        for start in range(0, 1_000_000, 1000):
            handle.write("".join(f"{number},MK--aAAG\n" for number in range(start, start + 1000)))
    rows = csv_rows.read(path, QUERY)
    # To trace is slow. What gathers rows, or reads ahead, is seen in the first of them.
    tracemalloc.start()
    count = sum(1 for _ in itertools.islice(rows, 50_000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 19
    assert count + sum(1 for _ in rows) == 1_000_001


def test_a_first_row_of_other_letters(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("key,sequence\n,MXVLAAC\n")
    with pytest.raises(InputError, match=r"first row \(7 columns\)"):
        list(csv_rows.read(path, QUERY, {1}))
    assert list(csv_rows.read(path, QUERY, {1, 6})) == [("1", "MXVLAAC")]
    with pytest.raises(InputError, match=r"first row \(7 columns\)"):
        list(csv_rows.read(path, "MKVLAAGG", {1}))

"""The reader is streamed and strict; a merge keeps the query as it was asked for."""

import random
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foldcp.errors import InputError
from foldcp.msa import a3m

QUERY = "MKVLAAG"
GOOD = ">query\nMKVLAAG\n>UniRef100_A n=1 Tax=Yeast TaxID=4932 RepID=A\nMK-LaaAAG\n"


def packed(path: Path, text: bytes) -> Path:
    with path.open("wb") as raw, pa.CompressedOutputStream(raw, "zstd") as stream:
        stream.write(text)
    return path


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_zstd_and_line_ends(tmp_path, ends):
    path = packed(tmp_path / "a.a3m.zst", GOOD.replace("\n", ends).encode())
    rows = list(a3m.read(path, QUERY))
    assert rows[1] == ("UniRef100_A n=1 Tax=Yeast TaxID=4932 RepID=A", "MK-LaaAAG")


@pytest.mark.parametrize("keep", [5, 20, -1])
def test_truncated_zstd(tmp_path, keep):
    path = packed(tmp_path / "a.a3m.zst", GOOD.encode() * 50)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError, match=r"a\.a3m\.zst, after line \d+: the zstd file is truncated"):
        list(a3m.read(path, QUERY))


@pytest.mark.parametrize("first", ["mkvlaag", "mKVLAAG", "MKVLAAg"])
def test_a_query_in_lower_case_is_not_the_query(tmp_path, first):
    path = tmp_path / "a.a3m"
    path.write_text(f">q\n{first}\n")
    with pytest.raises(InputError, match=r"a\.a3m, line 1: the first row"):
        list(a3m.read(path, QUERY))


def test_a_million_rows_in_constant_memory(tmp_path):
    code = (
        "import resource, sys; from pathlib import Path; from foldcp.msa import a3m\n"
        "got = a3m.write(a3m.read(Path(sys.argv[1]), 'MKVLAAG'), 7, lambda text: None)\n"
        "print(got.depth, got.coverage, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )

    def read(thousands: int) -> list[float]:
        path = tmp_path / "deep.a3m"
        with path.open("w") as handle:
            handle.write(">q\nMKVLAAG\n")
            for _ in range(thousands):
                handle.write(">UniRef100_X\nMK--aAAG\n" * 1000)
        ran = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, check=True)
        return [float(value) for value in ran.stdout.split()]

    few, many = read(1), read(1000)
    assert many[:2] == [1_000_001, pytest.approx(5 / 7)]
    assert many[2] - few[2] < 4096  # KiB


@settings(deadline=None, max_examples=500, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused_with_file_and_line(tmp_path, data):
    text = bytearray(GOOD.encode() * 3)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text) - 1))
        what = data.draw(st.sampled_from(["byte", "cut", "lower", "insert", "drop"]))
        if what == "byte":
            text[at] = data.draw(st.integers(0, 255))
        elif what == "cut":
            text = text[:at] or bytearray(b"x")
        elif what == "lower":
            text = text.lower()
        elif what == "insert":
            parts = [
                b"\n",
                b"\r",
                b"\r\n",
                b"\0",
                b'"',
                b">",
                b"\n>",
                b"#",
                b"\xef\xbb\xbf",
                b"\xe9",
                b"\n>x\n",
            ]
            text[at:at] = data.draw(st.sampled_from(parts))
        else:
            del text[at : at + data.draw(st.integers(1, 12))]
            text = text or bytearray(b"\n")
    path = tmp_path / "fuzz.a3m"
    path.write_bytes(text)
    try:
        rows = list(a3m.read(path, QUERY))
    except InputError as error:
        assert f"{path}, " in str(error) and "line" in str(error)
    else:
        columns = [sum(c == "-" or c.isupper() for c in row) for _, row in rows]
        assert rows and set(columns) == {len(QUERY)}


def part(tmp_path: Path, name: str, *rows: str) -> Path:
    path = tmp_path / name
    path.write_text("".join(f">r{number}\n{row}\n" for number, row in enumerate(rows)))
    return path


def test_parts_are_merged_below_the_query(tmp_path):
    # A search program has its own letters for those it does not know: U became X here, and C there.
    parts = [part(tmp_path, "a", "MXK", "M-K"), part(tmp_path, "b", "MCK", "-cK-")]
    assert list(a3m.merge(parts, "MUK")) == [("query", "MUK"), ("r1", "M-K"), ("r1", "-cK-")]
    with pytest.raises(InputError, match="c, line 3: the row below has 2 columns"):
        list(a3m.merge([*parts, part(tmp_path, "c", "MXK", "K-")], "MUK"))


@pytest.mark.parametrize("first", ["MKA", "MK", "MKVL"])
def test_a_part_of_another_query(tmp_path, first):
    with pytest.raises(InputError, match="line 1"):
        list(a3m.merge([part(tmp_path, "a", first)], "MKV"))


def test_coverage_is_that_of_the_other_rows():
    rows = [("q", "MKVL"), ("a", "MK--"), ("b", "MaaKVL")]
    assert a3m.write(rows, 4, lambda text: None).coverage == pytest.approx(0.75)
    assert a3m.write(rows[:1], 4, lambda text: None)[:2] == (1, None)


def test_what_is_written_is_what_is_read(tmp_path):
    draw = random.Random(3)
    rows = [("q", QUERY)] + [(f"r{n} TaxID={n}", "".join(draw.choices("MKV-", k=7))) for n in range(50)]
    path = tmp_path / "w.a3m"
    with path.open("wb") as handle:
        a3m.write(rows, 7, handle.write)
    assert list(a3m.read(path, QUERY)) == rows

"""An entry of the cache is whole or absent: under kill -9, and with several writers."""

import errno
import hashlib
import io
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from foldcp.errors import InputError, MissingError, UnreadableError
from foldcp.msa.cache import Cache, Recipe, kinds, left_overs, provenance
from foldcp.msa.query import Query

SEQUENCE = "MKVLAAGTRESPLIKWNDQH"
QUERY = Query(hashlib.sha256(SEQUENCE.encode()).hexdigest(), SEQUENCE)
RECIPE = Recipe("mmseqs", ({"name": "uniref", "sampled_sha256": "1"},), {"sensitivity": 8.0})
WRITER = """
import hashlib, sys, time
from pathlib import Path
from foldcp.msa.cache import Cache, Recipe
from foldcp.msa.query import Query
folder, first, slow = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
cache = Cache(folder, Recipe("mmseqs", ({"name": "uniref", "sampled_sha256": "1"},), {"sensitivity": 8.0}))
print("ready", flush=True)
for number in range(first, first + 40):
    sequence = "MKVLAAGTRESPLIKWNDQH" + "ACDEFGHIKL"[number % 10] * (number // 10)
    query = Query(hashlib.sha256(sequence.encode()).hexdigest(), sequence)
    def rows():
        yield "query", sequence
        for n in range(60):
            time.sleep(slow)
            yield f"UniRef100_{n} TaxID={n}", sequence
    cache.put(query, rows(), tool="test")
print("done", flush=True)
"""


def rows(sequence: str = SEQUENCE, count: int = 3):
    return [("query", sequence), *((f"UniRef100_{n} TaxID={n}", sequence) for n in range(count))]


def queries(first: int = 0) -> list[Query]:
    sequences = [SEQUENCE + "ACDEFGHIKL"[n % 10] * (n // 10) for n in range(first, first + 40)]
    return [Query(hashlib.sha256(s.encode()).hexdigest(), s) for s in sequences]


def writer(folder: Path, first: int = 0, slow: float = 0.0) -> subprocess.Popen:
    command = [sys.executable, "-c", WRITER, str(folder), str(first), str(slow)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


def test_an_entry_says_what_it_was_made_with(tmp_path):
    cache = Cache(tmp_path, RECIPE)
    cache.put(QUERY, rows(), tool="MMseqs2", version="14")
    path = cache.path(QUERY)
    assert path == tmp_path / "msa" / QUERY.sha256[:2] / f"{QUERY.sha256}.{RECIPE.key}.a3m.zst"
    assert list(cache.read(QUERY)) == rows()
    said = provenance(path)
    assert said["sha256"] == QUERY.sha256 and said["tool"] == "MMseqs2" and said["version"] == "14"
    assert (said["provider"], said["databases"], said["parameters"]) == (
        "mmseqs",
        [{"name": "uniref", "sampled_sha256": "1"}],
        {"sensitivity": 8.0},
    )
    (kind,) = kinds(tmp_path).values()
    assert (kind.entries, kind.n_bytes, kind.provenance) == (1, path.stat().st_size, said)


@pytest.mark.parametrize(
    "other",
    [
        Recipe("server", RECIPE.databases, RECIPE.parameters),
        Recipe("mmseqs", ({"name": "uniref", "sampled_sha256": "2"},), RECIPE.parameters),
        Recipe("mmseqs", (*RECIPE.databases, {"name": "env", "sampled_sha256": "3"}), RECIPE.parameters),
        Recipe("mmseqs", RECIPE.databases, {"sensitivity": 7.5}),
    ],
    ids=["provider", "database", "second database", "parameters"],
)
def test_other_settings_are_other_entries(tmp_path, other):
    Cache(tmp_path, RECIPE).put(QUERY, rows())
    assert not Cache(tmp_path, other).path(QUERY).exists()


def test_the_key_is_the_same_everywhere():
    # What is in users' caches must be found by later versions.
    assert RECIPE.key == "db6a30fc88fdbba5"
    assert Recipe(RECIPE.provider, RECIPE.databases, dict(RECIPE.parameters)).key == RECIPE.key


def test_the_first_of_two_equal_entries_stays(tmp_path):
    cache = Cache(tmp_path, RECIPE)
    cache.put(QUERY, rows())
    cache.put(QUERY, rows(count=1))
    assert len(list(cache.read(QUERY))) == 4


def test_rows_that_fail_leave_nothing(tmp_path):
    def broken():
        yield from rows()
        raise InputError("x")

    cache = Cache(tmp_path, RECIPE)
    with pytest.raises(InputError):
        cache.put(QUERY, broken())
    assert list(cache.path(QUERY).parent.iterdir()) == []


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "no end", "other row", "not json"])
def test_a_damaged_entry_is_an_error_and_goes(tmp_path, damage):
    import pyarrow as pa

    cache = Cache(tmp_path, RECIPE)
    cache.put(QUERY, rows(count=200))
    path = cache.path(QUERY)
    content = bytearray(path.read_bytes())
    text = pa.CompressedInputStream(pa.BufferReader(bytes(content)), "zstd").read()
    if damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "flip":
        content[len(content) // 2] ^= 0xFF
        path.write_bytes(content)
    elif damage == "empty":
        path.write_bytes(b"")
    else:
        head, _, tail = text.rpartition(b"#end ")
        changed = {
            "no end": head,
            "other row": text.replace(b"TaxID=7\n", b"TaxID=8\n", 1),
            "not json": head + b"#end {" + tail[:9],
        }[damage]
        assert changed != text
        path.write_bytes(changed)
    with pytest.raises(MissingError, match="was damaged, and is deleted"):
        list(cache.read(QUERY))
    assert not path.exists()


@pytest.mark.parametrize("target", ["/proc/self/mem", "a disk that is not mounted", "itself"])
def test_an_entry_that_cannot_be_read_stays(tmp_path, target):
    # Reading the first of these is an input/output error.
    cache = Cache(tmp_path, RECIPE)
    path = cache.path(QUERY)
    path.parent.mkdir(parents=True)
    path.symlink_to(path if target == "itself" else target)
    with pytest.raises(UnreadableError, match="cannot be read"):
        list(cache.read(QUERY))
    assert path.is_symlink()


def test_a_disk_that_fails_in_the_middle_of_an_entry_damages_nothing(tmp_path, monkeypatch):
    cache = Cache(tmp_path, RECIPE)
    cache.put(QUERY, ((f"{n} {random.Random(n).random()}", SEQUENCE) for n in range(50_000)))

    class Stale(io.BufferedReader):
        def read(self, size=-1):
            if self.tell() > 100_000:
                raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
            return super().read(size)

    monkeypatch.setattr(Path, "open", lambda path, mode: Stale(io.FileIO(path)))
    with pytest.raises(UnreadableError, match="Stale file handle"):
        list(cache.read(QUERY))
    assert cache.has(QUERY)


def test_killed_at_any_moment_no_entry_is_broken(tmp_path):
    draw, killed_while_writing = random.Random(5), 0
    cache = Cache(tmp_path, RECIPE)
    for _ in range(12):
        process = writer(tmp_path, slow=0.0002)
        time.sleep(draw.uniform(0.0, 0.12))
        process.send_signal(signal.SIGKILL)
        process.wait()
        for query in queries():
            if cache.path(query).exists():
                assert len(list(cache.read(query))) == 61
        killed_while_writing += bool(list(tmp_path.glob("msa/??/.*.tmp")))
    assert killed_while_writing
    for path in tmp_path.glob("msa/??/.*.tmp"):
        os.utime(path, (1, 1))
    left = left_overs(tmp_path)
    assert left and not any(path.name.endswith(".zst") for path in left)
    assert writer(tmp_path).communicate()[0] == "done\n"
    assert all(len(list(cache.read(query))) == 61 for query in queries())


def test_two_processes_fill_one_cache(tmp_path):
    both = [writer(tmp_path, first, slow=0.0001) for first in (0, 10)]
    assert [process.communicate()[0] for process in both] == ["done\n", "done\n"]
    cache = Cache(tmp_path, RECIPE)
    wanted = {query.sha256: query for query in [*queries(0), *queries(10)]}
    assert all(len(list(cache.read(query))) == 61 for query in wanted.values())
    (kind,) = kinds(tmp_path).values()
    assert kind.entries == len(wanted)
    assert not list(tmp_path.glob("msa/??/.*.tmp"))


def test_a_file_without_provenance_is_named(tmp_path):
    path = Cache(tmp_path, RECIPE).path(QUERY)
    path.parent.mkdir(parents=True)
    path.write_text(">q\nMK\n")
    with pytest.raises(InputError, match="line 1: expected the provenance"):
        kinds(tmp_path)

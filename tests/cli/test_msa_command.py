"""`foldcp msa` as a real process."""

import hashlib
import subprocess
import sys

from campaign.test_msa_status import MEMBERS, aligned, sequence, write

from foldcp.errors import ExitCode
from foldcp.msa.cache import Cache, Recipe
from foldcp.msa.query import Query
from foldcp.tables.schemas import MSA, SEQUENCES


def _msa(*arguments):
    command = [sys.executable, "-m", "foldcp", "msa", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_status(tmp_path):
    write(tmp_path, "02_sequences", SEQUENCES, [sequence(*item) for item in MEMBERS.items()])
    rows = [
        aligned("a", depth=100, coverage=0.5, path="a"),
        aligned("b", "none"),
        aligned("c", depth=0, error="malformed"),
    ]
    write(tmp_path, "03_msa", MSA, rows)
    ran = _msa("status", tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert [line.split() for line in ran.stdout.splitlines()] == [
        ["provider", "proteins", "least", "median", "most", "coverage"],
        ["mmseqs", "1", "100", "100", "100", "0.50"],
        ["none", "1", "1", "1", "1", "-"],
        ["failed:", "1"],
        ["P3,", "P4:", "malformed"],
    ]


def test_status_lists_twenty_failures_unless_asked(tmp_path):
    members = {f"P{n}": f"hash{n:02d}" for n in range(30)}
    write(tmp_path, "02_sequences", SEQUENCES, [sequence(*item) for item in members.items()])
    write(tmp_path, "03_msa", MSA, [aligned(key, depth=0, error="x") for key in members.values()])
    assert _msa("status", tmp_path).stdout.endswith("and 10 more: --failures lists all\n")
    assert _msa("status", tmp_path, "--failures").stdout.count(": x\n") == 30


def test_a_folder_without_a_campaign(tmp_path):
    ran = _msa("status", tmp_path)
    assert ran.returncode == ExitCode.BAD_INPUT and "no such file" in ran.stderr


def test_cache(tmp_path):
    recipe = Recipe("mmseqs", ({"name": "uniref30", "sampled_sha256": "1"},), {})
    query = Query(hashlib.sha256(b"MKV").hexdigest(), "MKV")
    Cache(tmp_path, recipe).put(query, [("q", "MKV")], tool="MMseqs2", version="14")
    ran = _msa("cache", "--cache", tmp_path)
    assert ran.returncode == 0, ran.stderr
    first, last = ran.stdout.splitlines()
    assert first.startswith(f"{recipe.key}  1 alignments, 0.0 MiB, mmseqs (MMseqs2 14) of uniref30, first 20")
    assert last == f"{tmp_path / 'msa'}: 0 files of killed searches"

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from foldcp.predict.ledger import Ledger, attempts, compact, latest, new_attempt, now
from foldcp.tables.schemas import LEDGER

COMMON = {
    "bin": "0000512",
    "shard": 0,
    "mesh": "1x1",
    "budget": "small",
    "seed": 7,
    "samples": 1,
    "foldcp_version": "0",
}


def start(ledger, name):
    attempt = new_attempt()
    ledger.start(attempt, complex_id=name, run_key="k")
    return attempt


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path, "0000512-00000", **COMMON, submitted_at=now())


def test_an_attempt_pairs_its_start_with_its_end(ledger, tmp_path):
    attempt = start(ledger, "a")
    assert "outcome" not in attempts(tmp_path)[0]
    ledger.finish(attempt, "oom", "too big", peak_bytes=5)
    (got,) = attempts(tmp_path)
    assert (got["complex_id"], got["outcome"], got["message"], got["peak_bytes"]) == (
        "a",
        "oom",
        "too big",
        5,
    )
    assert got["wall_seconds"] == (got["finished_at"] - got["started_at"]).total_seconds() >= 0


def test_another_process_can_end_an_attempt(ledger, tmp_path):
    attempt = start(ledger, "a")
    Ledger(tmp_path, "0000512-00000-follower", **COMMON).finish(attempt, "crashed", "killed")
    assert [(a["complex_id"], a["outcome"]) for a in attempts(tmp_path)] == [("a", "crashed")]


def test_a_torn_last_line_loses_only_itself(ledger, tmp_path):
    ledger.finish(start(ledger, "a"), "done")
    (file,) = tmp_path.glob("*.jsonl")
    with file.open("a") as handle:
        handle.write('{"attempt": "x", "compl')
    # A process of the same name goes on in the same file: its first line must not be glued to the torn one.
    again = Ledger(tmp_path, "0000512-00000", **COMMON)
    again.finish(start(again, "b"), "done")
    assert [a["complex_id"] for a in attempts(tmp_path)] == ["a", "b"]
    assert len(list(tmp_path.glob("*.jsonl"))) == 1


def test_compaction_keeps_ended_attempts_only_and_fits_the_schema(ledger, tmp_path):
    ledger.finish(start(ledger, "a"), "oom", "too big")
    ledger.finish(start(ledger, "a"), "done", foreign="left out")
    ledger.never_started("timeout", "not reached", "not_reached", complex_id="b", run_key="k")
    start(ledger, "c")
    table = compact(attempts(tmp_path))
    assert table.schema.names == LEDGER.schema.names
    assert list(zip(table["complex_id"].to_pylist(), table["outcome"].to_pylist(), strict=True)) == [
        ("a", "oom"),
        ("a", "done"),
        ("b", "timeout"),
    ]
    assert table["cause"].to_pylist() == ["oom", "done", "not_reached"]
    assert compact(latest(attempts(tmp_path)).values())["outcome"].to_pylist() == ["done", "timeout"]


def test_reading_one_bin_leaves_the_others_out(ledger, tmp_path):
    start(ledger, "a")
    start(Ledger(tmp_path, "0001024-00000", **COMMON | {"bin": "0001024"}), "b")
    assert [a["complex_id"] for a in attempts(tmp_path, "0001024")] == ["b"]
    assert len(attempts(tmp_path)) == 2


def test_a_name_cannot_leave_the_folder(tmp_path):
    start(Ledger(tmp_path / "ledger", "../x", **COMMON, job_id="1/2"), "a")
    assert [path.parent.name for path in tmp_path.rglob("*.jsonl")] == ["ledger"]


def test_a_killed_writer_loses_nothing_it_has_recorded(tmp_path):
    code = (
        "import sys; from pathlib import Path; from foldcp.predict.ledger import Ledger\n"
        f"ledger = Ledger(Path(sys.argv[1]), 'b', **{COMMON!r})\n"
        "ledger.start('x', complex_id='a', run_key='k')\nprint('ready', flush=True)\ninput()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writer:
        writer.stdout.readline()
        os.kill(writer.pid, signal.SIGKILL)
    (got,) = attempts(Path(tmp_path))
    assert got["complex_id"] == "a" and got["pid"] == writer.pid
    assert all(
        json.loads(line) for f in tmp_path.glob("*.jsonl") for line in f.read_text().split("\n") if line
    )

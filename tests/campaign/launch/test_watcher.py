"""A process that hangs while it works on a shard is ended, and its attempts with it."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from foldcp.predict.ledger import attempts, now
from foldcp.predict.settings import Settings
from foldcp.predict.shard import ShardSpec, ShardTarget

PROGRAM = """
import sys, time
from pathlib import Path
from foldcp.campaign.launch.watcher import watched
from foldcp.predict.ledger import Ledger
from foldcp.predict.shard import ShardSpec, planned

path = Path(sys.argv[1])
spec = ShardSpec.read(path)
with watched(path, patience=2.0):
    ledger = Ledger(spec.ledger, spec.writer(), **spec.common())
    first, second = spec.targets
    ledger.start("first", **planned(first))
    ledger.finish("first", "done")
    ledger.start("second", **planned(second))
    print("at work", flush=True)
    {act}
print("over", flush=True)
"""
HOLD_THE_LOCK = "import ctypes; ctypes.PyDLL(None).sleep(600)"


@pytest.fixture
def shard(tmp_path):
    """The file of a shard of two complexes."""
    targets = tuple(ShardTarget(n, tmp_path / n, n, f"key {n}", 1, 1.0) for n in ("a", "b"))
    settings = Settings(model="demo", device="cpu", precision="fp32")
    at = now()
    spec = ShardSpec("0000512", 0, targets, settings, tmp_path / "predictions", tmp_path / "ledger", at)
    spec.write(tmp_path / "spec.json")
    return tmp_path / "spec.json"


def run(shard, act):
    command = [sys.executable, "-c", PROGRAM.replace("{act}", act), str(shard)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "at work\n"
    return process


def ends(shard):
    return [(a["complex_id"], a.get("outcome"), a.get("cause")) for a in attempts(shard.parent / "ledger")]


@pytest.mark.parametrize("how", ["stopped", "holds the lock"])
def test_a_process_that_hangs_is_killed_and_said_to_hang(shard, how):
    process = run(shard, HOLD_THE_LOCK if how == "holds the lock" else "time.sleep(600)")
    (watcher,) = psutil.Process(process.pid).children()
    if how == "stopped":
        process.send_signal(signal.SIGSTOP)
    assert process.wait(60) == -signal.SIGKILL
    assert ends(shard) == [("a", "done", "done"), ("b", "crashed", "hung")]
    assert "silent for 2 s" in attempts(shard.parent / "ledger")[1]["message"]
    watcher.wait(10)


def test_a_process_that_hangs_is_killed_even_if_its_end_cannot_be_recorded(shard):
    (shard.parent / "ledger" / "0000512-broken.jsonl").mkdir(parents=True)
    process = run(shard, "time.sleep(600)")
    process.send_signal(signal.SIGSTOP)
    assert process.wait(60) == -signal.SIGKILL


def test_a_process_that_hangs_is_killed_even_if_the_ledger_does_not_answer(shard):
    (shard.parent / "ledger").mkdir()
    os.mkfifo(shard.parent / "ledger" / "0000512-silent.jsonl")
    process = subprocess.Popen(["sleep", "600"])
    program = (
        "import pathlib; from foldcp.campaign.launch import watcher; watcher._LAST_WORDS = 1.0; "
        f"watcher._end({process.pid}, pathlib.Path({str(shard)!r}), 2.0)"
    )
    with subprocess.Popen([sys.executable, "-c", program]) as watcher:
        try:
            assert process.wait(60) == -signal.SIGKILL
            assert watcher.poll() is None  # it is still waiting for the ledger
        finally:
            process.kill()
            watcher.kill()


def test_a_process_that_works_for_long_is_left_alone(shard):
    process = run(shard, "time.sleep(6)")
    (watcher,) = psutil.Process(process.pid).children()
    assert process.stdout.readline() == "over\n" and process.wait(30) == 0
    assert ends(shard) == [("a", "done", "done"), ("b", None, None)]
    assert not watcher.is_running()


def test_a_job_that_is_suspended_as_a_whole_has_not_hung(shard):
    process = run(shard, "time.sleep(600)")
    (watcher,) = psutil.Process(process.pid).children()
    for pid in (process.pid, watcher.pid):
        os.kill(pid, signal.SIGSTOP)
    time.sleep(4)
    for pid in (watcher.pid, process.pid):
        os.kill(pid, signal.SIGCONT)
    time.sleep(3)
    assert process.poll() is None
    process.kill()
    process.wait()
    watcher.wait(10)

"""Campaigns on the one-machine SLURM, and the means to harm them: every fault is a real one, from outside."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import psutil
from mini_campaign import BIN, MiniCampaign

from foldcp.tables import read_table
from foldcp.tables.schemas import LEDGER

T = TypeVar("T")
BIG = ["MKTAYIAKQR" * 30]
"""A complex that takes seconds, so that it can be caught at work; the others take a fraction of one."""
CLUSTER = Path(os.environ.get("SLURM_CONF", "/nowhere")).parent


def wait_for(found: Callable[[], T | None], what: str, seconds: float = 120, every: float = 0.05) -> T:
    """Return the first result that is neither None nor False."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if (got := found()) is not None and got is not False:
            return got
        time.sleep(every)
    raise AssertionError(f"waited {seconds} s for {what} in vain")


def ask(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout


class SlurmCampaign(MiniCampaign):
    """A campaign whose jobs run in SLURM, and whose own process can be run beside the test, and killed."""

    def __init__(self, folder: Path, cache: Path, partition: str, **slurm) -> None:
        settings = {"partition": partition, "cpus_per_task": 1, "mem_gb": 4, **slurm}
        super().__init__(folder, cache, launcher="slurm", slurm=settings)
        self.heads: list[Head] = []

    def head(self) -> "Head":
        """Start the process that submits the jobs and follows them."""
        head = Head(self, self.folder.parent / f"head{len(self.heads)}.log")
        self.heads.append(head)
        return head

    def arrays(self) -> list[str]:
        """Return the ids of the job arrays that were ever submitted."""
        scripts = (self.folder / "logs").rglob("*_submission.sh")
        ids = (script.name.removesuffix("_submission.sh") for script in scripts)
        return sorted((name for name in ids if name.isdigit()), key=int)

    def queued(self) -> str:
        """Return squeue's lines on what waits or runs of this campaign."""
        done = subprocess.run(
            ["squeue", "-h", "-r", "-j", ",".join(self.arrays())], capture_output=True, text=True, check=False
        )
        return done.stdout if done.returncode == 0 else ""

    def catch(self, *names: str, seconds: float = 300) -> list[dict]:
        """Stop each of these complexes where its model is at work, ranks and all; return the attempts.

        It must be the first complex of its job: the model's first words in the job's log are its own.
        """
        caught: dict[str, dict] = {}

        def look() -> bool:
            assert self.heads[-1].process.poll() is None, self.heads[-1].log()
            for attempt in self.attempts():
                name = attempt["complex_id"]
                if name in set(names) - set(caught) and is_at_work(attempt) and self._folds(attempt):
                    hold(attempt)
                    caught[name] = attempt
            return len(caught) == len(names)

        wait_for(look, f"{names} to be at work", seconds)
        return [caught[name] for name in names]

    def _folds(self, attempt: dict) -> bool:
        logs = (self.folder / "logs").rglob(f"{attempt['job_id']}_*_log.err")
        return any("trunk" in log.read_text(errors="replace") for log in logs)

    def table(self) -> dict[str, dict]:
        """Return the rows of the ledger's table by complex."""
        rows = read_table(self.folder / "06_ledger" / f"{BIN}.parquet", LEDGER).to_pylist()
        assert len(rows) == len({row["complex_id"] for row in rows})
        return {row["complex_id"]: row for row in rows}

    def assert_rerun_does_nothing(self) -> None:
        before = self.attempts(), self.arrays()
        self.run()
        assert (self.attempts(), self.arrays()) == before
        self.assert_no_job_is_left()

    def assert_no_job_is_left(self) -> None:
        # A job of which the result is known may take seconds to leave the queue.
        wait_for(lambda: not self.queued(), "the last job to leave the queue", 90, every=1)

    def ends(self, name: str) -> list[tuple[str | None, str | None]]:
        """Return outcome and cause of each attempt at a complex, those that never started left out."""
        mine = (a for a in self.attempts() if a["complex_id"] == name and "started_at" in a)
        return [(a.get("outcome"), a.get("cause")) for a in mine]

    def clean_up(self) -> None:
        """End what a failed test may have left."""
        for head in self.heads:
            head.process.kill()
            head.process.wait()
        for attempt in self.attempts():
            if is_stopped(attempt["pid"]):
                release(attempt)
        if arrays := self.arrays():
            subprocess.run(["scancel", *arrays], capture_output=True, check=False)
        self.assert_no_job_is_left()


class Head:
    """The process of a campaign."""

    def __init__(self, campaign: SlurmCampaign, log: Path) -> None:
        code = (
            "import sys; from pathlib import Path\n"
            "from foldcp import config; from foldcp.campaign.jobs import run_bin\n"
            "run_bin(Path(sys.argv[1]), sys.argv[2], config.Config.model_validate_json(sys.argv[3]))"
        )
        arguments = [str(campaign.folder), BIN, campaign.config.model_dump_json()]
        self._log = log
        with log.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", code, *arguments], stdout=output, stderr=output, start_new_session=True
            )

    def log(self) -> str:
        return self._log.read_text()

    def says(self, words: str, seconds: float = 60) -> None:
        wait_for(lambda: words in self.log(), f"the campaign to say {words!r}", seconds)

    def ended(self, seconds: float = 480) -> int:
        """Wait for its end and return the exit code."""
        return self.process.wait(seconds)


def is_at_work(attempt: dict) -> bool:
    return "outcome" not in attempt and psutil.pid_exists(attempt["pid"])


def hold(attempt: dict) -> None:
    """Stop the process of an attempt, and its ranks, where they are."""
    for process in _family(attempt):
        process.suspend()


def pin(attempt: dict) -> None:
    """Keep a stopped process so to its end: SLURM sends SIGCONT with a cancellation, and kills late."""
    pid = attempt["pid"]

    def stop() -> None:
        with contextlib.suppress(ProcessLookupError):
            while True:
                os.kill(pid, signal.SIGSTOP)
                time.sleep(0.002)

    threading.Thread(target=stop, daemon=True).start()


def release(attempt: dict, but: psutil.Process | None = None) -> None:
    """Let the processes of an attempt go on, all but one."""
    for process in _family(attempt):
        if process != but:
            process.resume()


def _family(attempt: dict) -> list[psutil.Process]:
    process = psutil.Process(attempt["pid"])
    return [process, *process.children(recursive=True)]


def is_stopped(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_STOPPED
    except psutil.NoSuchProcess:
        return False


def await_signal(attempt: dict, number: signal.Signals, seconds: float = 90) -> None:
    """Wait until SLURM has sent a signal to a stopped process, let it go on, and wait for its end."""
    pid = attempt["pid"]
    wait_for(lambda: not is_stopped(pid) or has_pending(pid, number), f"{number.name} for {pid}", seconds)
    if is_stopped(pid):
        release(attempt)
    wait_for(lambda: not psutil.pid_exists(pid), f"the end of {pid}", seconds)


def has_pending(pid: int, number: signal.Signals) -> bool:
    """Return whether a signal waits for a stopped process to go on."""
    masks = re.findall(r"^(?:SigPnd|ShdPnd):\s*(\w+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return any(int(mask, 16) >> (number - 1) & 1 for mask in masks)


def rank_of(attempt: dict, number: int) -> psutil.Process:
    """Return the process of one rank of the mesh that is at work."""

    def found() -> psutil.Process | None:
        for child in psutil.Process(attempt["pid"]).children(recursive=True):
            arguments = child.cmdline()
            if "foldcp.predict.ranks.rank" in arguments and arguments[-1] == str(number):
                return child
        return None

    return wait_for(found, f"rank {number}", 10)


def shim(folder: Path, name: str, body: str = "") -> Path:
    """Put a program into `folder` that notes its calls and then does `body`, or what the real one does."""
    folder.mkdir(exist_ok=True)
    calls = folder / f"{name}.calls"
    body = body or f'exec {shutil.which(name)} "$@"'
    program = folder / name
    program.write_text(f"#!/bin/sh\necho called >> {calls}\n{body}\n")
    program.chmod(0o755)
    calls.touch()
    return calls


def node_of(job_id: str) -> str:
    return ask("squeue", "-h", "-j", job_id, "-o", "%N").strip()


def cut_power(node: str) -> None:
    """Kill a node's daemon and everything that its jobs run, and let the controller see it down."""
    daemon = psutil.Process(_pid_of_slurmd(node))
    daemon.kill()
    steps = [p for p in psutil.process_iter(["name"]) if p.info["name"] == "slurmstepd" and _runs_on(p, node)]
    victims = [child for step in steps for child in (step, *step.children(recursive=True))]
    for victim in victims:
        victim.kill()
    psutil.wait_procs([daemon, *victims], 10)
    ask("scontrol", "update", f"nodename={node}", "state=down", "reason=a test of foldcp")


def restore_power(node: str) -> None:
    """Start the node's daemon again."""
    if not psutil.pid_exists(_pid_of_slurmd(node)):
        ask("slurmd", "-f", os.environ["SLURM_CONF"], "-N", node)
    subprocess.run(["scontrol", "update", f"nodename={node}", "state=resume"], check=False)
    good = ("idle", "mixed", "allocated")
    wait_for(lambda: ask("sinfo", "-h", "-n", node, "-o", "%T").split()[0] in good, f"{node} to be up", 60)


def _runs_on(step: psutil.Process, node: str) -> bool:
    try:
        # A step is started by the daemon of its node and outlives it; its children carry the name.
        return any(child.environ().get("SLURMD_NODENAME") == node for child in step.children(recursive=True))
    except psutil.Error:
        return False


def _pid_of_slurmd(node: str) -> int:
    return int((CLUSTER / "run" / f"slurmd-{node}.pid").read_text())


def stop_controller() -> None:
    """Kill slurmctld."""
    controller = psutil.Process(int((CLUSTER / "run" / "slurmctld.pid").read_text()))
    controller.kill()
    psutil.wait_procs([controller], 10)


def start_controller() -> None:
    """Start slurmctld, unless it runs."""
    if not _controller_answers():
        ask("slurmctld", "-f", os.environ["SLURM_CONF"])
        wait_for(_controller_answers, "slurmctld", 30)


def _controller_answers() -> bool:
    return subprocess.run(["scontrol", "ping"], capture_output=True, check=False).returncode == 0

"""What SLURM says about jobs, with or without accounting.

One `squeue` call answers for all jobs of a bin. It lists ended jobs for a while too (`MinJobAge`, minutes by
default), and then `scontrol` tells how they ended, so that no `sacct` is needed; where there is one, it is
asked about jobs that the controller has already forgotten.
"""

import dataclasses
import re
import subprocess
import time

from foldcp.campaign.launch.ends import End, killed
from foldcp.predict.outcomes import Outcome

_ACTIVE = {
    "CONFIGURING",
    "COMPLETING",
    "PENDING",
    "REQUEUED",
    "REQUEUE_FED",
    "REQUEUE_HOLD",
    "RESIZING",
    "RESV_DEL_HOLD",
    "RUNNING",
    "SIGNALING",
    "SPECIAL_EXIT",
    "STAGE_OUT",
    "STOPPED",
    "SUSPENDED",
}
_ENDS = {
    "CANCELLED": End(Outcome.CRASHED, "the job was cancelled (scancel)"),
    "TIMEOUT": End(Outcome.TIMEOUT, "the job reached its time limit; raise slurm.time_margin"),
    "DEADLINE": End(Outcome.TIMEOUT, "the job reached its deadline"),
    "NODE_FAIL": End(Outcome.NODE_FAILURE, "the node failed", died=True, again=True),
    "BOOT_FAIL": End(Outcome.NODE_FAILURE, "the node did not start", again=True),
    "OUT_OF_MEMORY": End(
        Outcome.OOM,
        "the job used more host memory than it asked for; raise slurm.mem_gb",
        died=True,
        again=True,
    ),
    "PREEMPTED": End(Outcome.PREEMPTED, "the job was preempted and not requeued", again=True),
}
_GRACE = 5.0
"""Seconds a job must stay ended: a requeue looks like an end for a moment, and networks show files late."""


@dataclasses.dataclass
class SlurmQueue:
    """The jobs of one bin in SLURM's queue.

    Attributes
    ----------
    job_ids
        Jobs to ask about: ``123_0`` for a task of an array.
    interval
        Seconds between two questions to the controller.
    """

    job_ids: list[str]
    interval: float = 5.0
    _asked: float = dataclasses.field(default=float("-inf"), init=False)
    _ended: dict[str, float] = dataclasses.field(default_factory=dict, init=False)

    def over(self) -> list[str]:
        """Return the jobs that have ended for good; asks the controller once per interval."""
        now = time.monotonic()
        if now - self._asked >= self.interval:
            self._asked = now
            states = self._ask()
            if states is not None:
                gone = {job for job in self.job_ids if states.get(job, "GONE") not in _ACTIVE}
                self._ended = {job: self._ended.get(job, now) for job in gone}
        return [job for job, since in self._ended.items() if now - since >= _GRACE]

    def forget(self, job_id: str) -> None:
        """Ask no more about a job."""
        self.job_ids.remove(job_id)
        self._ended.pop(job_id, None)

    def _ask(self) -> dict[str, str] | None:
        # None: the controller does not answer (it restarts, the network is down), so nothing is known.
        ids = sorted({job.split("_")[0] for job in self.job_ids})
        code, out, err = _run("squeue", "-h", "-r", "-t", "all", "-j", ",".join(ids), "-o", "%i %T")
        if code and "Invalid job id" not in err:
            return None
        return dict(line.split()[:2] for line in out.splitlines() if line.strip())


def how_ended(job_id: str, log: str) -> End:
    """Return how a job without a result ended; `log` is the end of what it printed."""
    state, exit_code = _scontrol(job_id) or _sacct(job_id) or ("UNKNOWN", "")
    if state in _ENDS:
        return _ENDS[state]
    return killed(f"the job ended without a result (state {state}, exit code {exit_code or 'unknown'})", log)


def _scontrol(job_id: str) -> tuple[str, str] | None:
    code, out, _ = _run("scontrol", "--oneliner", "show", "job", job_id)
    state, exit_code = re.search(r"JobState=(\w+)", out), re.search(r" ExitCode=(\S+)", out)
    return (state[1], exit_code[1] if exit_code else "") if code == 0 and state else None


def _sacct(job_id: str) -> tuple[str, str] | None:
    code, out, _ = _run("sacct", "-X", "-n", "-P", "-j", job_id, "-o", "State,ExitCode")
    state, _, exit_code = out.strip().partition("|")
    return (state.split()[0], exit_code) if code == 0 and state else None


def _run(*command: str) -> tuple[int, str, str]:
    try:
        got = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return -1, "", str(error)
    return got.returncode, got.stdout, got.stderr

"""What a job runs: one shard, checkpointable, ended with the campaign where it must be."""

import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import psutil
import submitit
from submitit.helpers import DelayedSubmission

from foldcp.campaign.launch.watcher import watched
from foldcp.predict.outcomes import Outcome
from foldcp.predict.ranks import World, follow
from foldcp.predict.retries import INTERRUPTED
from foldcp.predict.shard import Shard, ShardSpec

_WARNING = 150.0
"""Seconds before its time limit in which a job is warned: submitit asks for 90, SLURM is up to 60 early."""

_GRACE = 60.0
"""Seconds of them for files that are being written. Large error matrices take as long; the rest is for the
questions to SLURM before, and the request to run again after."""


class ShardTask:
    """The callable given to submitit. Requeued, it goes on with what is not done.

    Parameters
    ----------
    spec
        File written by :meth:`foldcp.predict.shard.ShardSpec.write`.
    gpus
        GPUs to show to the job, as in CUDA_VISIBLE_DEVICES; None leaves the choice to whoever started it.
    parent
        Process id of the campaign, if the job must not outlive it.
    """

    def __init__(self, spec: Path, gpus: str | None = None, parent: int | None = None) -> None:
        self.spec, self.gpus, self.parent = spec, gpus, parent
        self._shard: Shard | None = None

    def __call__(self) -> None:
        """Work through the shard; on every node but the first, keep that node's ranks meanwhile."""
        if self.gpus is not None:
            os.environ["CUDA_VISIBLE_DEVICES"] = self.gpus
        with World.current() as world:
            if world.follows:
                follow(world)
                return
            self._shard = shard = Shard(ShardSpec.read(self.spec), submitit.JobEnvironment().job_id)
            if "SLURM_JOB_ID" in os.environ:
                # Not to end, there may be time left: only to tell a preemption from a lost machine.
                signal.signal(signal.SIGTERM, lambda number, frame: shard.warned())
            if self.parent is not None:
                _end_with([os.getppid(), self.parent], shard)
            with watched(self.spec):
                shard.run()

    def checkpoint(self) -> DelayedSubmission:
        """Close the current attempt and return what to run next; submitit calls it before a requeue."""
        if self._shard is not None:
            if _time_is_up():
                self._shard.leave(Outcome.TIMEOUT, "the job reached its time limit", "timeout", _GRACE)
            else:
                self._shard.leave(Outcome.PREEMPTED, "the job was preempted", "preempted")
        return DelayedSubmission(ShardTask(self.spec, self.gpus, self.parent))


def _time_is_up() -> bool:
    """Return whether SLURM's warning means the time limit; it is the same signal for a preemption."""
    job = os.environ.get("SLURM_JOB_ID")
    if job is None:
        return False
    # Not the time left: a preemption cuts that down too.
    command = ["squeue", "--noheader", "--jobs", job, "--format", "%M %l"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout.split()
        elapsed, limit = map(_seconds, said)
    except (
        OSError,
        subprocess.SubprocessError,
        ValueError,
    ):  # a busy controller, or no limit
        return False
    return limit - elapsed < _WARNING


def _seconds(text: str) -> int:
    """Return SLURM's [days-][hours:]minutes:seconds in seconds."""
    days, _, clock = text.rpartition("-")
    seconds = 0
    for part in clock.split(":"):
        seconds = 60 * seconds + int(part)
    return seconds + 86400 * int(days or 0)


def _end_with(pids: list[int], shard: Shard) -> None:
    # Without this, a job on this machine outlives a killed campaign and predicts what its rerun predicts too.
    def alive(process: psutil.Process) -> bool:
        with_pid = process.is_running()  # false as well when the pid now belongs to another process
        return with_pid and process.status() != psutil.STATUS_ZOMBIE

    def watch() -> None:
        """End this process, its attempt recorded, as soon as one of `pids` is gone."""
        try:
            guarded = [psutil.Process(pid) for pid in pids]
            while all(alive(process) for process in guarded):
                time.sleep(0.5)
        except psutil.NoSuchProcess:
            pass
        shard.leave(Outcome.CRASHED, "the campaign's process ended", INTERRUPTED)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="end-with-campaign").start()

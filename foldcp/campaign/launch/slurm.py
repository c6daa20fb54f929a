"""Jobs on a SLURM cluster: one array task per shard, submitted by submitit, followed through the queue."""

import contextlib
import math
import os
import shutil
import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import submitit
from submitit.core.utils import FailedJobError
from submitit.helpers import clean_env

from foldcp.campaign.launch import ends
from foldcp.campaign.launch.ends import End
from foldcp.campaign.launch.launcher import Launcher, log_of, trace_of
from foldcp.campaign.launch.slurm_commands import (
    SilentError,
    array_of,
    arrays_named,
    is_silence,
    max_array_size,
    scancel,
)
from foldcp.campaign.launch.slurm_queue import FOLDER, SlurmQueue, how_ended
from foldcp.campaign.launch.task import ShardTask
from foldcp.campaign.launch.waits import remedy
from foldcp.config import PredictConfig, SlurmConfig
from foldcp.errors import MissingError, UsageError
from foldcp.tables.files import make_folder

_LOAD_MINUTES = 15
"""Time allowed for a job to import torch and load the model, on a slow filesystem."""
_LATE = 150.0
"""Seconds after which strays are looked for once more. An sbatch may outlive the process that called it, and
asks a busy controller for two minutes; what it submits then was not there when this process began."""
_SECOND_TRIES = (5.0, 20.0, 60.0, 120.0)
"""Seconds to wait for a controller that does not answer, while it restarts."""


class SlurmLauncher(Launcher):
    """Submits the shards of a bin as job arrays, and follows them."""

    interval = 1.0
    outlives_campaign = True

    def __init__(self, folder: Path, name: str, config: PredictConfig) -> None:
        super().__init__(folder, name, config)
        self.at_once: int = config.slurm.max_jobs
        self._queue = SlurmQueue(folder.parent / FOLDER, name)
        self._attached = 0
        self._mine: set[str] = set()
        self._strays_due: float | None = time.monotonic() + _LATE
        self._news: list[str] = []
        self._jobs: dict[int, submitit.SlurmJob[None]] = {}

    def submit(
        self, specs: Sequence[Path], ranks: int, nodes: int, seconds: float, at_once: int | None = None
    ) -> list[str]:
        """Submit arrays, as many as the site's largest array size asks for.

        Together they run at most `at_once` jobs at once, by default `slurm.max_jobs`. If one is refused, all
        are cancelled.

        Raises
        ------
        MissingError
            If this machine has no SLURM.
        UsageError
            If SLURM refuses them.
        SilentError
            If its controller does not answer for minutes.
        """
        if shutil.which("sbatch") is None:
            raise MissingError(
                "predict.launcher is 'slurm', but there is no sbatch on the PATH; run this on a login node, "
                "or use launcher 'local'"
            )
        job_ids: dict[int, str] = {}
        arrays: list[str] = []
        try:
            pieces, parallel = split(len(specs), max_array_size(), at_once or self.at_once)
            for number, piece in enumerate(pieces):
                executor = self._executor(ranks, nodes, seconds, parallel[number % len(parallel)])
                if number >= len(parallel):
                    executor.update_parameters(dependency=f"afterany:{arrays[number - len(parallel)]}")
                found = self._sbatch(executor, [specs[place] for place in piece], set(arrays))
                for job_id in found:  # of another cluster perhaps, whose numbers began anew
                    (self.folder / f"{job_id}_0_result.pkl").unlink(missing_ok=True)
                arrays.append(array_of(found[0]))
                job_ids |= dict(zip(piece, found, strict=True))
            submitted = [job_ids[place] for place in range(len(specs))]
            self.attach(specs, submitted)
        except BaseException:
            # By name: Ctrl-C may hit sbatch after it has sent a job and before it has said so.
            self.cancel_strays({job.job_id for job in self._jobs.values()})
            raise
        return submitted

    def attach(self, specs: Sequence[Path], job_ids: Sequence[str]) -> None:
        """Follow jobs that are already submitted."""
        if len(specs) != len(job_ids):
            raise ValueError(f"one job per shard: got {len(specs)} shards and {len(job_ids)} jobs")
        make_folder(self.folder)
        self._queue.add(job_ids)
        self._mine |= set(job_ids)
        for job_id in job_ids:
            self._jobs[self._attached] = submitit.SlurmJob(folder=self.folder, job_id=job_id)
            self._attached += 1

    def cancel_strays(self, known: set[str]) -> list[str]:
        """Cancel what waits or runs under this launcher's name and is not `known`; return its array numbers.

        Raises
        ------
        SilentError
            If SLURM does not answer, so that there may be such jobs.
        """
        if shutil.which("squeue") is None:  # a campaign that is done may be looked at anywhere
            return []
        strays = sorted(arrays_named(self.name) - {array_of(job_id) for job_id in known})
        scancel(strays)
        return strays

    def poll(self) -> dict[int, End]:
        """Look for results, and ask the queue from time to time."""
        self._look_for_late_strays()
        over = self._queue.over()
        results = self._results()
        traces = {
            place: trace_of(job) if job.paths.result_pickle.name in results else None
            for place, job in self._jobs.items()
        }
        ended = {place: ends.FINISHED for place, trace in traces.items() if trace == ""}
        # An error is believed only once the job has left the queue: one may be left by a job that runs again.
        left = {place: job for place, job in self._jobs.items() if job.job_id in over and place not in ended}
        states = self._queue.states([job.job_id for job in left.values()])
        for place, job in left.items():
            ended[place] = how_ended(states[job.job_id], traces[place], log_of(job))
        ended |= self._give_up(self._jobs.keys() - ended.keys())
        self._queue.forget([self._jobs.pop(place).job_id for place in ended])
        return ended

    def waits(self) -> str:
        """Return why jobs wait, by SLURM's last answer."""
        return self._queue.waits.summary()

    def news(self) -> list[str]:
        """Return what keeps jobs from ever starting, and which strays came late."""
        news, self._news = [*self._news, *self._queue.waits.news()], []
        return news

    def cancel(self) -> None:
        """Cancel all jobs with one scancel.

        Raises
        ------
        SilentError
            If SLURM does not answer, so that they go on.
        """
        scancel({array_of(job.job_id) for job in self._jobs.values()})

    def _look_for_late_strays(self) -> None:
        if self._strays_due is not None and time.monotonic() >= self._strays_due:
            self._strays_due = None
            try:
                if strays := self.cancel_strays(self._mine):
                    self._news.append(f"cancelled jobs that came late and from nowhere: {', '.join(strays)}")
            except SilentError:
                self._strays_due = time.monotonic() + _LATE

    def _give_up(self, places: Collection[int]) -> dict[int, End]:
        """Cancel the jobs among these that can never start, and return their ends."""
        hopeless = self._queue.waits.hopeless()
        given_up = {place: job_id for place in places if (job_id := self._jobs[place].job_id) in hopeless}
        try:
            scancel(given_up.values())
        except SilentError:
            return {}  # the next poll tries again
        reasons = {place: hopeless[job_id] for place, job_id in given_up.items()}
        return {p: ends.never_started(remedy(reason) or "", reason) for p, reason in reasons.items()}

    def _results(self) -> set[str]:
        """Return the names of the files that jobs have written, from one reading of the folder."""
        with contextlib.suppress(OSError):  # touching it makes network filesystems show new files
            self.folder.chmod(self.folder.stat().st_mode)
        return {entry.name for entry in os.scandir(self.folder)} if self._jobs else set()

    def _sbatch(self, executor: submitit.SlurmExecutor, specs: list[Path], mine: set[str]) -> list[str]:
        """Submit one array, again if the controller does not answer."""
        with contextlib.suppress(SilentError):
            return _submit(executor, specs)
        for wait in _SECOND_TRIES:
            time.sleep(wait)
            with contextlib.suppress(SilentError):
                # It may have taken the jobs although its answer was lost.
                self.cancel_strays(mine | {job.job_id for job in self._jobs.values()})
                return _submit(executor, specs)
        raise SilentError("SLURM's controller has not answered for minutes; run this again when it is up")

    def _executor(self, ranks: int, nodes: int, seconds: float, parallel: int) -> submitit.SlurmExecutor:
        # A job that is requeued at its time limit may run once more than it may time out.
        executor = submitit.SlurmExecutor(self.folder, max_num_timeout=self.config.attempts.timeout - 1)
        executor.update_parameters(**self._parameters(ranks, nodes, seconds), array_parallelism=parallel)
        return executor

    def _parameters(self, ranks: int, nodes: int, seconds: float) -> dict[str, Any]:
        slurm = self.config.slurm
        per_node = ranks // nodes
        cpus = slurm.cpus_per_task * per_node
        return {
            "job_name": self.name,
            "time": time_limit_minutes(seconds, slurm),
            "nodes": nodes,
            "ntasks_per_node": 1,
            "cpus_per_task": cpus,
            "mem": _memory(slurm.mem_gb * per_node) if slurm.mem_gb else None,
            "partition": slurm.partition,
            "account": slurm.account,
            "qos": slurm.qos,
            "constraint": slurm.constraint,
            "gres": f"{slurm.gres}:{per_node}" if slurm.gres and self.config.device != "cpu" else None,
            "wckey": None,  # submitit would name one that the site need not know
            # Sites may have switched requeuing off for jobs that do not ask for it.
            "additional_parameters": {"requeue": True, **slurm.extra},
            "setup": slurm.setup or None,
            # Since SLURM 22.05 srun does not inherit --cpus-per-task from the job.
            "srun_args": ["--kill-on-bad-exit=1", f"--cpus-per-task={cpus}"],
        }


def time_limit_minutes(seconds: float, slurm: SlurmConfig) -> int:
    """Return the time limit of a job in minutes; the longest is predicted to take `seconds`."""
    return _LOAD_MINUTES + 1 + int(seconds * slurm.time_margin / 60)


def split(count: int, largest: int, parallel: int) -> tuple[list[range], list[int]]:
    """Cut `count` jobs into arrays of at most `largest` tasks that together run at most `parallel` at once.

    Returns
    -------
    pieces
        Places of the jobs of each array, dealt in turn: shards come longest first, so all arrays last alike.
    parallel
        Tasks at once of the first arrays. Each array beyond these waits for the one that many before it.
    """
    number = math.ceil(count / largest)
    lanes = min(number, parallel)
    return (
        [range(first, count, number) for first in range(number)],
        [parallel // lanes + (lane < parallel % lanes) for lane in range(lanes)],
    )


def _memory(gigabytes: float) -> str:
    return f"{gigabytes:.0f}GB" if gigabytes == int(gigabytes) else f"{math.ceil(gigabytes * 1024)}MB"


def _submit(executor: submitit.SlurmExecutor, specs: list[Path]) -> list[str]:
    try:
        with _outside_any_job():
            return [job.job_id for job in executor.submit_array([ShardTask(spec) for spec in specs])]
    except FailedJobError as error:
        if is_silence(str(error)):
            raise SilentError(str(error)) from error
        raise UsageError(
            f"SLURM refused the jobs: {error}; predict.slurm names the partition, the account and the "
            "resources to ask for"
        ) from error


@contextlib.contextmanager
def _outside_any_job() -> Iterator[None]:
    # Inside a SLURM job sbatch would inherit that job's settings; which cluster to talk to must stay.
    cluster = os.environ.get("SLURM_CONF")
    with clean_env():
        if cluster is not None:
            os.environ["SLURM_CONF"] = cluster
        yield

"""Where jobs run, by one string: `debug` in this process, `local` on this machine, `slurm` on a cluster.

A launcher is given the shards of one bin as files, runs each as a job, and says which have ended, and how.
It never waits on submitit's own view of a job: without accounting a killed SLURM job stays UNKNOWN there for
ever. A job has ended when its result file is there, or when the system that runs it says so.
"""

import contextlib
import os
import pickle
import shutil
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import submitit
from submitit.helpers import clean_env

from foldcp.campaign.launch import ends
from foldcp.campaign.launch.ends import End
from foldcp.campaign.launch.slurm_queue import SlurmQueue, how_ended
from foldcp.campaign.launch.task import ShardTask
from foldcp.config import PredictConfig
from foldcp.errors import FoldcpError, MissingError, UsageError
from foldcp.predict.shard import ShardSpec, run_shard

_LOAD_MINUTES = 15
"""Time allowed for a job to import torch and load the model, on a slow filesystem."""
_LOCAL_MINUTES = 30 * 24 * 60
"""Jobs on this machine have no time limit, but submitit wants one."""


class Launcher(ABC):
    """Runs the jobs of one bin.

    Parameters
    ----------
    folder
        Folder of submitit's files and the jobs' logs.
    name
        Name of the jobs.
    config
        How to run them.
    """

    interval: float
    """Seconds between two calls of `poll`."""

    def __init__(self, folder: Path, name: str, config: PredictConfig) -> None:
        self.folder, self.name, self.config = folder, name, config

    @abstractmethod
    def submit(self, specs: list[Path], ranks: int, nodes: int, seconds: float) -> None:
        """Submit one job per file, of one task per node; the longest is predicted to take `seconds`.

        A task starts its node's share of the `ranks` processes of the mesh (`foldcp.predict.ranks`).
        """

    @abstractmethod
    def poll(self) -> dict[int, End]:
        """Return the jobs that have ended since the last call, by their place in the submitted list."""

    @abstractmethod
    def cancel(self) -> None:
        """End every job that still waits or runs."""


class DebugLauncher(Launcher):
    """Runs shards one after another in this process."""

    interval = 0.0

    def submit(self, specs: list[Path], ranks: int, nodes: int, seconds: float) -> None:
        """Keep the list; each `poll` runs one shard."""
        self._waiting = dict(enumerate(specs))

    def poll(self) -> dict[int, End]:
        """Run the next shard. An error that the user can mend is raised at once."""
        index = next(iter(self._waiting))
        try:
            run_shard(ShardSpec.read(self._waiting.pop(index)), job_id=f"debug-{os.getpid()}")
        except FoldcpError:
            raise
        except Exception as error:
            return {index: ends.failed(f"{type(error).__name__}: {error}")}
        return {index: ends.FINISHED}

    def cancel(self) -> None:
        """Forget the shards that wait; nothing runs outside this process."""
        self._waiting = {}


class LocalLauncher(Launcher):
    """Runs each shard in a job of its own, `local_jobs` at once, on the GPUs of this machine in turn."""

    interval = 0.25

    def submit(self, specs: list[Path], ranks: int, nodes: int, seconds: float) -> None:
        """Start the first jobs; `poll` starts the others as these end."""
        self._executor = submitit.LocalExecutor(folder=self.folder)
        self._executor.update_parameters(timeout_min=_LOCAL_MINUTES)
        gpus = _gpus() if self.config.device != "cpu" else []
        self._free = _groups(gpus, ranks)[: self.config.local_jobs] if gpus else [""] * self.config.local_jobs
        self._waiting = dict(enumerate(specs))
        self._running: dict[int, tuple[submitit.Job[None], str]] = {}
        self._start()

    def poll(self) -> dict[int, End]:
        """Return the jobs that have ended, and start as many."""
        ended = {index: _end_here(job) for index, (job, _) in self._running.items() if job.done()}
        for index in ended:
            self._free.append(self._running.pop(index)[1])
        self._start()
        return ended

    def cancel(self) -> None:
        """Kill the processes of the jobs."""
        self._waiting = {}
        for job, _ in self._running.values():
            with contextlib.suppress(psutil.NoSuchProcess):
                controller = psutil.Process(int(job.job_id))
                _kill([controller, *controller.children(recursive=True)])

    def _start(self) -> None:
        while self._free and self._waiting:
            index = next(iter(self._waiting))
            gpu = self._free.pop(0)
            task = ShardTask(self._waiting.pop(index), gpus=gpu, parent=os.getpid())
            self._running[index] = (self._executor.submit(task), gpu)


class SlurmLauncher(Launcher):
    """Submits the shards of a bin as one job array."""

    interval = 1.0

    def submit(self, specs: list[Path], ranks: int, nodes: int, seconds: float) -> None:
        """Submit the array."""
        if shutil.which("sbatch") is None:
            raise MissingError(
                "predict.launcher is 'slurm', but there is no sbatch on the PATH; run this on a login node, "
                "or use launcher 'local'"
            )
        executor = submitit.AutoExecutor(folder=self.folder, cluster="slurm")
        executor.update_parameters(**self._parameters(ranks, nodes, seconds))
        with _outside_any_job():
            jobs = executor.submit_array([ShardTask(spec) for spec in specs])
        self._jobs = dict(enumerate(jobs))
        self._queue = SlurmQueue([job.job_id for job in jobs])

    def poll(self) -> dict[int, End]:
        """Look for results, and ask the queue from time to time."""
        over = self._queue.over()
        # Touching the folder makes network filesystems show new files.
        self.folder.chmod(self.folder.stat().st_mode)
        ended = {
            index: end for index, job in self._jobs.items() if (end := _end_in_slurm(job, over)) is not None
        }
        for index in ended:
            self._queue.forget(self._jobs.pop(index).job_id)
        return ended

    def cancel(self) -> None:
        """Cancel all jobs with one scancel."""
        if self._jobs:
            subprocess.run(["scancel", *(job.job_id for job in self._jobs.values())], check=False, timeout=60)

    def _parameters(self, ranks: int, nodes: int, seconds: float) -> dict[str, Any]:
        slurm = self.config.slurm
        wants_gpus = slurm.gres and self.config.device != "cpu"
        per_node = ranks // nodes
        cpus = slurm.cpus_per_task * per_node
        return {
            "name": self.name,
            "timeout_min": _LOAD_MINUTES + 1 + int(seconds * slurm.time_margin / 60),
            "nodes": nodes,
            "tasks_per_node": 1,
            "cpus_per_task": cpus,
            "mem_gb": slurm.mem_gb and slurm.mem_gb * per_node,
            "slurm_partition": slurm.partition,
            "slurm_account": slurm.account,
            "slurm_qos": slurm.qos,
            "slurm_constraint": slurm.constraint,
            "slurm_gres": f"{slurm.gres}:{per_node}" if wants_gpus else None,
            "slurm_array_parallelism": slurm.max_jobs,
            "slurm_setup": slurm.setup or None,
            # Since SLURM 22.05 srun does not inherit --cpus-per-task from the job.
            "slurm_srun_args": ["--kill-on-bad-exit=1", f"--cpus-per-task={cpus}"],
        }


LAUNCHERS: dict[str, type[Launcher]] = {
    "debug": DebugLauncher,
    "local": LocalLauncher,
    "slurm": SlurmLauncher,
}


def _end_here(job: submitit.Job[None]) -> End:
    trace = _error(job) if job.paths.result_pickle.exists() else None
    if trace is None:
        return ends.killed("the job was killed", _log(job))
    return ends.failed(trace) if trace else ends.FINISHED


def _end_in_slurm(job: submitit.Job[None], over: list[str]) -> End | None:
    trace = _error(job) if job.paths.result_pickle.exists() else None
    if trace == "":
        return ends.FINISHED
    # An error is believed only once the job has left the queue: a preempted job may leave one and run again.
    if job.job_id not in over:
        return None
    return ends.failed(trace) if trace else how_ended(job.job_id, _log(job))


def _error(job: submitit.Job[None]) -> str | None:
    """Return the traceback of a job's result file, empty for success; None if it is not readable yet."""
    try:
        kind, result = pickle.loads(job.paths.result_pickle.read_bytes())
    except (EOFError, FileNotFoundError, pickle.UnpicklingError):
        return None
    return "" if kind == "success" else str(result)


def _log(job: submitit.Job[None], size: int = 4000) -> str:
    with contextlib.suppress(FileNotFoundError):
        return job.paths.stderr.read_bytes()[-size:].decode(errors="replace")
    return ""


def _gpus() -> list[str]:
    """Return the GPUs of this machine that this process may use, without importing torch."""
    if (visible := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        return [gpu for gpu in visible.split(",") if gpu]
    if shutil.which("nvidia-smi") is None:
        return []
    command = ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout.split()


def _groups(gpus: list[str], ranks: int) -> list[str]:
    """Return the GPUs of this machine in groups, one for each job at a time."""
    if len(gpus) < ranks:
        raise UsageError(
            f"the plan gives each complex of this bin {ranks} GPUs, but this machine has {len(gpus)}; "
            f"set plan.max_ranks to at most {len(gpus)}, or predict.device to cpu"
        )
    return [",".join(gpus[start : start + ranks]) for start in range(0, len(gpus) - ranks + 1, ranks)]


def _kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=10)


@contextlib.contextmanager
def _outside_any_job() -> Iterator[None]:
    # Inside a SLURM job sbatch would inherit that job's settings; which cluster to talk to must stay.
    cluster = os.environ.get("SLURM_CONF")
    with clean_env():
        if cluster is not None:
            os.environ["SLURM_CONF"] = cluster
        yield

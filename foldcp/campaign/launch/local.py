"""Jobs on this machine: in this process (`debug`), or in processes that end with it (`local`)."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import psutil
import submitit

from foldcp.campaign.launch import ends
from foldcp.campaign.launch.ends import End
from foldcp.campaign.launch.launcher import Launcher, log_of, trace_of
from foldcp.campaign.launch.task import ShardTask
from foldcp.config import PredictConfig
from foldcp.errors import FoldcpError, UsageError
from foldcp.predict.shard import ShardSpec, run_shard

_MINUTES = 30 * 24 * 60
"""Jobs on this machine have no time limit, but submitit wants one."""


class DebugLauncher(Launcher):
    """Runs shards one after another in this process."""

    interval = 0.0

    def __init__(self, folder: Path, name: str, config: PredictConfig) -> None:
        super().__init__(folder, name, config)
        self._submitted = 0
        self._waiting: dict[int, Path] = {}

    def submit(
        self, specs: Sequence[Path], ranks: int, nodes: int, seconds: float, at_once: int | None = None
    ) -> list[str]:
        """Keep the list; each `poll` runs one shard."""
        places = range(self._submitted, self._submitted + len(specs))
        self._submitted += len(specs)
        self._waiting |= dict(zip(places, specs, strict=True))
        return [_job_id(place) for place in places]

    def poll(self) -> dict[int, End]:
        """Run the next shard. An error that the user can mend is raised at once."""
        if not self._waiting:
            return {}
        place = next(iter(self._waiting))
        try:
            run_shard(ShardSpec.read(self._waiting.pop(place)), job_id=_job_id(place))
        except FoldcpError:
            raise
        except Exception as error:
            return {place: ends.failed(f"{type(error).__name__}: {error}")}
        return {place: ends.FINISHED}

    def cancel(self) -> None:
        """Forget the shards that wait; nothing runs outside this process."""
        self._waiting = {}


class _Waiting(NamedTuple):
    spec: Path
    ranks: int


class _Running(NamedTuple):
    job: submitit.Job[None]
    gpus: list[str]


class LocalLauncher(Launcher):
    """Runs each shard in a job of its own, `local_jobs` at once, each on as many GPUs as its mesh has ranks.

    Jobs start in the order of submission: one that waits for GPUs lets no smaller one pass.
    """

    interval = 0.25

    def __init__(self, folder: Path, name: str, config: PredictConfig) -> None:
        super().__init__(folder, name, config)
        self._executor = submitit.LocalExecutor(folder=folder)
        self._executor.update_parameters(timeout_min=_MINUTES)
        self._gpus = _gpus() if config.device != "cpu" else []
        self._free = list(self._gpus)
        self._submitted = 0
        self._waiting: dict[int, _Waiting] = {}
        self._running: dict[int, _Running] = {}

    def submit(
        self, specs: Sequence[Path], ranks: int, nodes: int, seconds: float, at_once: int | None = None
    ) -> list[str]:
        """Start the first jobs; `poll` starts the others as these end.

        Raises
        ------
        UsageError
            If this machine has GPUs, but fewer than `ranks`.
        """
        if self._gpus and len(self._gpus) < ranks:
            raise UsageError(
                f"the plan gives each complex of this bin {ranks} GPUs, but this machine has "
                f"{len(self._gpus)}; set plan.max_ranks to at most {len(self._gpus)}, or predict.device "
                "to cpu"
            )
        places = range(self._submitted, self._submitted + len(specs))
        self._submitted += len(specs)
        self._waiting |= {place: _Waiting(spec, ranks) for place, spec in zip(places, specs, strict=True)}
        self._start()
        return [_job_id(place) for place in places]

    def poll(self) -> dict[int, End]:
        """Return the jobs that have ended, and start as many."""
        ended = {place: _end(run.job) for place, run in self._running.items() if run.job.done()}
        for place in ended:
            self._free += self._running.pop(place).gpus
        self._free.sort(key=self._gpus.index)
        self._start()
        return ended

    def cancel(self) -> None:
        """Kill the processes of the jobs."""
        self._waiting = {}
        for run in self._running.values():
            with contextlib.suppress(psutil.NoSuchProcess):
                controller = psutil.Process(int(run.job.job_id))
                _kill([controller, *controller.children(recursive=True)])

    def _start(self) -> None:
        while self._waiting and len(self._running) < self.config.local_jobs:
            place, (spec, ranks) = next(iter(self._waiting.items()))
            wanted = ranks if self._gpus else 0
            if len(self._free) < wanted:
                return
            mine, self._free = self._free[:wanted], self._free[wanted:]
            task = ShardTask(spec, gpus=",".join(mine), parent=os.getpid())
            del self._waiting[place]
            self._running[place] = _Running(self._executor.submit(task), mine)


def _job_id(place: int) -> str:
    return f"{os.getpid()}-{place}"


def _end(job: submitit.Job[None]) -> End:
    trace = trace_of(job)
    if trace is None:
        return ends.killed("the job was killed", log_of(job))
    return ends.failed(trace) if trace else ends.FINISHED


def _gpus() -> list[str]:
    """Return the GPUs of this machine that this process may use, without importing torch."""
    if (visible := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        return [gpu for gpu in visible.split(",") if gpu]
    if shutil.which("nvidia-smi") is None:
        return []
    command = ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return [] if found.returncode else found.stdout.split()  # a broken driver explains itself on stdout


def _kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=10)

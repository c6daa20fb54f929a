"""What every launcher does, and how the result of one of submitit's jobs is read.

A launcher never waits on submitit's own view of a job: without accounting a killed SLURM job stays UNKNOWN
there for ever. A job has ended when its result file is there, or when the system that runs it says so.
"""

import contextlib
import pickle
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

import submitit

from foldcp.campaign.launch.ends import End
from foldcp.config import PredictConfig


class Launcher(ABC):
    """Runs the jobs of one bin.

    Parameters
    ----------
    folder
        Folder of submitit's files and the jobs' logs. Its parent is shared by all bins of a campaign.
    name
        Name of the jobs: of this bin of this campaign, and of no other.
    config
        How to run them.
    """

    interval: float
    """Seconds between two calls of `poll`."""
    outlives_campaign: bool = False
    """Whether jobs go on when the process that submitted them is killed."""
    at_once: int | None = None
    """Jobs of a bin that may run at once, where that must be said when they are submitted."""

    def __init__(self, folder: Path, name: str, config: PredictConfig) -> None:
        self.folder, self.name, self.config = folder, name, config

    @abstractmethod
    def submit(
        self, specs: Sequence[Path], ranks: int, nodes: int, seconds: float, at_once: int | None = None
    ) -> list[str]:
        """Submit one job per file, of one task per node; the longest is predicted to take `seconds`.

        A task starts its node's share of the `ranks` processes of the mesh (`foldcp.predict.ranks`). It may
        be called again, for another mesh. Of these jobs `at_once` may run at once; default: as many as of
        all jobs of the bin.

        Returns
        -------
        list of str
            Ids of the jobs, in the order of `specs`.
        """

    def attach(self, specs: Sequence[Path], job_ids: Sequence[str]) -> None:
        """Adopt jobs that another process has submitted from `specs`; they count on in `poll`.

        Raises
        ------
        NotImplementedError
            If jobs end with their campaign, so that there is none to adopt.
        """
        raise NotImplementedError(f"{type(self).__name__}: jobs end with the process that submitted them")

    def cancel_strays(self, known: set[str]) -> list[str]:
        """Cancel jobs of this name that are not in `known`, and return their ids.

        A process that is killed while it submits leaves jobs that nobody has written down.
        """
        return []

    @abstractmethod
    def poll(self) -> dict[int, End]:
        """Return the jobs that have ended since the last call, by their place among all jobs so far."""

    def waits(self) -> str:
        """Return one phrase on the jobs that wait, and why; empty where none does or nobody says."""
        return ""

    def news(self) -> list[str]:
        """Return what the user should know of the jobs now, each only once."""
        return []

    @abstractmethod
    def cancel(self) -> None:
        """End every job that still waits or runs."""


def trace_of(job: submitit.Job[None]) -> str | None:
    """Return the traceback in a job's result file, empty for success; None without a readable file."""
    try:
        kind, result = pickle.loads(job.paths.result_pickle.read_bytes())
    except (EOFError, FileNotFoundError, pickle.UnpicklingError):
        return None
    return "" if kind == "success" else str(result)


def log_of(job: submitit.Job[None], size: int = 4000) -> str:
    """Return the last `size` bytes of what a job printed to its standard error."""
    with contextlib.suppress(FileNotFoundError):
        return job.paths.stderr.read_bytes()[-size:].decode(errors="replace")
    return ""

"""The jobs of a campaign in SLURM's queue, asked about once per interval for all bins together.

Every bin is followed by a process of its own. Each writes the arrays it waits for into a folder they share;
whoever finds the last answer there older than the interval asks `squeue` about the arrays of all and puts the
answer there for the others. So SLURM sees one question per interval however many bins run. Arrays are asked
for by number, not by name: an answer then says which jobs it knows, so none that was submitted after the
question is taken for gone, and other jobs of the user, be they thousands, are in no answer.
"""

import contextlib
import dataclasses
import fcntl
import json
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from foldcp.campaign.launch import ends
from foldcp.campaign.launch.ends import End
from foldcp.campaign.launch.progress import duration
from foldcp.campaign.launch.slurm_commands import UNKNOWN, JobState, array_of, sacct, squeue
from foldcp.campaign.launch.waits import Waits, reason_of, remedy, summary, warnings
from foldcp.errors import WriteError
from foldcp.predict.outcomes import Outcome
from foldcp.tables.files import atomic_write

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
    "CANCELLED": End(Outcome.CRASHED, "the job was cancelled (scancel)", "cancelled"),
    "TIMEOUT": End(Outcome.TIMEOUT, "the job reached its time limit; raise slurm.time_margin", "timeout"),
    "DEADLINE": End(Outcome.TIMEOUT, "the job reached its deadline", "timeout"),
    "NODE_FAIL": End(Outcome.NODE_FAILURE, "the node failed", "node_failure"),
    "BOOT_FAIL": End(Outcome.NODE_FAILURE, "the node did not start", "node_failure"),
    "OUT_OF_MEMORY": End(
        Outcome.OOM, "the job used more host memory than it asked for; raise slurm.mem_gb", "oom"
    ),
    "PREEMPTED": End(Outcome.PREEMPTED, "the job was preempted and not requeued", "preempted"),
}
"""Ends that SLURM itself has brought about. A traceback beside one of them is its consequence, or older."""
FOLDER = ".queue"
"""Folder beside the bins' logs that all bins of a campaign share."""
_ANSWER = "squeue.json"
_INTERVAL = 5.0
"""Least seconds between two questions to the controller."""
_SHARE = 20
"""A busy controller is asked less often: at most this part of the time is spent on its answers."""
_LONGEST = 60.0
"""Most seconds between two questions: one that a dead controller did not answer says nothing of the next."""
_GRACE = 4.0
"""A job must be seen ended twice, so far apart (s): a requeue looks like an end for a moment, and network
filesystems show result files late."""


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """One answer of `squeue`.

    Attributes
    ----------
    at
        When it was asked, seconds since 1970.
    took
        Seconds the answer took.
    arrays
        Arrays asked about; it says nothing about others.
    jobs
        State and exit code by job id. None: the controller was silent.
    """

    at: float = 0.0
    took: float = 0.0
    arrays: list[str] = dataclasses.field(default_factory=list)
    jobs: dict[str, JobState] | None = None

    @classmethod
    def read(cls, path: Path) -> "Snapshot":
        """Return the answer in a file; an empty one if there is none, or it is of another version."""
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            jobs = {job: JobState(*state) for job, state in (values.pop("jobs") or {}).items()}
            silent = values.pop("silent")
            return cls(**values, jobs=None if silent else jobs)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return cls()

    def write(self, path: Path) -> None:
        """Write the answer for the processes of the other bins."""
        with atomic_write(path, "w") as handle:
            json.dump(dataclasses.asdict(self) | {"silent": self.jobs is None}, handle)


class SlurmQueue:
    """The jobs of one bin in SLURM's queue.

    Parameters
    ----------
    folder
        Folder that all bins of the campaign share.
    name
        Name of this bin's file in it.

    Attributes
    ----------
    waits
        What the last answer said of jobs that wait.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._mine = folder, folder / f"{name}.jobs"
        self._jobs: set[str] = set()
        self._ended: dict[str, float] = {}  # when first seen ended
        self._states: dict[str, JobState] = {}  # of these
        self._seen, self._seen_at = Snapshot(), time.monotonic()
        self._judged_at = self._seen_at
        self.waits = Waits()

    def add(self, job_ids: Collection[str]) -> None:
        """Ask about these jobs too (123_4, or 123) from now on.

        Raises
        ------
        WriteError
            If the shared folder cannot be written.
        """
        self._jobs |= set(job_ids)
        with atomic_write(self._mine, "w") as handle:
            handle.write("\n".join(sorted({array_of(job) for job in self._jobs})))

    def forget(self, job_ids: Collection[str]) -> None:
        """Ask no more about these jobs."""
        self._jobs.difference_update(job_ids)
        self.waits.forget(job_ids)
        for job in job_ids:
            self._ended.pop(job, None)
            self._states.pop(job, None)
        if not self._jobs:
            self._mine.unlink(missing_ok=True)

    def over(self) -> set[str]:
        """Return the jobs that have ended for good; the controller is asked when it is time."""
        if self._jobs and self._look() and self._seen.jobs is not None:
            self._judge(self._seen.jobs)
        return {job for job, since in self._ended.items() if self._judged_at - since >= _GRACE}

    def states(self, job_ids: Collection[str]) -> dict[str, JobState]:
        """Return the states in which jobs ended; one call of sacct for all that the controller forgot."""
        forgotten = [job for job in job_ids if job not in self._states]
        found = self._states | (sacct(forgotten) if forgotten else {})
        return {job: found.get(job, UNKNOWN) for job in job_ids}

    def _judge(self, jobs: dict[str, JobState]) -> None:
        self._judged_at = self._seen_at
        self.waits.update({job: jobs[job] for job in self._jobs & jobs.keys()}, self._seen_at)
        for job in self._jobs:
            state = jobs.get(job)
            if array_of(job) not in self._seen.arrays:
                continue
            if state and state.state in _ACTIVE:
                self._ended.pop(job, None)
                self._states.pop(job, None)
                continue
            self._ended.setdefault(job, self._seen_at)
            if state:
                self._states[job] = state

    def _look(self) -> bool:
        """Look for a newer answer, ask if it is time, and return whether there is one."""
        if self._take(Snapshot.read(self._path)):
            return True
        # Its age is measured with this process's own clock, for those of other machines may differ.
        if time.monotonic() - self._seen_at < max(_INTERVAL, min(_SHARE * self._seen.took, _LONGEST)):
            return False
        with self._turn() as mine:
            if not mine:
                return False  # another process is asking right now
            if self._take(Snapshot.read(self._path)):
                return True  # another process has asked since
            self._seen, self._seen_at = self._ask(), time.monotonic()
        return True

    def _take(self, found: Snapshot) -> bool:
        if found.at <= self._seen.at:
            return False
        self._seen, self._seen_at = found, time.monotonic()
        return True

    def _ask(self) -> Snapshot:
        at, start = time.time(), time.monotonic()
        arrays = sorted({array for file in self._folder.glob("*.jobs") for array in _words(file)})
        snapshot = Snapshot(at, arrays=arrays, jobs=squeue(arrays))
        snapshot = dataclasses.replace(snapshot, took=time.monotonic() - start)
        with contextlib.suppress(WriteError):  # a full disk: the others ask for themselves
            snapshot.write(self._path)
        return snapshot

    @property
    def _path(self) -> Path:
        return self._folder / _ANSWER

    @contextlib.contextmanager
    def _turn(self) -> Iterator[bool]:
        with (self._folder / "squeue.lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            except OSError:  # a filesystem without locks: each bin asks for itself
                yield True
            else:
                yield True


def how_ended(state: JobState, trace: str | None, log: str) -> End:
    """Return how a job ended.

    Parameters
    ----------
    state
        What SLURM says.
    trace
        Traceback that the job left; None if it left no result.
    log
        The end of what it printed.
    """
    if end := _ENDS.get(state.state):
        return end
    if words := remedy(state.reason):
        return ends.never_started(words, state.reason)
    if trace is not None:
        return ends.failed(trace)
    code = state.exit_code or "unknown"
    return ends.killed(f"the job ended without a result (state {state.state}, exit code {code})", log)


def waiting_jobs(folder: Path) -> list[str]:
    """Return what the last answer in a campaign's shared folder says of its jobs that wait, in sentences."""
    arrays = {array for file in folder.glob("*.jobs") for array in _words(file)}
    snapshot = Snapshot.read(folder / _ANSWER)
    mine = (state for job, state in (snapshot.jobs or {}).items() if array_of(job) in arrays)
    reasons = [reason for state in mine if (reason := reason_of(state))]
    asked = f"SLURM was asked {duration(max(0.0, time.time() - snapshot.at))} ago"
    return [f"{summary(reasons)}; {asked}", *warnings(reasons).values()] if reasons else []


def _words(file: Path) -> list[str]:
    with contextlib.suppress(FileNotFoundError):  # its bin has ended meanwhile
        return file.read_text(encoding="utf-8").split()
    return []

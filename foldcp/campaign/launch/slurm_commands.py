"""The calls of SLURM's programs, and the reading of what they print. Checked with SLURM 22.05."""

import itertools
import os
import re
import subprocess
from collections.abc import Collection
from typing import NamedTuple

from foldcp.errors import MissingError

DEFAULT_MAX_ARRAY_SIZE = 1001
"""SLURM's own default."""
_TIMEOUT = 60
_COLUMNS = {"JobArrayID": 64, "State": 32, "exit_code": 16, "Reason": 128}
"""What squeue is asked for, and how wide it prints that."""
_SILENCE = (
    "unable to contact slurm controller",
    "connect failure",
    "socket timed out",
    "zero bytes were transmitted",
    "connection refused",
)


class SilentError(MissingError):
    """SLURM's controller does not answer: it restarts, or is busy, or the network is down."""


class JobState(NamedTuple):
    """State of a job and the reason for it, as SLURM names them, and its exit code as ``code:signal``.

    What is unknown is empty.
    """

    state: str
    exit_code: str = ""
    reason: str = ""


UNKNOWN = JobState("UNKNOWN")


def array_of(job_id: str) -> str:
    """Return the number that squeue and scancel take: 123 for task 123_4 of an array, and for job 123."""
    return job_id.partition("_")[0]


def is_silence(words: str) -> bool:
    """Return whether a program of SLURM failed because the controller did not answer."""
    return any(silence in words.lower() for silence in _SILENCE)


def squeue(arrays: Collection[str]) -> dict[str, JobState] | None:
    """Return the state of every task of `arrays` that the controller remembers, or None if it is silent.

    It remembers ended jobs for a while (`MinJobAge`, five minutes by default), with their exit codes.
    """
    # Asked for the jobs of one user, the controller sends no others, and squeue picks the arrays from these.
    code, out, err = _run(
        *("squeue", "-h", "-r", "-t", "all", "-u", str(os.getuid()), "-j", ",".join(sorted(arrays))),
        *("-O", ",".join(f"{name}:{width}" for name, width in _COLUMNS.items())),
    )
    if code and "Invalid job id" not in err:
        return None
    rows = (_cells(line) for line in out.splitlines() if line.strip())
    return {job: JobState(state, _exit_code(code), reason) for job, state, code, reason in rows}


def sacct(job_ids: Collection[str]) -> dict[str, JobState]:
    """Return what accounting knows of jobs; nothing where there is no accounting."""
    jobs = ",".join(sorted(job_ids))
    code, out, _ = _run("sacct", "-X", "-n", "-P", "-j", jobs, "-o", "JobID,State,ExitCode")
    rows = [line.split("|") for line in out.splitlines() if line.count("|") == 2]
    # "CANCELLED by 0" names the user.
    return {} if code else {job: JobState(state.split()[0], exit_code) for job, state, exit_code in rows}


def arrays_named(name: str) -> set[str]:
    """Return the jobs and arrays of this user with exactly this name that wait or run.

    Raises
    ------
    SilentError
        If the controller does not answer.
    """
    code, out, err = _run("squeue", "-h", "-u", str(os.getuid()), "-n", name, "-o", "%F %j")
    if code:
        raise SilentError(f"squeue failed: {err.strip() or f'exit code {code}'}; try again when SLURM is up")
    rows = (line.partition(" ") for line in out.splitlines())
    return {array for array, _, named in rows if named == name}  # squeue takes a name in any case


def scancel(arrays: Collection[str]) -> None:
    """Cancel jobs and whole arrays, with one call.

    Raises
    ------
    SilentError
        If the controller does not answer, so that they go on.
    """
    if not arrays:
        return
    code, _, err = _run("scancel", *sorted(arrays))
    ended = ("Invalid job id specified", "already completing or completed")
    if code and not all(any(words in line for words in ended) for line in err.splitlines() or [""]):
        command = f"scancel {' '.join(sorted(arrays))}"
        raise SilentError(f"scancel failed ({err.strip()}), so jobs go on in SLURM; end them with: {command}")


def max_array_size() -> int:
    """Return how many tasks an array may have at this site (indices are below SLURM's MaxArraySize)."""
    found = re.search(r"^MaxArraySize\s*=\s*(\d+)", _run("scontrol", "show", "config")[1], re.MULTILINE)
    return max(1, int(found[1])) if found else DEFAULT_MAX_ARRAY_SIZE


def _cells(line: str) -> list[str]:
    # By width: a reason has several words, and what is unknown is empty.
    ends = list(itertools.accumulate(_COLUMNS.values()))
    return [line[start:end].strip() for start, end in zip([0, *ends], ends, strict=False)]


def _exit_code(text: str) -> str:
    # squeue prints the status of wait(2) as a number, newer ones as code:signal
    return f"{int(text) >> 8}:{int(text) & 127}" if text.isdigit() else text


def _run(*command: str) -> tuple[int, str, str]:
    # A user's settings of these programs must not narrow or reshape what they print.
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("SQUEUE_", "SACCT_", "SCANCEL_"))}
    try:
        got = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT, check=False, env=kept)
    except (OSError, subprocess.TimeoutExpired) as error:
        return -1, "", str(error)
    return got.returncode, got.stdout, got.stderr

"""Why jobs wait, in squeue's words, and what becomes of those that can never start."""

import time

import pytest

from foldcp.campaign.launch import slurm, slurm_queue, waits
from foldcp.campaign.launch.slurm import SlurmLauncher
from foldcp.campaign.launch.slurm_commands import JobState, squeue
from foldcp.campaign.launch.slurm_queue import FOLDER, how_ended, waiting_jobs
from foldcp.campaign.launch.waits import Waits, reason_of, remedy
from foldcp.config import PredictConfig


def answer(*lines):
    widths = (64, 32, 16, 128)
    rows = ("".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)) for line in lines)
    return "cat <<END\n" + "\n".join(rows) + "\nEND"


# As SLURM 22.05 prints them.
WAITING = [
    ("7_0", "PENDING", "0", "PartitionTimeLimit"),
    ("7_1", "PENDING", "0", "Priority"),
    ("7_2", "PENDING", "0", "ReqNodeNotAvail, UnavailableNodes:fold[0-1]"),
    ("7_3", "RUNNING", "0", "None"),
    ("8", "PENDING", "0", "job requeued in held state"),
]


def test_the_one_call_tells_the_reasons_too(program):
    calls = program("squeue", answer(*WAITING, ("9", "FAILED", "256", "NonZeroExitCode")))
    states = squeue(["7", "8", "9"])
    assert len(calls.read_text().splitlines()) == 1
    assert states["8"] == ("PENDING", "0:0", "job requeued in held state")
    assert states["9"] == ("FAILED", "1:0", "NonZeroExitCode")
    assert [reason_of(states[job]) for job in ("7_0", "7_2", "7_3", "9")] == [
        "PartitionTimeLimit",
        "ReqNodeNotAvail",
        "",
        "",
    ]


def test_what_squeue_leaves_empty_is_unknown(program):
    program("squeue", answer(("7", "PENDING", "", "")))
    assert squeue(["7"]) == {"7": ("PENDING", "", "")}


@pytest.mark.parametrize(
    "reason",
    [
        "PartitionTimeLimit",
        "PartitionNodeLimit",
        "AssocMaxWallDurationPerJobLimit",
        "QOSMaxWallDurationPerJobLimit",
        "QOSMaxGRESPerJob",
        "AssocMaxCpuPerJobLimit",
        "QOSMinGRES",
        "BadConstraints",
        "JobHeldUser",
        "JobHeldAdmin",
        "launch failed requeued held",
        "job requeued in held state",
        "DependencyNeverSatisfied",
        "InvalidAccount",
        "AccountNotAllowed",
        "InvalidQOS",
        "QOSNotAllowed",
    ],
)
def test_what_never_passes_has_a_remedy(reason):
    assert remedy(reason)


@pytest.mark.parametrize(
    "reason",
    [
        "",
        "Priority",
        "Resources",
        "Dependency",
        "BeginTime",
        "JobArrayTaskLimit",
        "ReqNodeNotAvail",
        "AssocGrpGRES",
        "AssocMaxJobsLimit",
        "QOSMaxJobsPerUserLimit",
        "QOSMaxGRESPerUser",
        "QOSGrpNodeLimit",
        "PartitionDown",
        "NonZeroExitCode",
    ],
)
def test_what_passes_by_itself_has_none(reason):
    assert remedy(reason) is None


def states(**reasons):
    return {job: JobState("PENDING", "0:0", reason) for job, reason in reasons.items()}


def test_a_reason_is_told_once_an_hour_and_all_of_them_are_counted():
    it = Waits()
    assert (it.summary(), it.news(), it.hopeless()) == ("", [], {})
    it.update(states(a="BadConstraints", b="BadConstraints", c="Priority"), 0.0)
    assert it.summary() == "3 jobs wait (BadConstraints 2, Priority 1)"
    (line,) = it.news()
    assert line.startswith("2 jobs cannot start: no node has what it asks for")
    assert line.endswith("(SLURM's reason: BadConstraints); left so, it is given up after 60 min")
    it.update(states(a="BadConstraints", c="JobHeldUser"), 5.0)
    (line,) = it.news()
    assert line.startswith("1 job cannot start: it is held") and line.endswith("; it is waited for")
    assert it.news() == []
    it.update(states(c="JobHeldUser"), waits.PATIENCE + 4.0)
    assert it.news() == []
    it.update(states(c="JobHeldUser"), waits.PATIENCE + 5.0)
    assert it.news() == [line] and it.news() == []


def test_a_job_is_given_up_only_if_its_reason_has_lasted():
    it = Waits()
    it.update(states(a="PartitionTimeLimit", b="PartitionTimeLimit", c="Priority"), 0.0)
    it.update(states(a="PartitionTimeLimit", b="Priority", c="Priority"), waits.PATIENCE - 1)
    assert it.hopeless() == {}
    it.update(states(a="BadConstraints", b="PartitionTimeLimit", c="Priority"), waits.PATIENCE)
    assert it.hopeless() == {"a": "BadConstraints"}  # changed meanwhile: it could start no more than before
    it.forget(["a"])
    assert it.hopeless() == {} and it.summary() == "2 jobs wait (PartitionTimeLimit 1, Priority 1)"


@pytest.mark.parametrize("reason", ["JobHeldUser", "JobHeldAdmin", "PartitionNodeLimit"])
def test_a_job_that_others_may_let_start_is_never_given_up(reason):
    it = Waits()
    it.update(states(a="PartitionTimeLimit"), 0.0)
    for at in (10.0, 2 * waits.PATIENCE, 5 * waits.PATIENCE):
        it.update(states(a=reason), at)
        assert it.hopeless() == {} and remedy(reason) and len(it.news()) == 1
    # An hour to mend it begins when it is let go.
    it.update(states(a="PartitionTimeLimit"), 6 * waits.PATIENCE)
    assert it.hopeless() == {}
    it.update(states(a="PartitionTimeLimit"), 7 * waits.PATIENCE)
    assert it.hopeless() == {"a": "PartitionTimeLimit"}


@pytest.fixture
def launcher(tmp_path, program, monkeypatch):
    """A launcher that follows job 8 and the four of array 7."""
    for name in ("_INTERVAL", "_SHARE", "_GRACE"):
        monkeypatch.setattr(slurm_queue, name, 0)
    launcher = SlurmLauncher(tmp_path / "logs" / "0000512", "foldcp-x", PredictConfig())
    jobs = ["7_0", "7_1", "7_2", "7_3", "8"]
    launcher.attach([tmp_path / f"{job}.json" for job in jobs], jobs)
    program("squeue", answer(*WAITING))
    return launcher


def test_jobs_that_cannot_start_are_said_at_once_and_given_up_in_the_end(launcher, program, monkeypatch):
    cancelled = program("scancel", "")
    assert launcher.poll() == {} and not cancelled.exists()
    assert launcher.waits().startswith("4 jobs wait (")
    first, second = launcher.news()
    assert "PartitionTimeLimit" in first and "predict.slurm.partition" in first
    assert "scontrol release" in second

    monkeypatch.setattr(waits, "PATIENCE", 0.0)
    program("scancel", 'echo "scancel: error: Socket timed out" >&2; exit 1')
    assert launcher.poll() == {}  # not while it may still start
    program("scancel", "")
    ended = launcher.poll()
    assert cancelled.read_text().splitlines()[-1] == "7_0 8"
    assert {(end.outcome, end.cause) for end in ended.values()} == {("crashed", "never_started")}
    assert ended.keys() == {0, 4}
    assert ended[0].message.startswith("the job could not start: it asks for more time than its partition")
    program("squeue", answer(*WAITING[1:4]))
    assert launcher.poll() == {} and launcher.waits() == "2 jobs wait (Priority 1, ReqNodeNotAvail 1)"


def test_a_job_that_slurm_itself_gives_up_says_why():
    end = how_ended(JobState("FAILED", "0:1", "BadConstraints"), None, "")
    assert end.cause == "never_started" and "predict.slurm.constraint" in end.message


def test_the_answer_can_be_read_by_anybody_while_a_bin_is_followed(launcher, tmp_path):
    folder = tmp_path / "logs" / FOLDER
    assert waiting_jobs(folder) == [] == waiting_jobs(tmp_path / "nowhere")
    launcher.poll()
    counts, *cannot = waiting_jobs(folder)
    assert counts.startswith("4 jobs wait (") and counts.endswith("; SLURM was asked 0 s ago")
    assert len(cannot) == 2 and "PartitionTimeLimit" in cannot[0]
    launcher._queue.forget(["7_0", "7_1", "7_2", "7_3", "8"])
    assert waiting_jobs(folder) == []


def test_strays_that_come_late_are_cancelled_once(launcher, program, monkeypatch):
    monkeypatch.setattr(launcher, "_strays_due", time.monotonic())
    program("squeue", 'case "$*" in *foldcp-x*) printf "7 foldcp-x\\n9 foldcp-x\\n";; *) exit 1;; esac')
    cancelled = program("scancel", "")
    launcher.poll()
    launcher.poll()
    assert cancelled.read_text() == "9\n"  # the others are its own
    assert launcher.news() == ["cancelled jobs that came late and from nowhere: 9"]
    assert slurm._LATE > 120

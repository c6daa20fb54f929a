"""One answer for all bins, and what it says of a job."""

import contextlib
import multiprocessing
import time

import pytest

from foldcp.campaign.launch import slurm_commands, slurm_queue
from foldcp.campaign.launch.ends import failed, killed
from foldcp.campaign.launch.slurm_commands import UNKNOWN, JobState, SilentError
from foldcp.campaign.launch.slurm_queue import SlurmQueue, Snapshot, how_ended


def answer(*lines):
    return (
        "cat <<END\n"
        + "\n".join(f"{job:<64}{state:<32}{code:<16}{'None':<128}" for job, state, code in lines)
        + "\nEND"
    )


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    for name in ("_INTERVAL", "_SHARE", "_GRACE"):
        monkeypatch.setattr(slurm_queue, name, 0)


@pytest.fixture
def queue(tmp_path):
    queue = SlurmQueue(tmp_path / "shared", "bin")
    queue.add(["7_0", "7_1", "7_2", "7_3", "8"])
    return queue


def test_one_call_names_every_array_once_and_this_user_alone(program, queue):
    calls = program(
        "squeue",
        answer(("7_0", "RUNNING", 0), ("7_1", "FAILED", 256), ("7_2", "PENDING", 0), ("8", "PENDING", 0)),
    )
    assert queue.over() == {"7_1", "7_3"}  # the controller has forgotten 7_3
    (call,) = calls.read_text().splitlines()
    assert call.startswith("-h -r -t all -u ") and " -j 7,8 " in call
    queue.forget(["7_1"])
    assert queue.over() == {"7_3"}


def test_calls_are_bounded_and_fewer_when_the_controller_is_slow(program, queue, monkeypatch):
    calls = program("squeue", "sleep 0.1")
    monkeypatch.setattr(slurm_queue, "_SHARE", 1000)
    for _ in range(5):
        queue.over()
    assert len(calls.read_text().splitlines()) == 1


def test_the_first_question_waits_for_the_interval_too(program, queue, monkeypatch):
    calls = program("squeue", "")
    monkeypatch.setattr(slurm_queue, "_INTERVAL", 60)
    assert queue.over() == set() and not calls.exists()


def test_nothing_is_asked_when_nothing_is_waited_for(program, queue):
    calls = program("squeue", "")
    queue.forget(["7_0", "7_1", "7_2", "7_3", "8"])
    assert queue.over() == set() and not calls.exists()


@pytest.mark.parametrize(
    "body",
    [
        'echo "slurm_load_jobs error: Unable to contact slurm controller (connect failure)" >&2; exit 1',
        "exit 1",
    ],
)
def test_a_controller_that_does_not_answer_ends_no_job(program, queue, body):
    program("squeue", body)
    assert queue.over() == set()


def test_silence_between_two_answers_is_not_time_in_which_a_job_stays_ended(program, queue, monkeypatch):
    monkeypatch.setattr(slurm_queue, "_GRACE", 0.05)
    program("squeue", answer(("8", "PREEMPTED", 0)))
    queue.over()
    time.sleep(0.1)
    program("squeue", "exit 1")
    assert queue.over() == set()
    program("squeue", answer(("8", "PREEMPTED", 0)))
    assert "8" in queue.over()


def test_jobs_that_the_controller_has_forgotten_are_over(program, tmp_path):
    program("squeue", 'echo "slurm_load_jobs error: Invalid job id specified" >&2; exit 1')
    queue = SlurmQueue(tmp_path, "bin")
    queue.add(["7"])
    assert queue.over() == {"7"}


def test_a_requeued_job_is_not_over(program, queue, monkeypatch):
    monkeypatch.setattr(slurm_queue, "_GRACE", 0.05)
    program("squeue", answer(("8", "PREEMPTED", 0)))
    assert queue.over() == set()
    program("squeue", answer(("8", "PENDING", 0)))
    time.sleep(0.1)
    assert "8" not in queue.over()


def test_users_settings_of_squeue_do_not_hide_jobs(program, queue, monkeypatch):
    monkeypatch.setenv("SQUEUE_PARTITION", "another")
    program("squeue", '[ -n "$SQUEUE_PARTITION" ] || ' + answer(("8", "RUNNING", 0)))
    assert "8" not in queue.over()


def test_an_answer_says_nothing_of_arrays_it_was_not_asked_about(program, queue, monkeypatch):
    monkeypatch.setattr(slurm_queue, "_INTERVAL", 60)
    Snapshot(at=time.time() + 1, arrays=["7"], jobs={}).write(queue._path)
    assert queue.over() == {"7_0", "7_1", "7_2", "7_3"}  # not 8


def test_a_damaged_answer_is_asked_for_anew(program, queue):
    queue._path.write_text('{"at": 3')
    calls = program("squeue", answer(("8", "RUNNING", 0)))
    assert "8" not in queue.over() and len(calls.read_text().splitlines()) == 1


def test_who_comes_second_takes_the_answer_of_the_first(program, queue, monkeypatch):
    calls, turn = program("squeue", ""), queue._turn

    @contextlib.contextmanager
    def late():
        with turn() as mine:
            Snapshot(at=time.time() + 1, arrays=["8"], jobs={}).write(queue._path)
            yield mine

    monkeypatch.setattr(queue, "_turn", late)
    assert queue.over() == {"8"} and not calls.exists()


def test_who_finds_another_asking_goes_on_with_what_is_known(program, queue):
    calls = program("squeue", "")
    with queue._turn() as mine:
        assert mine and queue.over() == set() and not calls.exists()


def follow_for(seconds, folder, name, interval):
    slurm_queue._INTERVAL, slurm_queue._SHARE = interval, 0
    queue = SlurmQueue(folder, name)
    queue.add([name])
    stop = time.monotonic() + seconds
    while time.monotonic() < stop:
        queue.over()
        time.sleep(0.01)


def test_ten_processes_share_one_call_per_interval(program, tmp_path):
    calls = program("squeue", "sleep 0.05")
    fork = multiprocessing.get_context("fork")
    processes = [
        fork.Process(target=follow_for, args=(2.0, tmp_path / "shared", str(n), 0.5)) for n in range(10, 20)
    ]
    begin = time.monotonic()
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    asked = calls.read_text().splitlines()
    assert 2 <= len(asked) <= (time.monotonic() - begin) / 0.5 + 1
    assert " -j 10,11,12,13,14,15,16,17,18,19 " in asked[-1]


def test_states_of_all_that_was_forgotten_come_from_one_call(program, queue):
    program("squeue", answer(("7_0", "FAILED", 9472), ("7_1", "TIMEOUT", 0)))
    calls = program("sacct", 'echo "7_2|CANCELLED by 0|0:15"; echo "7_3|NODE_FAIL|0:0"; echo "8.batch|x"')
    states = queue.states(queue.over())
    assert {job: state[:2] for job, state in states.items()} == {
        "7_0": ("FAILED", "37:0"),
        "7_1": ("TIMEOUT", "0:0"),
        "7_2": ("CANCELLED", "0:15"),
        "7_3": ("NODE_FAIL", "0:0"),
        "8": ("UNKNOWN", ""),
    }
    assert calls.read_text().count("\n") == 1 and " -j 7_2,7_3,8 " in calls.read_text()


def test_without_accounting_a_forgotten_job_is_unknown(program, queue):
    program("squeue", "")
    program("sacct", 'echo "Slurm accounting storage is disabled" >&2; exit 1')
    assert set(queue.states(queue.over()).values()) == {UNKNOWN}


def test_no_accounting_is_asked_about_what_the_controller_remembers(program, queue):
    program("squeue", answer(("7_0", "FAILED", 256)))
    calls = program("sacct", "")
    assert queue.states(["7_0"]) and calls.exists()  # not looked yet
    calls.unlink()
    queue.over()
    assert queue.states(["7_0"])["7_0"][:2] == ("FAILED", "1:0") and not calls.exists()


@pytest.mark.parametrize(
    ("state", "outcome", "cause"),
    [
        ("CANCELLED", "crashed", "cancelled"),
        ("TIMEOUT", "timeout", "timeout"),
        ("NODE_FAIL", "node_failure", "node_failure"),
        ("OUT_OF_MEMORY", "oom", "oom"),
        ("PREEMPTED", "preempted", "preempted"),
        ("FAILED", "crashed", "killed"),
    ],
)
def test_states_become_outcomes(state, outcome, cause):
    end = how_ended(JobState(state, "0:9"), None, "")
    assert (end.outcome, end.cause) == (outcome, cause) and end.message


def test_what_slurm_has_brought_about_beats_the_traceback_it_left():
    assert (
        how_ended(JobState("NODE_FAIL"), "RuntimeError: Connection closed by peer", "").cause
        == "node_failure"
    )
    assert how_ended(JobState("FAILED"), "ValueError: x", "").message == "the job failed: ValueError: x"


def test_a_log_that_speaks_of_memory_makes_a_killed_job_oom():
    assert killed("killed", "slurmstepd: error: Detected 1 oom_kill event").outcome == "oom"
    assert killed("killed", "all fine").outcome == "crashed"


REQUEUE = "subprocess.CalledProcessError: Command '['scontrol', 'requeue', '7_0']' "


@pytest.mark.parametrize(
    ("trace", "outcome", "cause"),
    [
        ("submitit...: Job not requeued because: timed-out too many times.", "timeout", "timeout"),
        (REQUEUE + "died with <Signals.SIGTERM: 15>.", "preempted", "preempted"),
        (REQUEUE + "returned non-zero exit status 1.", "preempted", "preempted"),
        ("RuntimeError: DefaultCPUAllocator: out of memory", "oom", "crashed"),
        (
            "torch.AcceleratorError: CUDA error: an illegal memory access\n"
            "CUDA kernel errors might be reported later.\n\nCompile with `TORCH_USE_CUDA_DSA`.\n",
            "crashed",
            "killed",
        ),
        ("foldcp.predict.outcomes.RankError: rank 1 was killed by SIGKILL", "crashed", "killed"),
        ("foldcp.predict.outcomes.KeeperError: process 1 has been silent for 45 s", "crashed", "killed"),
        ("ValueError: no", "crashed", "crashed"),
    ],
)
def test_tracebacks_become_outcomes(trace, outcome, cause):
    end = failed(f"Traceback (most recent call last):\n{trace}")
    assert (end.outcome, end.cause) == (outcome, cause)


@pytest.mark.parametrize(
    ("said", "size"),
    [
        ("MailProg  = /bin/mail\\nMaxArraySize            = 10001\\nMaxDBDMsgs = 1", 10001),
        ("MaxArraySize            = 0", 1),
        ("slurm_load_ctl_conf error: Unable to contact slurm controller", 1001),
    ],
)
def test_largest_array(program, said, size):
    program("scontrol", f'printf "{said}\\n"')
    assert slurm_commands.max_array_size() == size


def test_strays_are_found_by_their_exact_name(program):
    calls = program("squeue", 'printf "7 foldcp-a\\n7 foldcp-a\\n9 FOLDCP-A\\n"')
    assert slurm_commands.arrays_named("foldcp-a") == {"7"}
    assert " -n foldcp-a " in calls.read_text()
    program("squeue", "exit 1")
    with pytest.raises(SilentError):
        slurm_commands.arrays_named("foldcp-a")


def test_jobs_that_could_not_be_cancelled_are_named(program):
    calls = program(
        "scancel", 'echo "scancel: error: Kill job error on job id 7: Invalid job id specified" >&2; exit 1'
    )
    slurm_commands.scancel({"8", "7"})
    assert calls.read_text() == "7 8\n"
    program("scancel", 'echo "scancel: error: slurm_kill_job: Socket timed out" >&2; exit 1')
    with pytest.raises(SilentError, match="end them with: scancel 7 8"):
        slurm_commands.scancel({"8", "7"})
    slurm_commands.scancel([])

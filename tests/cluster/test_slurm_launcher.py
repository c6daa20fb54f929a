"""The SLURM launcher on the real programs, with jobs so light that they end within a second."""

import os
import shutil
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

import cloudpickle
import pytest
from submitit.helpers import DelayedSubmission

from foldcp.campaign.launch import slurm, slurm_commands, slurm_queue
from foldcp.campaign.launch.ends import FINISHED
from foldcp.campaign.launch.slurm_commands import array_of
from foldcp.config import PredictConfig

pytestmark = pytest.mark.slurm
cloudpickle.register_pickle_by_value(sys.modules[__name__])


class Light:
    """Stands in for a shard: runs the lines of Python in its file, and asks to run again when it must go."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self) -> None:
        exec(self.path.read_text())

    def checkpoint(self) -> DelayedSubmission:
        return DelayedSubmission(self)


class Bin:
    """A bin of light jobs."""

    def __init__(self, folder: Path, partition: str, **settings) -> None:
        self.folder = folder
        self.name = f"queue-test-{uuid.uuid4().hex[:8]}"
        self.settings = {"partition": partition, "cpus_per_task": 1, "gres": "", "mem_gb": 0.1, **settings}

    def launcher(self) -> slurm.SlurmLauncher:
        return slurm.SlurmLauncher(self.folder, self.name, PredictConfig(slurm=self.settings))

    def jobs(self, *codes: str) -> list[Path]:
        self.folder.mkdir(parents=True, exist_ok=True)
        files = [self.folder / f"{number}-{uuid.uuid4().hex[:4]}.py" for number in range(len(codes))]
        for file, code in zip(files, codes, strict=True):
            file.write_text(code)
        return files

    def submit(self, *codes: str) -> tuple[slurm.SlurmLauncher, list[str]]:
        launcher = self.launcher()
        return launcher, launcher.submit(self.jobs(*codes), 1, 1, 60.0)


@pytest.fixture
def bin_of(tmp_path, slurm, monkeypatch):
    monkeypatch.setattr("foldcp.campaign.launch.slurm.ShardTask", Light)
    monkeypatch.setattr(slurm_queue, "_INTERVAL", 0.5)
    monkeypatch.setattr(slurm_queue, "_GRACE", 0.4)
    monkeypatch.setattr(slurm_queue, "_SHARE", 0)
    made = []

    def make(folder: str = "bin", **settings) -> Bin:
        made.append(Bin(tmp_path / "logs" / folder, slurm, **settings))
        return made[-1]

    yield make
    for bin in made:
        subprocess.run(["scancel", "--name", bin.name], check=True)


def follow(launcher, count, seconds=60):
    ended, stop = {}, time.monotonic() + seconds
    while len(ended) < count:
        assert time.monotonic() < stop, f"only {ended} ended"
        ended |= launcher.poll()
        time.sleep(0.1)
    return ended


def state(job_id):
    out = subprocess.run(
        ["squeue", "-h", "-r", "-j", job_id, "-t", "all", "-o", "%T"],
        capture_output=True,
        text=True,
        check=True,
    )
    return out.stdout.strip()


def wait_until(true, seconds=30):
    stop = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < stop
        time.sleep(0.2)


def test_an_array_above_the_sites_limit_becomes_several_in_a_folder_with_an_odd_name(bin_of, monkeypatch):
    monkeypatch.setattr(slurm, "max_array_size", lambda: 2)
    bin = bin_of('it\'s $(a) "bin"; #1', max_jobs=2)
    launcher, jobs = bin.submit(*(f"open({str(bin.folder)!r} + '/ran{n}', 'w')" for n in range(5)))
    assert len({array_of(job) for job in jobs}) == 3 and len(set(jobs)) == 5
    assert follow(launcher, 5) == dict.fromkeys(range(5), FINISHED)
    assert sorted(file.name for file in bin.folder.glob("ran*")) == [f"ran{n}" for n in range(5)]
    arrays = dict.fromkeys(map(array_of, jobs))
    first, second, third = ((bin.folder / f"{array}_submission.sh").read_text() for array in arrays)
    assert "--array=0-1%1\n" in first and "--array=0-1%1\n" in second and "--array" not in third
    assert f"--dependency=afterany:{array_of(jobs[0])}\n" in third and "--dependency" not in first + second


def test_places_count_on_over_submissions_and_a_new_process_takes_over(bin_of):
    bin = bin_of()
    first, jobs = bin.submit("pass")
    jobs += first.submit(bin.jobs("raise ValueError('x')", "pass"), 2, 1, 60.0)
    second = bin.launcher()
    second.attach(bin.jobs("", "", ""), jobs)
    for launcher in (first, second):
        ended = follow(launcher, 3)
        assert ended.keys() == {0, 1, 2} and ended[0] is ended[2] is FINISHED
        assert ended[1].message == "the job failed: ValueError: x"


def test_jobs_nobody_has_written_down_are_cancelled_and_no_other(bin_of):
    bin, other = bin_of(), bin_of("other")
    other.name = f"{bin.name}-2"
    _, known = bin.submit("import time; time.sleep(60)")
    _, lost = bin.submit(*["import time; time.sleep(60)"] * 2)
    _, foreign = other.submit("import time; time.sleep(60)")
    assert bin.launcher().cancel_strays(set(known)) == [array_of(lost[0])]
    wait_until(lambda: all(state(job) == "CANCELLED" for job in lost))
    assert "CANCELLED" not in (state(known[0]), state(foreign[0]))
    assert bin.launcher().cancel_strays(set(known)) == []


def test_a_requeue_that_fails_means_preempted(bin_of, tmp_path):
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "scontrol").write_text("#!/bin/sh\nexit 1\n")
    (broken / "scontrol").chmod(0o755)
    bin = bin_of(setup=[f"export PATH={broken}:$PATH"])
    started = tmp_path / "started"
    launcher, (job,) = bin.submit(f"import time; open({str(started)!r}, 'w'); time.sleep(60)")
    wait_until(started.exists)
    subprocess.run(["scancel", "--signal=USR2", job], check=True)
    (end,) = follow(launcher, 1).values()
    assert (end.outcome, end.cause) == ("preempted", "preempted"), end


def test_a_preempted_job_is_requeued_and_finishes(bin_of, tmp_path):
    mark = tmp_path / "mark"
    code = f"import pathlib, time; m = pathlib.Path({str(mark)!r})"
    code += "; second = m.exists(); m.touch(); second or time.sleep(60)"
    launcher, (job,) = bin_of().submit(code)
    wait_until(mark.exists)
    subprocess.run(["scancel", "--signal=USR2", job], check=True)
    assert follow(launcher, 1, seconds=120) == {0: FINISHED}


def test_ends_and_exit_codes_come_from_one_call_with_or_without_accounting(bin_of):
    launcher, jobs = bin_of().submit(
        "import os; os._exit(37)", "import os; os.kill(os.getpid(), 9)", "import time; time.sleep(60)"
    )
    wait_until(lambda: "R" in state(jobs[2]))
    subprocess.run(["scancel", jobs[2]], check=True)
    ended = follow(launcher, 3)
    assert "state FAILED, exit code 37:0" in ended[0].message
    assert "exit code 137:0" in ended[1].message or "exit code 0:9" in ended[1].message
    assert ended[2].cause == "cancelled"
    wait_until(lambda: len(slurm_commands.sacct(jobs)) == 3)
    found = slurm_commands.sacct(jobs)
    assert found[jobs[0]][:2] == ("FAILED", "37:0") and found[jobs[2]].state == "CANCELLED"
    assert slurm_commands.squeue([array_of(jobs[0])]).keys() == set(jobs)


def test_bins_that_are_followed_at_once_share_one_call_per_interval(bin_of, tmp_path, monkeypatch):
    monkeypatch.setattr(slurm_queue, "_INTERVAL", 2.0)
    calls = tmp_path / "calls"
    wrapper = tmp_path / "bin" / "squeue"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\necho x >> {calls}\nexec {shutil.which("squeue")} "$@"\n')
    wrapper.chmod(0o755)
    started = [bin_of(f"bin{n}").submit("import os, time; time.sleep(4); os._exit(1)") for n in range(4)]
    monkeypatch.setenv("PATH", f"{wrapper.parent}:{os.environ['PATH']}")
    begin, found = time.monotonic(), []
    threads = [threading.Thread(target=lambda it=it: found.append(follow(it[0], 1))) for it in started]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and all(ended[0].cause == "killed" for ended in found)
    assert 2 <= len(calls.read_text().split()) <= (time.monotonic() - begin) / 2.0 + 1


def test_the_sites_limits_are_read_from_its_configuration(slurm):
    assert slurm_commands.max_array_size() == 10001


def test_what_slurm_refuses_is_said_in_its_words(bin_of):
    from foldcp.errors import UsageError

    bin = bin_of()
    bin.settings["partition"] = "nowhere"
    with pytest.raises(UsageError, match="invalid partition specified: nowhere"):
        bin.submit("pass")

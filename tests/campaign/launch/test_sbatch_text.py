"""What sbatch is given, held against the files in golden/.

After a change on purpose:  UPDATE_GOLDEN=1 pytest tests/campaign/launch/test_sbatch_text.py
Then read the difference, with the manual of sbatch at hand. What differs between machines is a capital word.
"""

import os
import shlex
import sys
from pathlib import Path

import pytest

from foldcp.campaign.launch.slurm import SlurmLauncher, split
from foldcp.config import PredictConfig
from foldcp.errors import MissingError, UsageError

GOLDEN = Path(__file__).parent / "golden"
SITE = {
    "partition": "accelerated",
    "account": "lab-42",
    "qos": "long",
    "constraint": "h100&nvlink",
    "gres": "gpu:h100",
    "cpus_per_task": 8,
    "mem_gb": 62.5,
    "time_margin": 3.0,
    "max_jobs": 16,
    "setup": ["module load cuda/13", 'export TMPDIR="/scratch/$USER"'],
    "extra": {"exclusive": True, "mail-user": "me@lab.org", "exclude": "node7", "nice": 100},
}
CASES = {
    "one_gpu": ({}, {"gres": "gpu"}, 3, (1, 1)),
    "mesh_2x4_one_node": ({}, SITE, 100, (8, 1)),
    "mesh_4x4_two_nodes": ({}, {"constraint": "a100|h100", "max_jobs": 4}, 2, (16, 2)),
    "cpu": ({"device": "cpu"}, {"cpus_per_task": 2, "mem_gb": 4}, 1, (1, 1)),
    "gpus_unknown_to_slurm": ({"device": "cuda"}, {"gres": "", "extra": {"nodelist": "gpubox"}}, 1, (2, 1)),
}


@pytest.fixture
def submit(program, tmp_path):
    """Submit `count` shards to an sbatch that numbers arrays from 41; returns the job ids and the scripts."""
    counter = tmp_path / "counter"
    count_on = f"n=$(cat {counter} 2>/dev/null || echo 40); n=$((n + 1)); echo $n > {counter}"
    program("sbatch", f'{count_on}; echo "Submitted batch job $n"')
    program("srun", "")
    program("scontrol", 'echo "MaxArraySize = 1001"')

    def run(predict, slurm, count, place):
        folder = tmp_path / "logs" / "0000512"
        launcher = SlurmLauncher(folder, "foldcp-0000512-0a1b2c3d", PredictConfig(slurm=slurm, **predict))
        specs = [tmp_path / f"{number}.json" for number in range(count)]
        jobs = launcher.submit(specs, *place, seconds=7200.0)
        texts = [file.read_text() for file in sorted(folder.glob("[0-9]*_submission.sh"))]
        python = shlex.quote(sys.executable)
        return jobs, [text.replace(str(folder), "FOLDER").replace(python, "PYTHON") for text in texts]

    return run


@pytest.mark.parametrize("name", CASES)
def test_text(submit, name):
    _, (text,) = submit(*CASES[name])
    file = GOLDEN / f"{name}.sh"
    if os.environ.get("UPDATE_GOLDEN"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    assert text == file.read_text()


def test_job_ids_are_those_of_the_shards(submit):
    assert submit({}, {}, 3, (1, 1))[0] == ["41_0", "41_1", "41_2"]
    assert submit({}, {}, 1, (1, 1))[0] == ["42"]


def test_a_large_bin_becomes_several_arrays(submit, program):
    program("scontrol", 'echo "MaxArraySize = 2"')
    jobs, texts = submit({}, {"max_jobs": 2}, 5, (1, 1))
    assert jobs == ["41_0", "42_0", "43", "41_1", "42_1"]  # dealt in turn
    assert ["--array=0-1%1\n" in text for text in texts] == [True, True, False]
    assert ["--dependency=afterany:41\n" in text for text in texts] == [False, False, True]


@pytest.mark.parametrize(
    ("count", "largest", "parallel"),
    [(5, 2, 2), (5, 2, 64), (1001, 1001, 64), (1002, 1001, 3), (7, 1, 3), (1, 1, 1)],
)
def test_a_split_loses_nothing_and_keeps_both_limits(count, largest, parallel):
    pieces, lanes = split(count, largest, parallel)
    assert sorted(place for piece in pieces for place in piece) == list(range(count))
    assert max(map(len, pieces)) <= largest and len(pieces) == -(-count // largest)
    assert sum(lanes) == max(parallel, len(lanes)) and min(lanes) >= 1 and len(lanes) <= len(pieces)


def test_a_job_may_time_out_as_often_as_its_complexes(submit, tmp_path):
    import submitit

    submit({"attempts": {"timeout": 2}}, {}, 1, (1, 1))
    job = submitit.SlurmJob(tmp_path / "logs" / "0000512", "41")
    assert job.submission()._timeout_countdown == 1  # requeued once


def test_what_sbatch_refuses_takes_back_what_it_took(submit, program, tmp_path):
    refuse = (
        f'[ -e {tmp_path}/first ] && {{ echo "sbatch: error: QOSMaxSubmitJobPerUserLimit" >&2; exit 1; }}'
    )
    program("scontrol", 'echo "MaxArraySize = 2"')
    program("sbatch", f'{refuse}; touch {tmp_path}/first; echo "Submitted batch job 41"')
    program("squeue", 'echo "41 foldcp-0000512-0a1b2c3d"; echo "40 another"')
    cancelled = program("scancel", "")
    with pytest.raises(UsageError, match="QOSMaxSubmitJobPerUserLimit"):
        submit({}, {}, 4, (1, 1))
    assert cancelled.read_text() == "41\n"


def test_a_controller_that_restarts_is_waited_for_and_nothing_runs_twice(
    submit, program, tmp_path, monkeypatch
):
    monkeypatch.setattr("foldcp.campaign.launch.slurm._SECOND_TRIES", (0.0, 0.0))
    silent = f'touch {tmp_path}/asked; echo "Socket timed out on send/recv operation" >&2; exit 1'
    program("sbatch", f'[ -e {tmp_path}/asked ] || {{ {silent}; }}; echo "Submitted batch job 42"')
    program("squeue", 'echo "41 foldcp-0000512-0a1b2c3d"')  # taken, although the answer was lost
    cancelled = program("scancel", "")
    assert submit({}, {}, 2, (1, 1))[0] == ["42_0", "42_1"]
    assert cancelled.read_text() == "41\n"


def test_a_machine_without_slurm_has_no_strays_and_takes_no_jobs(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    launcher = SlurmLauncher(tmp_path / "logs", "foldcp-x", PredictConfig())
    assert launcher.cancel_strays(set()) == []
    with pytest.raises(MissingError, match="no sbatch on the PATH"):
        launcher.submit([tmp_path / "a.json"], 1, 1, 60.0)

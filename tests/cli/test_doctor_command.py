"""`foldcp doctor` as a real process; each check is tested in tests/test_doctor.py."""

import subprocess
import sys

from foldcp.errors import ExitCode


def _doctor(*arguments):
    command = [sys.executable, "-m", "foldcp", "doctor", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_what_the_demo_needs_is_here(tmp_path):
    ran = _doctor("--model", "demo", "--cache", tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    names = {line[9:].split("  ")[0].strip() for line in ran.stdout.splitlines()}
    assert {"python", "torch", "boltz", "cpu", "nccl", "slurm", "weights", "demo model"} <= names


def test_a_model_that_does_not_exist():
    ran = _doctor("--model", "nope")
    assert ran.returncode == ExitCode.USAGE
    (line,) = ran.stderr.splitlines()
    assert line.startswith("foldcp: error: unknown model 'nope'; valid: demo, boltz2, the path")

"""`foldcp status` as a real process; what it reads is tested in tests/campaign/test_status.py."""

import subprocess
import sys

from foldcp.errors import ExitCode


def _status(folder):
    command = [sys.executable, "-m", "foldcp", "status", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_folder_without_a_campaign(tmp_path):
    ran = _status(tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == f"{tmp_path}: nothing is computed yet\n"


def test_a_folder_that_does_not_exist(tmp_path):
    ran = _status(tmp_path / "nowhere")
    assert ran.returncode == ExitCode.BAD_INPUT
    (line,) = ran.stderr.splitlines()
    assert str(tmp_path / "nowhere") in line

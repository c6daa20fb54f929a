"""`foldcp status` as a real process; what it reads is tested in tests/campaign/test_status.py."""

import subprocess
import sys


def _status(folder):
    command = [sys.executable, "-m", "foldcp", "status", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_folder_without_a_campaign(tmp_path):
    ran = _status(tmp_path)
    assert "Traceback" not in ran.stderr
    assert str(tmp_path) in ran.stdout + ran.stderr

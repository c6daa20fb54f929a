"""`foldcp weights` as a real process, offline."""

import os
import subprocess
import sys

import pytest

from foldcp.errors import ExitCode


def _weights(*arguments):
    # A proxy at a port where nobody listens keeps the process from every network.
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    environment = {k: v for k, v in os.environ.items() if k.lower() != "no_proxy"} | nowhere
    command = [sys.executable, "-m", "foldcp", "weights", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


@pytest.mark.model
def test_offline_says_that_it_tries_again_and_what_to_do(tmp_path):
    ran = _weights("--cache", tmp_path)
    assert ran.returncode == ExitCode.MISSING
    assert "attempt 2 of 3, in 1.5 s" in ran.stderr
    assert "attempt 3 of 3, in 3 s" in ran.stderr
    assert "Without a network" in ran.stderr and str(tmp_path) in ran.stderr
    assert "Traceback" not in ran.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_demo_needs_none(tmp_path):
    ran = _weights("--model", "demo", "--cache", tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == "model demo needs no download: it is built on this machine when first used\n"


def test_another_model_is_refused():
    ran = _weights("--model", "nope")
    assert ran.returncode == ExitCode.USAGE
    assert "valid: boltz2" in ran.stderr

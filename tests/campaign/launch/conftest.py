"""SLURM's programs, played by short scripts; tests/cluster asks the real ones."""

from collections.abc import Callable
from pathlib import Path

import pytest

Program = Callable[[str, str], Path]


@pytest.fixture
def program(tmp_path, monkeypatch) -> Program:
    """Put a shell script on the PATH, in front of everything; returns the file that has a line per call."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def write(name: str, body: str) -> Path:
        file, calls = folder / name, tmp_path / f"{name}.calls"
        file.write_text(f'#!/bin/sh\necho "$@" >> {calls}\n{body}\n')
        file.chmod(0o755)
        return calls

    return write

import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from foldcp import doctor
from foldcp.cli.app import app
from foldcp.doctor import State
from foldcp.errors import UsageError


def _by_name(checks: list[doctor.Check]) -> dict[str, doctor.Check]:
    return {check.name: check for check in checks}


@pytest.fixture
def no_torch(monkeypatch) -> None:
    """Importing torch takes seconds; one test below does it."""
    monkeypatch.setattr(doctor, "_torch", lambda: None)


@pytest.fixture
def programs(tmp_path, monkeypatch) -> Path:
    """A PATH of our own, for stand-in SLURM programs."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def _program(folder: Path, name: str, script: str = "exit 0") -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def _weights(folder: Path) -> None:
    with zipfile.ZipFile(folder / "boltz2_conf.ckpt", "w") as archive:
        archive.writestr("data.pkl", "x")
    (folder / "mols").mkdir()
    (folder / "mols" / "ALA.pkl").touch()


@pytest.mark.usefixtures("no_torch")
def test_weights_are_required_for_boltz2_only(tmp_path):
    missing = _by_name(doctor.examine("boltz2", tmp_path))["weights"]
    assert missing.state is State.MISSING
    assert "foldcp weights" in missing.remedy
    assert _by_name(doctor.examine("demo", tmp_path))["weights"].state is State.OK
    _weights(tmp_path)
    assert _by_name(doctor.examine("boltz2", tmp_path))["weights"].state is State.OK


@pytest.mark.usefixtures("no_torch")
def test_torch_that_does_not_import_is_missing(tmp_path):
    assert _by_name(doctor.examine("demo", tmp_path))["gpu"].state is State.MISSING


def test_packages_are_named_with_their_remedy(monkeypatch):
    def absent(name: str) -> str:
        raise doctor.PackageNotFoundError(name)

    monkeypatch.setattr(doctor, "version", absent)
    checks = _by_name(list(doctor._packages()))
    assert checks["boltz"].state is State.MISSING
    assert "pip install" in checks["boltz"].remedy


def test_version_that_boltz_does_not_allow_is_named(monkeypatch):
    found = {"numpy": "2.4.6", "gemmi": "0.6.5"}
    monkeypatch.setattr(
        doctor, "requires", lambda _name: ["numpy<2.0", "gemmi==0.6.5", "absent; extra == 'cuda'"]
    )
    monkeypatch.setattr(doctor, "version", found.__getitem__)
    (check,) = doctor._pins()
    assert (check.name, check.state) == ("numpy", State.MISSING)
    assert "2.4.6, boltz wants <2.0" in check.found
    assert "pip install 'numpy<2.0'" in check.remedy


@pytest.mark.usefixtures("programs")
def test_no_slurm_is_no_fault():
    (check,) = doctor._slurm()
    assert check.state is State.NOTE


def test_slurm_without_accounting(programs):
    for name in ("sbatch", "squeue"):
        _program(programs, name)
    _program(programs, "sinfo", "echo gpu; echo cpu")
    _program(programs, "sacct", "echo 'Slurm accounting storage is disabled' >&2; exit 1")
    checks = _by_name(list(doctor._slurm()))
    assert checks["slurm"].found == "partitions gpu, cpu"
    assert checks["slurm accounting"].state is State.NOTE
    assert "accounting storage is disabled" in checks["slurm accounting"].found


def test_slurm_without_a_partition(programs):
    for name in ("sinfo", "sbatch", "squeue", "sacct"):
        _program(programs, name)
    check = _by_name(list(doctor._slurm()))["slurm"]
    assert (check.state, check.found) == (State.NOTE, "SLURM answers, but lists no partition")


def test_a_model_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(UsageError, match="valid: demo, boltz2, the path"):
        doctor.examine("nope", tmp_path)


class _Torch:
    """What `_nccl` asks of torch."""

    def __init__(self, gpu: bool, nccl: bool) -> None:
        yes, no = (lambda: True), (lambda: False)
        self.cuda = SimpleNamespace(
            is_available=yes if gpu else no, nccl=SimpleNamespace(version=lambda: (2, 27, 3))
        )
        self.distributed = SimpleNamespace(is_available=yes, is_nccl_available=yes if nccl else no)


@pytest.mark.parametrize(
    ("torch", "state", "found"),
    [
        (None, State.NOTE, "does not import"),
        (_Torch(gpu=False, nccl=False), State.NOTE, "not needed without GPUs"),
        (_Torch(gpu=True, nccl=False), State.NOTE, "not in this torch"),
        (_Torch(gpu=True, nccl=True), State.OK, "2.27.3"),
    ],
)
def test_nccl_is_always_told(torch, state, found):
    check = doctor._nccl(torch)
    assert check.state is state
    assert found in check.found


@pytest.mark.parametrize(
    ("gpu", "installed", "state", "found"),
    [
        (True, False, State.NOTE, "torch's attention is used"),
        (False, True, State.NOTE, "0.13.0, not used without a GPU"),
        (True, True, State.OK, "tries it out"),
    ],
)
def test_kernels_are_optional(gpu, installed, state, found, monkeypatch):
    def version(name):
        if not installed:
            raise doctor.PackageNotFoundError(name)
        return "0.13.0"

    monkeypatch.setattr(doctor, "version", version)
    check = doctor._kernels(_Torch(gpu=gpu, nccl=True))
    assert check.state == state and found in check.found


def test_slurm_with_a_program_missing(programs):
    for name in ("sinfo", "sbatch", "squeue"):
        _program(programs, name)
    (check,) = doctor._slurm()
    assert check.found == "sacct not found"


def test_slurm_whose_controller_does_not_answer(programs, monkeypatch):
    monkeypatch.setattr(doctor, "_TIMEOUT", 0.2)
    for name in ("sbatch", "squeue", "sacct"):
        _program(programs, name)
    _program(programs, "sinfo", "while :; do :; done")
    (check,) = doctor._slurm()
    assert "no answer" in check.found


@pytest.mark.usefixtures("no_torch")
def test_small_disk_is_noted(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _folder: type("Usage", (), {"free": 2e9}))
    check = _by_name(doctor.examine("demo", tmp_path / "not" / "made" / "yet"))["disk, weights"]
    assert (check.state, check.found) == (State.NOTE, f"2.0 GB free at {tmp_path}")


def test_command_shows_each_line_and_its_exit_code(tmp_path):
    ran = CliRunner().invoke(app, ["doctor", "--cache", str(tmp_path)])
    assert ran.exit_code == 4
    assert "missing for predictions with model boltz2: weights" in ran.stderr
    for name in (
        "python",
        "boltz",
        "torch",
        "cpu",
        "gpu",
        "nccl",
        "kernels",
        "slurm",
        "weights",
        "demo model",
        "disk",
    ):
        assert name in ran.stdout
    _weights(tmp_path)
    assert CliRunner().invoke(app, ["doctor", "--cache", str(tmp_path)]).exit_code == 0

import errno
import subprocess
import sys

import pytest
import torch
import typer
from typer.testing import CliRunner

from foldcp.cli.predict import predict
from foldcp.errors import ExitCode, InputError, MissingError, UsageError
from foldcp.predict import writer
from foldcp.predict.markers import read_marker

GOOD = "sequences:\n  - protein: {id: [A, B], sequence: MKTAYIAKQRQ, msa: empty}\n"
BAD = "sequences:\n  - protein: {id: A, sequence: mktay, msa: empty}\n"


@pytest.fixture
def run(demo_cache, tmp_path):
    app = typer.Typer()
    app.command()(predict)

    def run(*arguments: object, model: str = "demo"):
        common = ["--out", tmp_path / "out", "--model", model, "--cache", demo_cache, "--device", "cpu"]
        light = ["--steps", 2, "--recycles", 0, "--threads", 1]
        return CliRunner().invoke(app, [str(a) for a in (*arguments, *common, *light)])

    return run


@pytest.fixture
def inputs(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.yaml").write_text(GOOD)
    (folder / "b.yaml").write_text(BAD)
    (folder / "c.fasta").write_text(">A|rna\nGCAU\n")
    return folder


@pytest.mark.model
def test_one_bad_input_does_not_stop_the_others(run, inputs, tmp_path):
    result = run(inputs)
    lines = [line.split("\t") for line in result.stdout.splitlines()]
    assert [(line[0], line[1]) for line in lines] == [
        (str(inputs / "a.yaml"), "done"),
        (str(inputs / "b.yaml"), "bad_input"),
        (str(inputs / "c.fasta"), "done"),
    ]
    assert "'sequence' has 'm' at position 1" in lines[1][2]
    assert "22 tokens" in lines[0][2]
    assert "mean nothing" in lines[0][2]
    assert result.exit_code == ExitCode.FAILED
    assert "2 of 3 predicted" in result.stderr
    assert "Traceback" not in result.output
    assert sorted(p.name for p in (tmp_path / "out" / "predictions").iterdir()) == ["a", "c"]


@pytest.mark.model
def test_only_the_first_rows_of_an_alignment_are_read_where_asked(run, inputs, tmp_path):
    (inputs / "d.a3m").write_text(">q\nMKTAYIAKQRQ\n" + ">x\nMKTAYIAKQRH\n>y\nMKTAYIWKQRQ\n")
    (inputs / "d.yaml").write_text(GOOD.replace("empty", "d.a3m"))
    for rows, arguments in ((2, ["--msa-rows", 2]), (3, [])):
        result = run(inputs / "d.yaml", *arguments)
        assert result.stdout.split("\t")[1:2] == ["done"], result.output
        marker = read_marker(tmp_path / "out" / "predictions" / "d")
        assert (marker["msa_rows"], marker["paired_depth"]) == (rows, 1)
        assert "already in" not in result.stdout
    assert "already in" in run(inputs / "d.yaml").stdout


@pytest.mark.model
def test_another_pairing_is_another_prediction(run, inputs, tmp_path):
    (inputs / "d.a3m").write_text(">q\nMKTAYIAKQRQ\n>x OX=9606\nMKTAYIAKQRH\n>y\nMKTAYIWKQRQ\n")
    (inputs / "d.yaml").write_text(GOOD.replace("empty", "d.a3m"))
    for depth, arguments in ((2, []), (1, ["--pairing", "none"])):
        result = run(inputs / "d.yaml", *arguments)
        assert result.stdout.split("\t")[1:2] == ["done"], result.output
        assert "already in" not in result.stdout
        assert read_marker(tmp_path / "out" / "predictions" / "d")["paired_depth"] == depth
        assert "already in" in run(inputs / "d.yaml", *arguments).stdout


@pytest.mark.model
def test_a_second_run_does_nothing_and_a_changed_input_only_itself(run, inputs, tmp_path):
    (inputs / "b.yaml").unlink()
    assert run(inputs).exit_code == 0
    marker = tmp_path / "out" / "predictions" / "a" / "done.json"
    before = marker.stat().st_mtime_ns
    again = run(inputs)
    assert again.exit_code == 0
    assert again.stdout.count("already in") == 2
    assert "loading" not in again.stderr
    (inputs / "c.fasta").write_text(">A|rna\nGCAA\n")
    changed = run(inputs)
    assert changed.stdout.count("already in") == 1
    assert marker.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["--mesh", "2x0"], UsageError, "mesh '2x0' is not rows x columns, e.g. 2x3"),
        (["--mesh", "two"], UsageError, "mesh 'two' is not rows x columns, e.g. 2x3"),
        (["--mesh", "2x2x2"], UsageError, "mesh '2x2x2' is not rows x columns, e.g. 2x3"),
        (["--precision", "fp16"], UsageError, "valid: fp32, bf16-mixed, bf16"),
        (["--budget", "huge"], UsageError, "unknown budget 'huge'; valid: small, medium, large"),
        (["nowhere.yaml"], InputError, "nowhere.yaml: no such file"),
    ],
)
def test_wrong_options_say_what_is_valid(run, inputs, arguments, error, message):
    result = run(inputs, *arguments)
    assert isinstance(result.exception, error)
    assert message in str(result.exception)


def _command(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "foldcp", "predict", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.model
@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_missing_gpu_is_told_once_and_not_for_each_input(inputs, demo_cache, tmp_path):
    ran = _command(
        inputs, *("--out", tmp_path / "o", "--model", "demo", "--cache", demo_cache, "--device", "cuda")
    )
    assert ran.returncode == ExitCode.MISSING
    assert ran.stdout == ""
    assert ran.stderr.count("torch sees no GPU") == 1
    assert "Traceback" not in ran.stderr


def test_an_output_that_cannot_be_written_is_one_line(inputs, tmp_path):
    (tmp_path / "file").touch()
    ran = _command(inputs, "--out", tmp_path / "file", "--model", "demo", "--device", "cpu")
    assert ran.returncode == ExitCode.MISSING
    (line,) = ran.stderr.splitlines()
    assert str(tmp_path / "file") in line
    assert ran.stdout == ""


@pytest.mark.model
def test_a_full_disk_ends_one_input_without_a_traceback(run, inputs, tmp_path, monkeypatch):
    def full(_folded, _structure, name, *_rest):
        if name == "a":
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(_folded, _structure, name, *_rest)

    write = writer.write
    monkeypatch.setattr(writer, "write", full)
    result = run(inputs / "a.yaml", inputs / "c.fasta")
    a, c = (line.split("\t") for line in result.stdout.splitlines())
    assert a[1] == "crashed" and "the disk is full" in a[2] and str(tmp_path / "out") in a[2]
    assert c[1] == "done"
    assert "Traceback" not in result.stderr
    assert result.exit_code == ExitCode.FAILED


@pytest.mark.model
def test_what_is_missing_for_every_input_is_raised_at_the_first(run, inputs, monkeypatch):
    def missing(*_arguments):
        raise MissingError("a program is not here")

    monkeypatch.setattr(writer, "write", missing)
    result = run(inputs)
    assert isinstance(result.exception, MissingError)
    assert result.stdout == ""


def test_absent_weights_say_how_to_get_them(run, inputs):
    result = run(inputs, model="boltz2")
    assert isinstance(result.exception, MissingError)
    assert "foldcp weights" in str(result.exception)

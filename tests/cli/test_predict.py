import pytest
import typer
from typer.testing import CliRunner

from foldcp.cli.predict import predict
from foldcp.errors import ExitCode, InputError, MissingError, UsageError

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
        (["--mesh", "2x2"], UsageError, "mesh 2x2 is not available: this version predicts on 1x1"),
        (["--mesh", "two"], UsageError, "mesh 'two' is not rows x columns"),
        (["--precision", "bf16"], UsageError, "valid: fp32, bf16-mixed"),
        (["nowhere.yaml"], InputError, "nowhere.yaml: no such file"),
    ],
)
def test_wrong_options_say_what_is_valid(run, inputs, arguments, error, message):
    result = run(inputs, *arguments)
    assert isinstance(result.exception, error)
    assert message in str(result.exception)


def test_absent_weights_say_how_to_get_them(run, inputs):
    result = run(inputs, model="boltz2")
    assert isinstance(result.exception, MissingError)
    assert "foldcp weights" in str(result.exception)

"""`foldcp memory`: the released model traced, on a machine without a GPU."""

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from foldcp import trace
from foldcp.cli.app import app
from foldcp.errors import UsageError
from foldcp.plan import Workload
from foldcp.plan.depth import rows_that_fit
from foldcp.plan.gpus import get_gpu
from foldcp.plan.mesh import Mesh
from foldcp.plan.workload import Size
from foldcp.trace import Case, Stage, Traced


def _memory(*arguments):
    return CliRunner().invoke(app, ["memory", *map(str, arguments)])


@pytest.fixture(scope="module")
def once():
    """The trace of the first case that asks; half a minute, so the other outputs are made from the same."""
    traced = []

    def trace_once(case):
        traced.append(replace(traced[0], case=case) if traced else original(case))
        return traced[-1]

    original = trace.trace
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trace, "trace", trace_once)
        yield traced


def test_prints_each_stage_and_whether_it_fits(once):
    ran = _memory("--tokens", 60, "--msa", 8, "--mesh", "1x2", "--templates", 1)
    assert ran.exit_code == 0, ran.output
    rows = {line.split("  ")[0] for line in ran.stdout.splitlines()}
    assert {"templates", "alignment", "pairformer", "conditioning", "diffusion", "confidence"} <= rows
    assert {"weights", "not traced", "total"} <= rows
    assert "60 tokens, 480 atoms" in ran.stdout
    assert "fits the 76.4 GB of h100-80gb" in ran.stdout


@pytest.mark.parametrize(
    ("tokens", "says"), [(6400, "with the first"), (9000, "nor would it with fewer rows"), (2000, None)]
)
def test_what_does_not_fit_is_told_how_many_rows_would(once, monkeypatch, tokens, says):
    peak = 10**9 if says is None else 80 * 10**9
    stages = (Stage("alignment pairs", 0, peak),)
    monkeypatch.setattr(trace, "trace", lambda case: Traced(case, 2 * 10**9, stages, ()))
    ran = _memory("--tokens", tokens, "--msa", 16384)
    assert ("does NOT fit" in ran.stdout) == (says is not None)
    assert ("rows" in ran.stdout.split("a plan may fill")[1]) == (says is not None)
    assert says is None or says in ran.stdout
    if tokens == 6400:
        size = Size(6400, 51_200, 16384)
        rows = rows_that_fit(size, Workload(), Mesh(), get_gpu("h100-80gb").usable_bytes)
        assert f"with the first {rows} rows of its alignment it would" in ran.stdout


def test_json_says_the_same(once):
    ran = _memory("--tokens", 200, "--atoms", 900, "--msa", 4, "--precision", "fp32", "--json")
    assert ran.exit_code == 0, ran.output
    record = json.loads(ran.stdout)
    assert once[-1].case == Case(200, 900, 4, precision="fp32")
    assert record["case"]["mesh"] == [1, 1]
    assert record["pairs"] == 200**2
    assert 2.0e9 < record["weights"] < 2.1e9  # about 507 million parameters in fp32
    assert record["activations"] == max(stage["peak"] for stage in record["stages"])
    assert record["activations"] < record["total"] - record["weights"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--mesh", "2by2"], "rows x columns"),
        (["--mesh", "64x1"], "smaller mesh"),
        (["--precision", "fp16"], "bf16-mixed"),
        (["--budget", "tiny"], "small, medium, large"),
        (["--atoms", "10"], "at least one atom"),
        (["--gpu", "h1000"], "h100-80gb"),
    ],
)
def test_errors_say_what_is_valid(arguments, says):
    ran = _memory("--tokens", 50, *arguments)
    assert isinstance(ran.exception, UsageError)
    assert says in str(ran.exception)

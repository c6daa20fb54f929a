import subprocess
import sys

import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

from foldcp.cli.complexes import complexes
from foldcp.errors import ExitCode, InputError, UsageError
from foldcp.tables import read_table
from foldcp.tables.schemas import COMPLEXES, REJECTED

TABLE = "complex_id,members\na,P11111;P22222\nb,P22222;P11111\nc,TP53\nd,P11111(0)\ne,None\n"


@pytest.fixture
def run(tmp_path):
    app = typer.Typer()
    app.command()(complexes)
    (tmp_path / "table.csv").write_text(TABLE)

    def invoke(*options):
        return CliRunner().invoke(
            app, [str(tmp_path / "table.csv"), "-o", str(tmp_path / "out.parquet"), *options]
        )

    return invoke


def test_counts_are_printed_and_add_up(run, tmp_path):
    result = run("--rejected", str(tmp_path / "rejected.parquet"))
    assert result.exit_code == 0, result.output
    counts = dict(line.rsplit(maxsplit=1) for line in result.stdout.splitlines())
    counts = {name.strip(): value for name, value in counts.items()}
    assert counts == {
        "format": "csv",
        "rows in": "5",
        "complexes": "3",
        "distinct": "2",
        "single_member": "1",
        "unknown_copies": "1",
        "rejected": "2",
        "malformed_member": "1",
        "no_members": "1",
    }
    assert result.stderr == ""
    assert read_table(tmp_path / "out.parquet", COMPLEXES).num_rows == 3
    assert read_table(tmp_path / "rejected.parquet", REJECTED)["source_id"].to_pylist() == ["c", "e"]
    assert "table.csv" in pq.read_schema(tmp_path / "out.parquet").metadata[b"foldcp.inputs"].decode()


def test_reasons_are_shown_when_they_are_not_written(run):
    result = run("--format", "csv")
    assert "row 3 (c): 'TP53' is no identifier" in result.stderr and "--rejected" in result.stderr


def test_copies_are_applied(run, tmp_path):
    (tmp_path / "copies.csv").write_text("complex_id,member,copies\nd,P11111,4\n")
    assert run("--copies", str(tmp_path / "copies.csv")).exit_code == 0
    assert read_table(tmp_path / "out.parquet", COMPLEXES)["n_chains"].to_pylist() == [2, 2, 4]


def test_a_table_that_is_none_leaves_no_output(run, tmp_path):
    result = run("--format", "mitab")
    assert isinstance(result.exception, InputError) and not (tmp_path / "out.parquet").exists()


@pytest.mark.parametrize("output", ["table.csv/x.parquet", "."])
def test_an_output_that_cannot_be_written_is_one_line(output, tmp_path):
    table = tmp_path / "table.csv"
    table.write_text(TABLE)
    command = [sys.executable, "-m", "foldcp", "complexes", str(table), "-o", str(tmp_path / output)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == ExitCode.MISSING
    (line,) = ran.stderr.splitlines()
    assert line.startswith(f"foldcp: error: {tmp_path}")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["table.csv"]


def test_a_screen_instead_of_a_table(tmp_path):
    (tmp_path / "baits.txt").write_text("P11111\nP22222\nTP53\n")
    (tmp_path / "known.csv").write_text("id_a,id_b\nP22222,P11111\nP11111,P33333\n")
    app = typer.Typer()
    app.command()(complexes)
    command = ["--baits", str(tmp_path / "baits.txt"), "-o", str(tmp_path / "out.parquet")]
    ran = CliRunner().invoke(app, [*command, "--known", str(tmp_path / "known.csv"), "--homodimers"])
    assert ran.exit_code == 0, ran.output
    assert {"candidate 2", "known 1", "rejected 1"} <= {
        " ".join(line.split()) for line in ran.stdout.splitlines()
    }
    assert "1 pairs of the screen are known by them" in ran.stderr and "baits.txt, line 3" in ran.stderr
    assert read_table(tmp_path / "out.parquet", COMPLEXES)["role"].to_pylist() == [
        "known",
        "candidate",
        "candidate",
    ]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "one of the two"),
        (["t", "--baits", "b"], "one of the two"),
        (["t", "--preys", "b"], "go with --baits"),
        (["t", "--homodimers"], "go with --baits"),
        (["--baits", "b", "--copies", "c"], "--copies goes with a table"),
    ],
)
def test_options_that_do_not_go_together_are_named(options, said):
    app = typer.Typer()
    app.command()(complexes)
    ran = CliRunner().invoke(app, [*options, "-o", "out.parquet"])
    assert isinstance(ran.exception, UsageError) and said in str(ran.exception)

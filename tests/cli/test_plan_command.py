"""`foldcp plan` on small hand-made tables, and on CORUM 3.0 where it is at hand."""

import re
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from foldcp.cli.app import app
from foldcp.errors import FoldcpError
from foldcp.tables import read_table
from foldcp.tables.provenance import read_metadata
from foldcp.tables.schemas import PLAN, REJECTED


@pytest.fixture
def files(tmp_path) -> dict[str, str]:
    table = tmp_path / "complexes.csv"
    table.write_text(
        "complex_id,members\nsmall,P00001;P00002\nagain,P00002;P00001\nlarge,P00003;P00004\nlost,P99999\n"
    )
    lengths = tmp_path / "lengths.tsv"
    lengths.write_text("Entry\tLength\nP00001\t100\nP00002\t150\nP00003\t4000\nP00004\t3900\n")
    fasta = tmp_path / "proteins.fasta"
    fasta.write_text(f">sp|P00001|A_HUMAN a\n{'MK' * 50}\n>sp|P00002|B_HUMAN b\n{'ACDEF' * 30}\n")
    return {"table": str(table), "lengths": str(lengths), "fasta": str(fasta)}


def _plan(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["plan", *map(str, arguments)])


def test_prints_coverage_and_writes_both_tables(files, tmp_path):
    out, rejected = tmp_path / "plan.parquet", tmp_path / "rejected.parquet"
    ran = _plan("--table", files["table"], "--lengths", files["lengths"], "-o", out, "--rejected", rejected)
    assert ran.exit_code == 0, ran.output
    assert "share: of the 3 complexes of known size" in ran.stdout
    rows = {row["complex_id"]: row for row in read_table(out, PLAN).to_pylist()}
    assert {name: row["n_tokens"] for name, row in rows.items()} == {"small": 250, "large": 7900}
    assert (rows["large"]["mesh_rows"], rows["large"]["mesh_cols"]) == (1, 2)
    assert [row["source_id"] for row in read_table(rejected, REJECTED).to_pylist()] == ["lost"]
    inputs = read_metadata(read_table(out, PLAN).schema.metadata)["inputs"]
    assert "complexes.csv" in inputs
    assert "lengths.tsv" in inputs


def test_rows_of_an_alignment_take_memory_and_are_cut_where_it_is_short(files, tmp_path):
    Path(files["lengths"]).write_text("Entry\tLength\nP00001\t100\nP00002\t150\nP00003\t3000\nP00004\t3400\n")
    arguments = ["--table", files["table"], "--lengths", files["lengths"], "-o", tmp_path / "plan.parquet"]
    found = {}
    for how, options in {
        "none": [],
        "cut": ["--msa", 16384],
        "all": ["--msa", 16384, "--min-msa-rows", 16384],
    }.items():
        ran = _plan(*arguments, *options)
        assert ran.exit_code == 0, ran.output
        assert ("1 predictions read only part of their alignment" in ran.stdout) == (how == "cut")
        rows = {row["complex_id"]: row for row in read_table(tmp_path / "plan.parquet", PLAN).to_pylist()}
        assert rows["small"]["msa_rows"] == rows["small"]["msa_depth"] == (1 if how == "none" else 16384)
        found[how] = rows["large"]["msa_rows"], rows["large"]["mesh_rows"] * rows["large"]["mesh_cols"]
    assert found["none"] == (1, 1)
    assert 2048 <= found["cut"][0] < 16384 and found["cut"][1] == 1
    assert found["all"] == (16384, 2)


def test_the_pairs_of_a_screen_are_planned(files, tmp_path):
    (tmp_path / "baits.txt").write_text("P00001\nP00002\nP00003\n")
    out = tmp_path / "plan.parquet"
    ran = _plan("--baits", tmp_path / "baits.txt", "--homodimers", "--lengths", files["lengths"], "-o", out)
    assert ran.exit_code == 0, ran.output
    rows = read_table(out, PLAN).to_pylist()
    assert len(rows) == 6 and {row["role"] for row in rows} == {"candidate"}
    assert "baits.txt" in read_metadata(read_table(out, PLAN).schema.metadata)["inputs"]


def _numbers(ran: Result) -> dict[str, int]:
    lines = ran.stdout.split("\n\n")[0].splitlines()
    split = [re.split(r"  +", line.strip()) for line in lines]
    return {parts[0]: int(parts[1]) for parts in split}


def test_every_row_is_counted_once(files):
    with Path(files["table"]).open("a") as table:
        table.write("broken,TP53\n")
    ran = _plan("--table", files["table"], "--lengths", files["lengths"], "--max-ranks", 1)
    counts = _numbers(ran)
    assert counts == {
        "rows in": 5,
        "complexes": 4,
        "planned": 2,
        "too large": 1,
        "without known length": 1,
        "unreadable": 1,
    }
    assert counts["rows in"] == sum(list(counts.values())[2:])
    assert "malformed_member 1" in ran.stdout


def test_one_gpu_rejects_what_does_not_fit(files):
    ran = _plan("--table", files["table"], "--lengths", files["lengths"], "--max-ranks", 1)
    assert ran.exit_code == 0, ran.output
    assert "over_largest_mesh 1" in ran.stdout
    assert "planned only" not in ran.stdout


def test_sequences_instead_of_lengths(files):
    ran = _plan("--table", files["table"], "--fasta", files["fasta"], "--gpu", "cpu", "--model", "demo")
    assert ran.exit_code == 0, ran.output
    assert _numbers(ran) == {
        "rows in": 4,
        "complexes": 4,
        "planned": 2,
        "too large": 0,
        "without known length": 2,
        "unreadable": 0,
    }
    assert "1 predictions" in ran.stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "one of the two"),
        (["--lengths", "LENGTHS", "--fasta", "FASTA"], "one of the two"),
        (["--lengths", "LENGTHS", "--bins", "512,none"], "expected token counts"),
        (["--lengths", "LENGTHS", "--bins", "1024,512"], "must ascend"),
        (["--lengths", "LENGTHS", "--gpu", "h100"], "valid: a100-40gb"),
        (["--lengths", "LENGTHS", "--model", "nonsense"], "valid: demo, boltz2, the path of"),
        (["--lengths", "LENGTHS", "--precision", "fp8"], "valid: fp32, bf16-mixed, bf16"),
        (["--lengths", "LENGTHS", "--shard-minutes", "0"], "expected more than 0"),
    ],
)
def test_wrong_options_are_explained(files, options, said):
    given = [{"LENGTHS": files["lengths"], "FASTA": files["fasta"]}.get(o, o) for o in options]
    ran = _plan("--table", files["table"], *given)
    assert isinstance(ran.exception, FoldcpError)
    assert said in str(ran.exception)
    assert ran.exception.exit_code == 2


def test_corum_3_within_ten_seconds(shared_data: Path):
    start = time.monotonic()
    ran = _plan(
        "--table",
        shared_data / "corum" / "corum3.0_20180903_allComplexes.txt",
        "--lengths",
        shared_data / "sequences" / "uniprot_human_reviewed_lengths.tsv",
    )
    assert ran.exit_code == 0, ran.output
    assert time.monotonic() - start < 10

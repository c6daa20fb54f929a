"""The synthetic example: what is planted is right, is found, and is never taken for predictions."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from foldcp.campaign.comparison import score_files
from foldcp.campaign.enrichment import run
from foldcp.config import load
from foldcp.demo import planted, synthetic
from foldcp.errors import UsageError
from foldcp.statistics import ranks
from foldcp.tables import read_table
from foldcp.tables.provenance import read_metadata
from foldcp.tables.schemas import COMPLEXES, TOKENS


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    folder = tmp_path_factory.mktemp("synthetic")
    synthetic.write_example(folder)
    return folder, run(folder, score_files(folder), load(folder / "config.yaml"), synthetic.NOTE)


@pytest.mark.parametrize("shift", [0.0, 1.2])
def test_the_planted_numbers_are_those_of_the_law(shift):
    """The same law, drawn a million times instead of integrated."""
    random = np.random.default_rng(1)
    n = 500_000
    bins = np.tile(np.arange(len(synthetic.EDGES)), 2 * n // len(synthetic.EDGES) + 1)[: 2 * n]
    positive = np.arange(2 * n) % (2 * len(synthetic.EDGES)) < len(synthetic.EDGES)
    real = positive & (random.random(2 * n) < synthetic.REAL)
    values = shift * real - synthetic.DECAY * bins + random.standard_normal(2 * n)
    counts = ranks.count(values, positive)
    assert planted.roc_auc(shift) == pytest.approx(float(ranks.roc_auc(*counts)), abs=3e-3)
    found = float(ranks.enrichment_at(*counts, planted.TOP))
    assert planted.enrichment(shift) == pytest.approx(found, abs=1e-2)


def test_nearly_all_that_is_planted_is_found(example):
    folder, tables = example
    found = planted.findings(tables, read_table(folder / "01_complexes.parquet", COMPLEXES))
    missed = [finding.what for finding in found if not finding.agrees]
    assert len(found) == 2 * len(synthetic.SHIFTS) + 5
    # Intervals of 95 % on 16 numbers, many of them correlated.
    assert len(missed) <= 3, missed
    assert not [what for what in missed if "size" in what or "q <=" in what or "other" in what]


def test_every_table_says_that_it_is_made_up(example):
    folder, _ = example
    files = sorted(folder.rglob("*.parquet"))
    assert len(files) == 3 + len(synthetic.EDGES) + 5
    for path in files:
        assert read_metadata(pq.read_schema(path).metadata)["note"] == synthetic.NOTE
    assert synthetic.NOTE in (folder / "config.yaml").read_text()


def test_it_hangs_together_like_a_campaign(example):
    folder, _ = example
    listed = [
        read_table(folder / name, COMPLEXES) for name in ("01_complexes.parquet", "03_controls.parquet")
    ]
    complexes, controls = (table.to_pylist() for table in listed)
    tokens = {row["complex_id"]: row for row in read_table(folder / "04_tokens.parquet", TOKENS).to_pylist()}
    assert [row["matched_to"] for row in controls] == [row["complex_id"] for row in complexes]
    assert {row["complex_id"] for row in [*complexes, *controls]} == set(tokens)
    for row in controls:
        pair = tokens[row["complex_id"]]["n_tokens"], tokens[row["matched_to"]]["n_tokens"]
        assert abs(pair[0] - pair[1]) <= 0.031 * pair[1] + 1
    for path in score_files(folder):
        edge = int(path.parent.name.removeprefix("bin="))
        sizes = [tokens[name]["n_tokens"] for name in pq.read_table(path)["complex_id"].to_pylist()]
        assert max(sizes) <= edge and min(sizes) > max([0, *[e for e in synthetic.EDGES if e < edge]])


def test_the_same_seed_makes_the_same_tables(example, tmp_path):
    folder, tables = example
    synthetic.write_example(tmp_path)
    again = run(tmp_path, score_files(tmp_path), load(tmp_path / "config.yaml"), synthetic.NOTE)
    assert all(again[name].equals(table) for name, table in tables.items())
    synthetic.write_example(tmp_path, seed=8)  # in place of the earlier one
    assert not _scores(tmp_path).equals(_scores(folder))


def _scores(folder):
    return pa.concat_tables([pq.read_table(path) for path in score_files(folder)])


def test_it_is_not_mixed_with_anything(tmp_path):
    (tmp_path / "01_complexes.parquet").write_text("a campaign's")
    with pytest.raises(Exception, match="not a readable Parquet"):
        synthetic.write_example(tmp_path)
    (tmp_path / "01_complexes.parquet").unlink()
    (tmp_path / "report.html").touch()
    with pytest.raises(UsageError, match="must not be mixed"):
        synthetic.write_example(tmp_path)
    with pytest.raises(UsageError, match="must not be mixed"):
        synthetic.write_example(tmp_path / "report.html")

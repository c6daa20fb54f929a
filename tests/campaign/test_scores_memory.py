"""The stage `scores` holds little of a campaign in memory, however large the campaign is."""

import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from foldcp.tables.dataset import part_paths

ROOT = Path(__file__).resolve().parents[2]
CHAINS, FEW, MANY = 12, 40, 300
SCRIPT = """
import resource, sys
from pathlib import Path
from foldcp.campaign.scores import score_folder
from foldcp.tables import parts

parts.ROW_GROUP = 8000
score_folder(Path(sys.argv[1]), Path(sys.argv[2]))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


@pytest.fixture
def scores(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    from benchmarks import scores

    return scores


def _peak_mib(scores, folder: Path, n_complexes: int) -> float:
    folder.mkdir()
    scores.write_campaign(folder, [CHAINS] * n_complexes)
    command = [sys.executable, "-c", SCRIPT, str(folder), str(folder / "out")]
    return float(subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout)


def test_the_peak_does_not_grow_with_the_number_of_complexes(scores, tmp_path):
    few, many = (_peak_mib(scores, tmp_path / str(n), n) for n in (FEW, MANY))
    (path,) = part_paths(tmp_path / str(MANY) / "out" / "interfaces").values()
    table = pq.read_table(path)
    assert table.num_rows == MANY * scores.SAMPLES * CHAINS * (CHAINS - 1)
    held = table.nbytes / 2**20
    assert held > 50 and many - few < held / 3


def test_numbers_of_chains_follow_corum(scores):
    counts = sorted(scores.chain_counts(5000))
    assert (counts[0], counts[2499], counts[4949], counts[-1]) == (1, 3, 19, 140)
    assert sum(n * (n - 1) for n in counts) / 5000 == pytest.approx(39.5, rel=0.2)  # CORUM 3.0

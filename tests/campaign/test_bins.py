"""A bin as work: where the plan cuts an alignment, it stays cut, on every rung and to the marker."""

import hashlib
from dataclasses import replace

import pytest
from mini_campaign import BIN, GOOD, MiniCampaign

from foldcp import tables
from foldcp.campaign.bins import prepare
from foldcp.plan import Workload
from foldcp.plan.memory import peak_bytes
from foldcp.plan.time import predicted_seconds
from foldcp.plan.workload import Size
from foldcp.predict import session
from foldcp.predict.markers import read_marker, run_key
from foldcp.tables import Provenance, rows_to_table, write_table
from foldcp.tables.schemas import LEDGER, MSA

pytestmark = pytest.mark.model


@pytest.fixture
def campaign(tmp_path, demo_cache):
    campaign = MiniCampaign(tmp_path / "results", demo_cache, budget="medium")
    campaign.max_ranks = 2
    return campaign


def test_a_cut_is_the_same_on_every_rung(campaign):
    campaign.cut, campaign.templates = {"a": 2048}, {"b": 5}
    campaign.write({"a": GOOD, "b": GOOD})
    work = prepare(campaign.folder, BIN, campaign.config)
    assert [str(rung) for rung in work.rungs] == ["1x1 medium", "1x1 small", "1x2 small"]
    for rung in work.rungs:
        (spec,) = work.specs({"a", "b"}, rung)
        a, b = sorted(spec.targets, key=lambda target: target.id)
        assert (a.msa_rows, b.msa_rows) == (a.to_predict().msa_rows, b.to_predict().msa_rows) == (2048, None)
        limited = replace(work.settings, msa_rows=2048)
        assert a.run_key == run_key(a.input_key, limited, work.weights)
        assert b.run_key == run_key(b.input_key, work.settings, work.weights)
        if rung != work.rungs[0]:
            workload = replace(Workload.of(campaign.config.predict), budget=rung.budget)
            for target, size in ((a, Size(20, 160, 2048)), (b, Size(20, 160, 1, templates=5))):
                assert target.predicted_peak_bytes == peak_bytes(size, workload, rung.mesh)
                assert target.predicted_seconds == predicted_seconds(size, workload, rung.mesh, work.gpu)


@pytest.mark.parametrize("correction", [1.0, 1.03, 50.0, 10_000.0])
def test_what_was_learnt_moves_no_complex_whose_alignment_is_cut(campaign, correction):
    campaign.cut = {"a": 2048}
    campaign.write({"a": GOOD, "b": GOOD})
    work = prepare(campaign.folder, BIN, campaign.config)
    a, b = sorted(work.targets, key=lambda target: target.id)
    first, *others = work.rungs
    assert work.fits(a, first, correction)
    # All others are measured by the model: b on each rung, and a where it has climbed to.
    for target, rungs in ((b, work.rungs), (a, others)):
        for rung in rungs:
            (spec,) = work.specs({target.id}, rung)
            peak = correction * spec.targets[0].predicted_peak_bytes
            assert work.fits(target, rung, correction) == (peak <= work.gpu.usable_bytes)


def write_alignments(campaign, rows):
    """Give every protein of the campaign an alignment of so many rows."""
    table = []
    for sequence in GOOD:
        sha256 = hashlib.sha256(sequence.encode()).hexdigest()
        path = campaign.folder / "03_msa" / f"{sha256}.a3m"
        path.parent.mkdir(exist_ok=True)
        others = [sequence[:n] + "W" + sequence[n + 1 :] for n in range(rows - 1)]
        path.write_text("".join(f">{n}\n{row}\n" for n, row in enumerate([sequence, *others])))
        values = {"sha256": sha256, "length": len(sequence), "provider": "directory", "depth": rows}
        values |= {"species": [], "n_species_rows": 0}
        table.append(values | {"path": f"03_msa/{path.name}", "file_sha256": ""})
    write_table(campaign.folder / "03_msa.parquet", MSA, rows_to_table(MSA, table), Provenance())


def test_what_climbs_for_memory_reads_the_rows_of_the_plan(campaign, monkeypatch):
    fold = session.Session.fold

    def run_out(self, target, folder):
        if self.settings.mesh == (1, 1) and target.id == "a":
            raise MemoryError("CUDA out of memory")
        return fold(self, target, folder)

    monkeypatch.setattr(session.Session, "fold", run_out)
    campaign.cut = {"a": 3, "b": 3}
    campaign.write({"a": GOOD, "b": GOOD, "c": GOOD})
    write_alignments(campaign, 6)
    table = campaign.run()
    assert campaign.outcomes(table) == dict.fromkeys("abc", "done")
    markers = {name: read_marker(campaign.folder / "06_predictions" / name) for name in "abc"}
    assert {name: (m["mesh"], m["msa_rows"]) for name, m in markers.items()} == {
        "a": ("1x2", 3),
        "b": ("1x1", 3),
        "c": ("1x1", 6),
    }
    assert markers["a"]["run_key"] == markers["b"]["run_key"] != markers["c"]["run_key"]
    found = tables.read_table(campaign.folder / "06_attempts" / f"{BIN}.parquet", LEDGER).to_pylist()
    assert {(row["complex_id"], row["msa_rows"]) for row in found} == {("a", 3), ("b", 3), ("c", None)}

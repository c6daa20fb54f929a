"""What the report says of controls, significance, cost and failures, and how large it grows."""

import base64
import gzip
import json
import re
import shutil
import subprocess
import sys
from statistics import median

import pytest
from campaign.campaign_tables import build, config

from foldcp.campaign.page import details
from foldcp.campaign.page.alignments import given
from foldcp.campaign.page.wording import SCORES, number
from foldcp.campaign.report import render
from foldcp.campaign.results import load
from foldcp.config import parse
from foldcp.tables import Provenance, read_table, schemas, write_table
from foldcp.tables.dataset import part_paths
from foldcp.tables.rows import empty, rows_to_table


def _render(folder, **kwargs):
    made = build(folder, **kwargs)
    render(folder, made, folder / "report.html")
    return (folder / "report.html").read_text()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    _render(folder, n=24)
    return folder


def test_decoys_are_counted_apart(finished):
    results = load(finished)
    assert len(results.decoys) == len(results.decoy_fates) == 12
    assert not set(results.decoy_fates) & set(results.fates)
    assert {row["role"] for row in results.best} == {"input"}
    text = (finished / "report.html").read_text()
    assert re.search(r"<b>12</b>of 12 decoys scored", text)
    assert ">decoy-" not in text[text.index('id="top"') : text.index('id="enrichment"')]


def _changed(path, spec, values):
    """Give the rows of a table the values of each column in turn; return those that are no decoys."""
    rows = [
        row | {key: its[number % len(its)] for key, its in values.items()}
        for number, row in enumerate(read_table(path, spec).to_pylist())
    ]
    write_table(path, spec, rows_to_table(spec, rows), Provenance())
    return [row for row in rows if row["role"] != "decoy"]


def test_pairing_templates_and_cuts_are_counted_where_there_are_any(finished, tmp_path):
    assert given(load(finished)) == []
    assert "paired by species" not in (finished / "report.html").read_text()
    folder = shutil.copytree(finished, tmp_path / "given")
    values = {"paired_depth": [11, 31, 21, 1], "n_templates": [0, 2, 0], "msa_depth": [9000]}
    tokens = _changed(folder / "04_tokens.parquet", schemas.TOKENS, values)
    values = {"msa_depth": [9000], "msa_rows": [9000, 2048, 9000, 9000]}
    plan = _changed(folder / "05_plan.parquet", schemas.PLAN, values)
    paired = [row["paired_depth"] for row in tokens if row["paired_depth"] > 1]
    templates = sum(row["n_templates"] == 2 for row in tokens)
    cut = sum(row["msa_rows"] == 2048 for row in plan)
    render(folder, config(folder), folder / "report.html")
    assert (
        f"Alignments paired by species: {len(paired)} of {len(tokens)} complexes (median "
        f"{number(median(paired), 0)} paired rows); with structure templates: {templates} of {len(tokens)} "
        f"complexes; alignments cut where memory is short: {cut} of {len(plan)} predictions."
    ) in (folder / "report.html").read_text()


def test_without_controls_the_page_says_what_is_missing(tmp_path):
    text = _render(tmp_path, n=12, decoys=0)
    assert "This campaign has no decoys" in text
    assert "decoys scored" not in text
    assert not (tmp_path / "figures/curves.svg").exists()
    assert (tmp_path / "figures/scores.svg").exists()


def test_candidates_that_count_as_negatives_are_named(finished, tmp_path):
    folder = shutil.copytree(finished, tmp_path / "screen")
    made = config(folder)
    enrichment = made.enrichment.model_copy(update={"candidates_as_negatives": True})
    render(folder, made.model_copy(update={"enrichment": enrichment}), folder / "report.html")
    text = (folder / "report.html").read_text()
    assert "tell complexes from decoys and candidates?" in text and "Decoys and candidates" in text
    assert "12 are scored" in text and "no p and q" not in text
    assert "share of decoys and candidates called" in (folder / "figures/curves.svg").read_text()

    write_table(folder / "03_controls.parquet", schemas.COMPLEXES, empty(schemas.COMPLEXES), Provenance())
    render(folder, made.model_copy(update={"enrichment": enrichment}), folder / "report.html")
    text = (folder / "report.html").read_text()
    assert "A decoy is made of" not in text and "so there are no p and q" in text


def _cells(text, table):
    part = text[text.index(f'id="table-{table}"') :]
    rows = re.findall(r"<tr>(.*?)</tr>", part[part.index("<tbody>") : part.index("</tbody>")], re.DOTALL)
    return [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in rows]


def test_the_best_complexes_carry_their_significance(finished):
    significance = read_table(
        finished / "08_enrichment/significance.parquet", schemas.STATISTICS["significance"]
    ).to_pylist()
    found = {row["complex_id"]: row for row in significance if row["score"] == "iptm"}
    rows = _cells((finished / "report.html").read_text(), "top")
    best = sorted(load(finished).best, key=lambda row: -row["iptm"])
    assert len(rows) == len(best) == 16
    for cells, row in zip(rows, best, strict=True):
        tested = found[row["complex_id"]]
        assert row["complex_id"] in cells[0]
        assert cells[5 : 5 + len(SCORES)] == [number(row[score], 3) for score in SCORES]
        assert cells[-2:] == [number(tested["p_value"], 3), number(tested["q_value"], 3)]


def test_significance_of_another_score_is_not_shown(finished, tmp_path):
    made = build(tmp_path, 24)
    made = parse(made.model_dump(mode="json") | {"enrichment": {"score": "confidence_score"}})
    render(tmp_path, made, tmp_path / "report.html")
    first = _cells((tmp_path / "report.html").read_text(), "top")
    assert [row[-2:] for row in first] != [
        row[-2:] for row in _cells((finished / "report.html").read_text(), "top")
    ]
    best = max(load(tmp_path).best, key=lambda row: row["confidence_score"])
    assert best["complex_id"] in first[0][0]


def test_cost_of_a_bin_is_predicted_against_measured(finished):
    ledger = [row for row in load(finished).ledger.to_pylist() if row["bin"] == "0001024"]
    done = [row for row in ledger if row["outcome"] == "done"]
    cells = next(
        row for row in _cells((finished / "report.html").read_text(), "cost") if row[0].startswith("1")
    )
    hours = [sum(row[name] for row in done) * 2 / 3600 for name in ("predicted_seconds", "wall_seconds")]
    assert cells[6:8] == [number(value) for value in hours]
    assert cells[8] == number(hours[1] / hours[0])
    assert cells[9] == number(sum(row["wall_seconds"] for row in ledger) * 2 / 3600)


def test_failures_are_counted_by_class_and_size(finished):
    failed = [row for row in load(finished).last_attempt.values() if row["outcome"] != "done"]
    rows = _cells((finished / "report.html").read_text(), "classes")
    assert {cells[0]: int(cells[-1]) for cells in rows} == {
        outcome: sum(row["outcome"] == outcome for row in failed)
        for outcome in {row["outcome"] for row in failed}
    }
    assert all(sum(map(int, cells[1:-1])) == int(cells[-1]) for cells in rows)


def test_scores_of_bins_that_left_the_plan_do_not_count(tmp_path):
    build(tmp_path, 24)
    before = load(tmp_path)
    for name in ("complexes", "failed", "chains", "interfaces", "samples"):
        some = next(iter(part_paths(tmp_path / "07_scores" / name).values()))
        (tmp_path / "07_scores" / name / "bin=0000007").mkdir()
        shutil.copy(some, tmp_path / "07_scores" / name / "bin=0000007" / "part.parquet")
    after = load(tmp_path)
    assert len(after.best) == len(before.best)
    assert after.count("07_scores/interfaces") == before.count("07_scores/interfaces")


def test_only_the_interfaces_asked_for_are_read(finished):
    results = load(finished)
    wanted = results.best[:2]
    got = results.of("07_scores/interfaces", wanted, "sample", "chain_a").to_pylist()
    assert {(row["complex_id"], row["sample"]) for row in got} == {
        (r["complex_id"], r["sample"]) for r in wanted
    }
    assert len(got) == sum(row["n_chains"] * (row["n_chains"] - 1) for row in wanted)


def test_long_tables_are_data_and_short_ones_are_not(tmp_path):
    text = _render(tmp_path, n=120)
    blocks = re.findall(r'<script type="application/json">(.*?)</script>', text)
    assert len(blocks) == 1
    rows = json.loads(blocks[0])["rows"]
    assert len(rows) == 120
    assert len(_cells(text, "all")) == 50
    assert sum(row[2] == "scored" for row in rows) == load(tmp_path).counts["scored"]


def test_a_page_of_five_thousand_complexes_is_small_and_soon_made(tmp_path):
    """Interfaces of 140 chains, structures and aligned errors of the best included."""
    made = build(tmp_path, 5000, decoys=5000, giants=4, structures=25)
    program = (
        "import json, re, sys, time; from pathlib import Path; from foldcp.campaign.report import render;"
        "from foldcp.config import parse; folder = Path(sys.argv[1]);"
        "render(folder, parse(json.loads(sys.argv[2])), folder / 'report.html');"
        # Not ru_maxrss, which remembers what this process held before it became that one. Processor time, for
        # a busy machine is no fault of the report.
        "print(re.search(r'VmHWM:\\s+(\\d+) kB', Path('/proc/self/status').read_text())[1]);"
        "print(time.process_time())"
    )
    command = [sys.executable, "-c", program, str(tmp_path), made.model_dump_json()]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    peak, seconds, size = int(said[0]) // 1024, float(said[1]), (tmp_path / "report.html").stat().st_size
    print(f"5 000 complexes and 5 000 decoys: {seconds:.0f} s, {peak} MiB, page of {size / 1e6:.1f} MB")
    assert size < 15_000_000
    assert seconds < 60
    assert peak < 800
    text = (tmp_path / "report.html").read_text()
    data = re.search(r'<script type="application/json">(.*?)</script>', text[text.index('id="table-all"') :])[
        1
    ]
    assert len(json.loads(data)["rows"]) == 5000
    assert text.count('class="details"') == 25


def test_without_tables_of_chains_there_is_nothing_to_look_at(tmp_path):
    made = build(tmp_path, 12)
    for name in ("chains", "interfaces", "samples"):
        shutil.rmtree(tmp_path / "07_scores" / name)
    render(tmp_path, made, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert 'id="details"' not in text and 'class="look"' not in text
    assert "#details" not in text.split("<main>")[0]
    assert len(_cells(text, "top")) == 8


def test_a_structure_that_is_gone_or_an_error_that_is_broken_is_a_remark(tmp_path):
    made = build(tmp_path, 12, structures=2)
    best = sorted(load(tmp_path).best, key=lambda row: -row["iptm"])
    (tmp_path / "06_predictions" / best[1]["structure"]).unlink()
    next((tmp_path / "06_predictions" / best[0]["complex_id"]).glob("pae_*")).write_bytes(b"PK")
    render(tmp_path, made, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    packages = re.findall(r'class="details">([^<]+)</script>', text)
    first, second = (json.loads(gzip.decompress(base64.b64decode(data))) for data in packages[:2])
    assert "structure" in first and "pae" not in first
    assert first["remarks"][0].startswith(
        f"No aligned error to show: pae_{best[0]['complex_id']}_model_0.npz: not"
    )
    assert second["remarks"] == [f"No structure to show: {best[1]['complex_id']}_model_0.cif: no such file."]


def test_views_stop_where_the_page_is_full(tmp_path, monkeypatch):
    monkeypatch.setattr(details, "MAX_BYTES", 1)
    text = _render(tmp_path, n=12, structures=3)
    packages = re.findall(r'class="details">([^<]+)</script>', text)
    made = [json.loads(gzip.decompress(base64.b64decode(data))) for data in packages[:3]]
    assert ["structure" in one for one in made] == [True, False, False]
    assert "The page is full" in made[1]["remarks"][0]


def test_so_many_get_a_view_as_the_configuration_says(tmp_path):
    made = build(tmp_path, 12, structures=8)
    made = parse(made.model_dump(mode="json") | {"report": {"top": 5, "viewer_top": 2}})
    render(tmp_path, made, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert text.count('class="details"') == len(_cells(text, "top")) == 5
    assert text.count("(3-D)</option>") == 2
    made = parse(made.model_dump(mode="json") | {"report": {"viewer_top": 0}})
    render(tmp_path, made, tmp_path / "report.html")
    assert 'id="viewer-library"' not in (tmp_path / "report.html").read_text()

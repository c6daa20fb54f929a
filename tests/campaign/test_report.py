"""The report: it says what the tables say, it is one file, and names from a table cannot become markup."""

import re
import shutil
from html.parser import HTMLParser

import pyarrow.parquet as pq
import pytest
from campaign.campaign_tables import build, config

from foldcp.campaign.page.wording import number
from foldcp.campaign.report import inline_svg, render
from foldcp.campaign.results import load
from foldcp.config import DEMO_NOTE, parse
from foldcp.errors import InputError
from foldcp.tables import Provenance, rows_to_table, schemas, write_table
from foldcp.tables.dataset import part_paths

VOID = {"meta", "link", "br", "input", "img", "hr", "use"}


class _Page(HTMLParser):
    """Checks that elements are closed in order and that ids are unique."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.links, self.tags = [], [], [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        values = dict(attributes)
        self.ids += [values["id"]] if "id" in values else []
        self.links += [values[k] for k in ("href", "src", "xlink:href") if values.get(k)]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def _render(folder, **kwargs):
    made = build(folder, **kwargs)
    render(folder, made, folder / "report.html")
    return (folder / "report.html").read_text()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    _render(folder, n=24)
    return folder


def _rewrite(folder, name, spec, change):
    """Change every row of a table, or of all its parts."""
    for path in [folder / name] if (folder / name).is_file() else part_paths(folder / name).values():
        rows = [change(row) for row in pq.ParquetFile(path).read().to_pylist()]
        write_table(path, spec, rows_to_table(spec, rows), Provenance())


def _forget(folder, *patterns):
    for pattern in patterns:
        for path in folder.glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.mark.parametrize("n", [0, 1, 12, 40])
def test_every_row_has_one_fate(tmp_path, n):
    build(tmp_path, n)
    results = load(tmp_path)
    assert sum(results.counts.values()) == results.n_rows
    assert results.counts["scored"] == len({row["complex_id"] for row in results.best})


def test_it_says_what_the_tables_say(finished):
    text = (finished / "report.html").read_text()
    counts = dict(re.findall(r"</i>([^<]+)</td><td class=\"num\">(\d+)</td>", text))
    assert counts == {
        "rejected on reading": "4",
        "without usable sequences": "2",
        "too large for the plan": "2",
        "failed": "2",
        "not predicted yet": "2",
        "unreadable prediction": "0",
        "scored": "16",
    }
    assert 'all rows of the table</th><td class="num">28<' in text
    assert "malformed accession" in text
    assert "GO:0006352" in text
    best = max(load(finished).best, key=lambda row: row["iptm"])["complex_id"]
    assert re.search(r'href="06_predictions/(CPX-\d+)/', text)[1] == best


def test_it_is_one_well_formed_file_that_needs_no_network(finished):
    text = (finished / "report.html").read_text()
    page = _Page(text)
    assert len(page.ids) == len(set(page.ids))
    outside = [link for link in page.links if not link.startswith(("#", "data:", "06_predictions/"))]
    assert outside == []
    assert {"#" + i for i in page.ids} >= {link for link in page.links if link.startswith("#")}
    assert "@import" not in text


def test_the_same_tables_give_the_same_bytes(finished):
    before = (finished / "report.html").read_bytes()
    render(finished, config(finished), finished / "report.html")
    assert (finished / "report.html").read_bytes() == before


FIGURES_OF_SCORES = ("scores", "scores_by_size", "size_effect", "curves", "factors")


def test_demo_weights_are_named_at_the_top_and_at_every_score(finished, tmp_path):
    demo = (finished / "report.html").read_text()
    assert 'id="banner"' in demo
    assert demo.count('<p class="warn"') == 7
    note = DEMO_NOTE[:1].upper() + DEMO_NOTE[1:]
    for name in FIGURES_OF_SCORES:
        assert note in (finished / f"figures/{name}.svg").read_text()
    for name in ("coverage", "cost"):
        assert note not in (finished / f"figures/{name}.svg").read_text()
    real = _render(tmp_path, n=12, demo=False)
    assert 'id="banner"' not in real
    assert "mean nothing" not in real


def test_a_note_in_the_provenance_of_any_table_is_a_warning(tmp_path):
    note = "synthetic example: made up, not predictions"
    text = _render(tmp_path, n=12, demo=False, note=note)
    assert f"say nothing about real proteins.</strong> {note.capitalize()}." in text
    assert text.count(f'<p class="warn" role="note">{note.capitalize()}.</p>') == 7
    assert note.capitalize() in (tmp_path / "figures/curves.svg").read_text()
    assert "demo weights" not in text


def test_demo_scores_warn_even_if_the_configuration_names_another_model(tmp_path):
    build(tmp_path, 12, demo=True)
    render(tmp_path, config(tmp_path, demo=False), tmp_path / "report.html")
    assert 'id="banner"' in (tmp_path / "report.html").read_text()


def test_names_cannot_become_markup(tmp_path):
    made = build(tmp_path, 120)
    evil = '<script>alert("x")</script>"\'&'
    _rewrite(tmp_path, "01_complexes.parquet", schemas.COMPLEXES, lambda row: row | {"name": evil})
    _rewrite(
        tmp_path, "01_rejected.parquet", schemas.REJECTED, lambda row: row | {"raw": evil, "reason": evil}
    )
    enrichment = "08_enrichment/enrichment.parquet"
    _rewrite(tmp_path, enrichment, schemas.STATISTICS["enrichment"], lambda row: row | {"label": evil})
    made = parse(made.model_dump(mode="json") | {"report": {"title": "</title><b>" + evil}})
    render(tmp_path, made, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    plain = _render(tmp_path / "plain", n=120)
    assert _Page(text).tags.count("script") == _Page(plain).tags.count("script")
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text


def test_a_campaign_that_has_not_started(tmp_path):
    render(tmp_path, config(tmp_path), tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    _Page(text)
    assert "Nothing is scored yet." in text
    assert "Nothing is planned yet." in text


def test_a_campaign_without_a_single_planned_bin(tmp_path):
    made = build(tmp_path, 0)
    assert part_paths(tmp_path / "07_scores/complexes") == {}
    render(tmp_path, made, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    _Page(text)
    assert "Nothing was planned, so nothing was predicted." in text
    assert "None of the 1 rows of the table became a prediction" in text
    assert "planned yet" not in text


def test_only_an_empty_plan_says_that_nothing_was_planned(finished, tmp_path):
    assert "Nothing was planned" not in (finished / "report.html").read_text()
    render(tmp_path, config(tmp_path), tmp_path / "report.html")
    assert "Nothing was planned" not in (tmp_path / "report.html").read_text()


def test_hours_spent_are_of_ranks(finished, tmp_path):
    tile = r"<b>([^<]+)</b>rank-hours spent on NVIDIA H100"
    assert float(re.search(tile, (finished / "report.html").read_text())[1]) > 0
    made = build(tmp_path, 12)
    for path in (tmp_path / "06_ledger").iterdir():
        name = f"06_ledger/{path.name}"
        _rewrite(tmp_path, name, schemas.LEDGER, lambda row: row | {"wall_seconds": 1e-3})
    render(tmp_path, made, tmp_path / "report.html")
    assert "<b>&lt; 0.01</b>rank-hours spent" in (tmp_path / "report.html").read_text()


def test_nothing_predicted_yet(tmp_path):
    made = build(tmp_path, 12)
    _forget(tmp_path, "06_*", "07_*", "08_*")
    render(tmp_path, made, tmp_path / "report.html")
    counts = load(tmp_path).counts
    assert counts["not predicted yet"] == 10
    assert counts["scored"] == 0
    assert not (tmp_path / "figures/scores.svg").exists()


def test_a_figure_of_an_earlier_state_goes(tmp_path):
    _render(tmp_path, n=12)
    assert (tmp_path / "figures/scores.svg").exists()
    _forget(tmp_path, "07_scores")
    render(tmp_path, config(tmp_path), tmp_path / "report.html")
    assert not (tmp_path / "figures/scores.svg").exists()


def test_ledgers_of_an_earlier_plan_do_not_count(tmp_path):
    build(tmp_path, 12)
    old = tmp_path / "06_ledger" / "0000007.parquet"
    old.write_bytes(next((tmp_path / "06_ledger").glob("*.parquet")).read_bytes())
    before = load(tmp_path).ledger.num_rows
    old.unlink()
    assert load(tmp_path).ledger.num_rows == before


def test_a_complex_that_shares_a_prediction_shares_its_fate_and_is_listed_once(tmp_path):
    made = build(tmp_path, 12)
    shared = {"CPX-0003": "CPX-0002", "CPX-0005": "CPX-0004"}  # of a failed and of a scored one

    def share(row):
        return row | {"predicted_as": shared.get(row["complex_id"], row["complex_id"])}

    _rewrite(tmp_path, "04_tokens.parquet", schemas.TOKENS, share)
    _rewrite(tmp_path, "07_scores/complexes", schemas.SCORES["complexes"], share)
    render(tmp_path, made, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert load(tmp_path).fates["CPX-0003"] == "failed"
    assert re.search(r'CPX-0004</a>[^/]*look</button><span class="also">also CPX-0005</span>', text)
    assert 'CPX-0002<span class="also">also CPX-0003</span>' in text
    assert "Look at CPX-0004" in text and "Look at CPX-0005" not in text


def test_a_broken_table_is_named(tmp_path):
    made = build(tmp_path, 1)
    (tmp_path / "05_plan.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match=r"05_plan\.parquet"):
        render(tmp_path, made, tmp_path / "report.html")


def test_inline_figures_do_not_share_ids():
    svg = (
        '<?xml version="1.0"?><svg width="1pt" height="2pt"><use href="#a"/><g id="a" mask="url(#b)"/></svg>'
    )
    assert inline_svg(svg, "x") == '<svg><use href="#x-a"/><g id="x-a" mask="url(#x-b)"/></svg>'


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (0.0, "0.00"), (1e-9, "1.0e-9"), (0.5, "0.50"), (float("inf"), "∞"), (7, "7.00")],
)
def test_numbers_for_people(value, text):
    assert number(value) == text


def test_counts_for_people():
    assert number(12345, 0) == "12\N{NARROW NO-BREAK SPACE}345"

"""Enrichment: a known answer, a null, and the ways in which duplicates could fake a finding."""

import random
from typing import get_args

import pyarrow as pa
import pytest
from scipy.stats import hypergeom, nchypergeom_fisher

from foldcp.campaign import enrichment
from foldcp.config import EnrichmentConfig, Score
from foldcp.tables.rows import rows_to_table
from foldcp.tables.schemas import COMPLEXES
from foldcp.tables.score_schemas import SCORES_COMPLEXES
from foldcp.tables.statistics_schemas import STATISTICS

CONFIG = EnrichmentConfig(score="iptm", scores=["iptm"], top_fraction=0.2, min_size=2)


def enrich(scores, complexes, config):
    """Test the categories of a campaign of one size bin."""
    return enrichment.enrich({"0000512": scores}, complexes, config, 7)["enrichment"]


def _complexes(rows):
    common = {
        "source_row": 1,
        "source_format": "csv",
        "members": [],
        "n_members": 2,
        "n_chains": 2,
        "flags": [],
        "role": "input",
    }
    return rows_to_table(
        COMPLEXES,
        [
            {
                **common,
                "complex_id": name,
                "source_id": name,
                "content_key": same_as,
                "same_as": same_as,
                "annotations": [{"scheme": "go", "term": t, "label": f"label of {t}"} for t in terms],
            }
            for name, same_as, terms in rows
        ],
    )


def _scores(rows):
    common = {"program": "foldcp", "n_samples": 1, "n_tokens": 100, "meaningless": False, "sample": 0}
    defaults = {**common, "role": "input", "n_chains": 2}
    return rows_to_table(
        SCORES_COMPLEXES, [defaults | {"predicted_as": row["complex_id"]} | row for row in rows]
    )


def _one_each(scores, terms):
    """A complex for each score; one without terms gets a term of its own, so that all are annotated."""
    names = [f"c{i:03}" for i in range(len(scores))]
    complexes = _complexes([(n, n, t or [f"GO:{n}"]) for n, t in zip(names, terms, strict=True)])
    return _scores([{"complex_id": n, "iptm": s} for n, s in zip(names, scores, strict=True)]), complexes


def test_known_answer():
    # 20 complexes, 4 top; the category holds 3 of the top and 2 others.
    scores = [1 - i / 20 for i in range(20)]
    terms = [["GO:1"] if i in (0, 1, 2, 10, 11) else [] for i in range(20)]
    (row,) = enrich(*_one_each(scores, terms), CONFIG).to_pylist()
    assert [row[k] for k in ("n_top_in_term", "n_top", "n_in_term", "n_all")] == [3, 4, 5, 20]
    assert row["p_value"] == pytest.approx(hypergeom.sf(2, 20, 5, 4))
    assert row["q_value"] == row["p_value"]
    assert row["fold_enrichment"] == pytest.approx((3 / 4) / (5 / 20))
    assert row["odds_ratio"] == pytest.approx((3 * 14) / (1 * 2))
    assert row["label"] == "label of GO:1"


def test_a_depleted_category_is_not_enriched():
    scores = [1 - i / 20 for i in range(20)]
    (row,) = enrich(*_one_each(scores, [["GO:1"] * (i >= 5) for i in range(20)]), CONFIG).to_pylist()
    assert row["n_top_in_term"] == 0
    assert row["p_value"] == 1


def test_under_the_null_nothing_is_found():
    draw = random.Random(7)
    scores = [draw.random() for _ in range(300)]
    terms = [[f"GO:{draw.randrange(30)}"] for _ in scores]
    got = enrich(*_one_each(scores, terms), CONFIG)
    assert got.num_rows == 30
    assert min(got["q_value"].to_pylist()) > 0.05


def test_terms_of_a_well_scored_subset_are_not_enriched_for_that():
    """Half of the complexes are annotated, at random; these score better than the rest."""
    draw = random.Random(7)
    scores = [draw.gauss(i % 2, 0.3) for i in range(300)]
    names = [f"c{i:03}" for i in range(300)]
    terms = [[f"GO:{draw.randrange(5)}"] * (i % 2) for i in range(300)]
    complexes = _complexes(list(zip(names, names, terms, strict=True)))
    table = _scores([{"complex_id": n, "iptm": s} for n, s in zip(names, scores, strict=True)])
    got = enrich(table, complexes, CONFIG)
    assert set(got["n_all"].to_pylist()) == {150} and set(got["n_top"].to_pylist()) == {30}
    assert got.num_rows == 5 and min(got["q_value"].to_pylist()) > 0.05


def test_the_odds_have_a_conditional_interval():
    scores = [1 - i / 20 for i in range(20)]
    terms = [["GO:1"] if i in (0, 1, 2, 10, 11) else [] for i in range(20)]
    (row,) = enrich(*_one_each(scores, terms), CONFIG).to_pylist()
    for end, tail in ((row["odds_low"], "sf"), (row["odds_high"], "cdf")):
        # At an end of the interval, what was seen has just 2.5 % chance.
        law = nchypergeom_fisher(20, 5, 4, end)
        assert (law.sf(2) if tail == "sf" else law.cdf(3)) == pytest.approx(0.025, rel=1e-4)


def test_a_category_of_all_complexes_has_no_odds():
    (row,) = enrich(*_one_each([0.9, 0.5, 0.4], [["GO:1"]] * 3), CONFIG).to_pylist()
    assert [row[k] for k in ("odds_ratio", "odds_low", "odds_high")] == [None] * 3
    assert row["p_value"] == 1


def test_q_values_are_benjamini_hochberg():
    scores = [1 - i / 20 for i in range(20)]
    terms = [["GO:1"] * (i < 4) + ["GO:2"] * (i in (0, 9, 10)) for i in range(20)]
    first, second = enrich(*_one_each(scores, terms), CONFIG).to_pylist()
    assert first["term"] == "GO:1"
    assert first["q_value"] == pytest.approx(2 * first["p_value"])
    assert second["q_value"] == pytest.approx(second["p_value"])


def test_each_scheme_pays_for_its_own_tests_only():
    scores, complexes = _one_each([1 - i / 20 for i in range(20)], [["GO:1"] * (i < 4) for i in range(20)])
    rows = complexes.to_pylist()
    for i, row in enumerate(rows):
        row["annotations"] += [{"scheme": "funcat", "term": f"{i % 9}"}]
    found = enrich(scores, rows_to_table(COMPLEXES, rows), CONFIG).to_pylist()
    assert len(found) == 10
    assert found[0]["scheme"] == "go" and found[0]["q_value"] == found[0]["p_value"]


def test_equal_content_counts_once():
    scores = [1 - i / 20 for i in range(20)]
    alone = enrich(*_one_each(scores, [["GO:1"] * (i in (0, 10)) for i in range(20)]), CONFIG).to_pylist()
    names = [f"c{i:03}" for i in range(20)]
    copies = [f"d{i}" for i in range(8)]
    complexes = _complexes(
        [(n, n, ["GO:1"] if n in ("c000", "c010") else [f"GO:{n}"]) for n in names]
        + [(n, "c000", ["GO:1"]) for n in copies]
    )
    table = _scores(
        [{"complex_id": n, "iptm": s} for n, s in zip(names, scores, strict=True)]
        + [{"complex_id": n, "predicted_as": "c000", "iptm": 1.0} for n in copies]
    )
    assert enrich(table, complexes, CONFIG).to_pylist() == alone


def test_decoys_are_no_complexes_to_be_enriched_among():
    alone = enrich(*_one_each([0.9, 0.5, 0.4, 0.3], [["GO:1"], ["GO:1"], [], []]), CONFIG)
    scores, complexes = _one_each([0.9, 0.5, 0.4, 0.3], [["GO:1"], ["GO:1"], [], []])
    decoys = _scores([{"complex_id": f"d{i}", "iptm": 0.95, "role": "decoy"} for i in range(9)])
    assert enrich(pa.concat_tables([scores, decoys]), complexes, CONFIG).equals(alone)


def test_ties_at_the_cut_are_all_top():
    (row,) = enrich(*_one_each([0.9] + [0.5] * 9, [["GO:1"]] * 2 + [[]] * 8), CONFIG).to_pylist()
    assert row["n_top"] == 10
    assert row["p_value"] == 1


def test_one_chain_has_no_iptm_to_rank():
    scores, complexes = _one_each([0.9, 0.5, 0.4], [["GO:1"]] * 3)
    single = _scores([r | {"n_chains": 1} if r["complex_id"] == "c002" else r for r in scores.to_pylist()])
    (row,) = enrich(single, complexes, CONFIG).to_pylist()
    assert row["n_all"] == 2


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_complexes_test_nothing(n):
    assert enrich(*_one_each([0.9] * n, [["GO:1"]] * n), CONFIG).num_rows == 0


def test_small_categories_are_not_tested():
    assert enrich(*_one_each([0.9, 0.5, 0.4], [["GO:1"], ["GO:2"], []]), CONFIG).num_rows == 0


def test_demo_weights_mark_every_row():
    scores, complexes = _one_each([0.9, 0.5], [["GO:1"], ["GO:1"]])
    demo = _scores([r | {"meaningless": True} for r in scores.to_pylist()])
    assert enrich(demo, complexes, CONFIG)["meaningless"].to_pylist() == [True]


def _with_decoys(values=(0.9, 0.8, 0.7), decoys=(0.6, 0.5, 0.75), **more):
    rows = [{"complex_id": f"c{i}", "iptm": v} for i, v in enumerate(values)]
    rows += [{"complex_id": f"d{i}", "iptm": v, "role": "decoy"} for i, v in enumerate(decoys)]
    complexes = _complexes([(row["complex_id"], row["complex_id"], ["GO:1"]) for row in rows])
    listed = [
        row | ({"matched_to": f"c{row['complex_id'][1:]}"} if row["complex_id"].startswith("d") else {})
        for row in complexes.to_pylist()
    ]
    scores = _scores([row | more for row in rows])
    return enrichment.enrich({"0000512": scores}, rows_to_table(COMPLEXES, listed), CONFIG, 7)


@pytest.mark.filterwarnings("error")
def test_one_pass_makes_every_table():
    tables = _with_decoys()
    assert {name: table.schema for name, table in tables.items()} == {
        name: spec.schema for name, spec in STATISTICS.items()
    }
    assert tables["significance"]["p_value"].to_pylist() == [0.25, 0.25, 0.5]
    assert {row["role"]: row["n"] for row in tables["size_effect"].to_pylist()} == {"input": 3, "decoy": 3}
    assert set(tables["curves"]["curve"].to_pylist()) == {"roc", "pr"}
    text = enrichment.summary(tables)
    assert text[1].startswith("iptm: ROC AUC 0.889, 3 complexes against 3 controls; q <= 0.05: 0")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("values", [(0.9, 0.8, 0.7), (0.5,) * 8, (0.9,), ()])
def test_without_decoys_the_rest_works(values):
    tables = _with_decoys(values, ())
    assert [tables[name].num_rows for name in ("significance", "discrimination", "curves")] == [0, 0, 0]
    assert tables["size_effect"].num_rows == 2 * bool(values)
    assert "no decoys were scored" in enrichment.summary(tables)[-1]


def test_candidates_alone_tell_scores_apart_and_give_no_p_values():
    roles = {"k0": "known", "k1": "known", "x0": "candidate", "x1": "candidate"}
    values = zip(roles.items(), (0.9, 0.5, 0.6, 0.1), strict=True)
    scores = _scores([{"complex_id": name, "role": role, "iptm": v} for (name, role), v in values])
    complexes = _complexes([(name, name, []) for name in roles])
    config = CONFIG.model_copy(update={"candidates_as_negatives": True})
    tables = enrichment.enrich({"0000512": scores}, complexes, config, 7)
    assert tables["significance"].num_rows == 0
    assert tables["discrimination"]["value"].to_pylist()[0] == 0.75
    said = enrichment.summary(tables)
    assert "no decoys were scored: no score can be called significant" in said
    assert "iptm: ROC AUC 0.750, 2 complexes against 2 controls" in said


@pytest.mark.filterwarnings("error")
def test_a_campaign_without_scores_has_no_statistics():
    tables = enrichment.enrich({}, _complexes([]), CONFIG, 7)
    assert {table.num_rows for table in tables.values()} == {0}


@pytest.mark.filterwarnings("error")
def test_missing_scores_are_counted_and_said():
    tables = _with_decoys((0.9, 0.8, None), (0.6, float("nan"), 0.5))
    assert "iptm: left out 2 distinct predictions that have none" in enrichment.summary(tables)
    assert tables["discrimination"]["n_positive"].to_pylist()[0] == 2
    assert tables["significance"].num_rows == 2


def test_the_ranking_score_is_held_against_decoys_unlisted():
    rows = [
        {"complex_id": name, "role": role, "iptm": 0.5, "ptm": 0.6}
        for name, role in (("c0", "input"), ("d0", "decoy"))
    ]
    complexes = _complexes([(row["complex_id"], row["complex_id"], []) for row in rows])
    config = EnrichmentConfig(score="ptm", scores=["iptm"])
    tables = enrichment.enrich({"0000512": _scores(rows)}, complexes, config, 7)
    assert set(tables["significance"]["score"].to_pylist()) == {"iptm", "ptm"}
    assert set(tables["size_effect"]["score"].to_pylist()) == {"iptm", "ptm"}


def test_the_scores_to_rank_by_are_columns_of_the_table():
    schema = SCORES_COMPLEXES.schema
    assert all(schema.field(name).metadata[b"source"] for name in get_args(Score))


def test_demo_weights_mark_every_table():
    tables = _with_decoys(meaningless=True)
    assert all(all(table["meaningless"].to_pylist()) for table in tables.values())

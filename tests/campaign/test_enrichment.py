"""Enrichment: a known answer, a null, and the ways in which duplicates could fake a finding."""

import random

import pytest
from scipy.stats import hypergeom

from foldcp.campaign.enrichment import enrich
from foldcp.config import EnrichmentConfig
from foldcp.tables.rows import rows_to_table
from foldcp.tables.schemas import COMPLEXES, SCORES_COMPLEXES

CONFIG = EnrichmentConfig(score="iptm", top_fraction=0.2, min_size=2)


def _complexes(rows):
    common = {
        "source_row": 1,
        "source_format": "csv",
        "members": [],
        "n_members": 2,
        "n_chains": 2,
        "flags": [],
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
    common = {"confidence_score": 0.5, "ptm": 0.5, "complex_plddt": 0.5, "meaningless": False, "sample": 0}
    defaults = {**common, "rank": 1, "n_chains": 2}
    return rows_to_table(
        SCORES_COMPLEXES, [defaults | {"predicted_as": row["complex_id"]} | row for row in rows]
    )


def _one_each(scores, terms):
    names = [f"c{i:03}" for i in range(len(scores))]
    complexes = _complexes([(n, n, t) for n, t in zip(names, terms, strict=True)])
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


def test_q_values_are_benjamini_hochberg():
    scores = [1 - i / 20 for i in range(20)]
    terms = [["GO:1"] * (i < 4) + ["GO:2"] * (i in (0, 9, 10)) for i in range(20)]
    first, second = enrich(*_one_each(scores, terms), CONFIG).to_pylist()
    assert first["term"] == "GO:1"
    assert first["q_value"] == pytest.approx(2 * first["p_value"])
    assert second["q_value"] == pytest.approx(second["p_value"])


def test_equal_content_counts_once():
    scores = [1 - i / 20 for i in range(20)]
    alone = enrich(*_one_each(scores, [["GO:1"] * (i in (0, 10)) for i in range(20)]), CONFIG).to_pylist()
    names = [f"c{i:03}" for i in range(20)]
    copies = [f"d{i}" for i in range(8)]
    complexes = _complexes(
        [(n, n, ["GO:1"] * (n in ("c000", "c010"))) for n in names] + [(n, "c000", ["GO:1"]) for n in copies]
    )
    table = _scores(
        [{"complex_id": n, "iptm": s} for n, s in zip(names, scores, strict=True)]
        + [{"complex_id": n, "predicted_as": "c000", "iptm": 1.0} for n in copies]
    )
    assert enrich(table, complexes, CONFIG).to_pylist() == alone


def test_the_best_sample_stands_for_its_complex():
    scores, complexes = _one_each([0.9, 0.1, 0.1, 0.1, 0.1], [["GO:1"], [], ["GO:1"], [], []])
    worse = _scores([{"complex_id": "c001", "iptm": 1.0, "rank": 2, "sample": 1}])
    both = rows_to_table(SCORES_COMPLEXES, worse.to_pylist() + scores.to_pylist())
    assert enrich(both, complexes, CONFIG).equals(enrich(scores, complexes, CONFIG))


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

"""Tables of statistics: what scores mean against controls.

A unit of every statistic is a distinct prediction: complexes of equal input share one and count once.
"""

import pyarrow as pa

from foldcp.tables.columns import BOOL, INT, REAL, TEXT, column, key
from foldcp.tables.rows import TableSpec

_MEANINGLESS = key("meaningless", BOOL, "true when demo weights made any prediction: it means nothing")
_SCORE = key("score", TEXT, "score column of the complexes table")

SIGNIFICANCE = TableSpec(
    "significance",
    "one row per complex that is no decoy and score: how often does a decoy of its size score as high?",
    pa.schema(
        [
            key("complex_id", TEXT, "complex"),
            key("role", TEXT, "input, known or candidate"),
            key("matched", BOOL, "whether a decoy of the complex itself is scored; if not, read p with care"),
            _SCORE,
            key("value", REAL, "the score"),
            key("null_bin", TEXT, "size bin whose decoys make the null, or all where a bin has too few"),
            key("n_null", INT, "decoys in the null"),
            column("p_value", REAL, "(1 + decoys at least as high) / (1 + decoys)", span=(0, 1)),
            column(
                "q_value", REAL, "Benjamini-Hochberg over the distinct predictions of its role", span=(0, 1)
            ),
            _MEANINGLESS,
        ]
    ),
)

DISCRIMINATION = TableSpec(
    "discrimination",
    "one row per score and statistic: does the score tell complexes from controls?",
    pa.schema(
        [
            _SCORE,
            key("statistic", TEXT, "roc_auc, average_precision, or enrichment (factor)"),
            column("top_fraction", REAL, "share of all called top, for an enrichment factor by rank"),
            column("cutoff", REAL, "value from which a complex is called top, for one by cut-off"),
            column("cutoff_source", TEXT, "who uses that cut-off"),
            key("value", REAL, "the statistic"),
            column(
                "low",
                REAL,
                "lower end of its interval: bootstrap, for an enrichment factor at least as wide as Wilson's",
            ),
            column("high", REAL, "upper end of its interval"),
            key("level", REAL, "level of the interval, e.g. 0.95"),
            key("n_bootstrap", INT, "resamples; 0 where a class is too small for an interval"),
            key(
                "n_positive",
                INT,
                "distinct complexes with a scored decoy (all known pairs, where candidates are negatives)",
            ),
            key("n_negative", INT, "distinct decoys (and candidates, where a screen says so)"),
            column("n_top", INT, "units called top"),
            column("n_top_positive", INT, "positives among them"),
            _MEANINGLESS,
        ]
    ),
)

CURVES = TableSpec(
    "curves",
    "points of the ROC and precision-recall curves",
    pa.schema(
        [
            _SCORE,
            key("curve", TEXT, "roc (x: false, y: true positive rate) or pr (x: recall, y: precision)"),
            key("x", REAL, "abscissa"),
            key("y", REAL, "ordinate"),
            column("threshold", REAL, "score at this point"),
            _MEANINGLESS,
        ]
    ),
)

SIZE_EFFECT = TableSpec(
    "size_effect",
    "one row per score, role and size bin (`all` for the trend over all): does a score decay with size?",
    pa.schema(
        [
            _SCORE,
            key("role", TEXT, "input, decoy, known or candidate"),
            key("bin", TEXT, "size bin, or all"),
            key("n", INT, "distinct predictions with the score"),
            column("n_missing", INT, "distinct predictions without it, left out"),
            column("median", REAL, "median of the score"),
            column("low", REAL, "first quartile"),
            column("high", REAL, "third quartile"),
            column("spearman", REAL, "rank correlation of score and tokens (row `all`)", span=(-1, 1)),
            column("p_value", REAL, "of that correlation, two-sided", span=(0, 1)),
            _MEANINGLESS,
        ]
    ),
)

ENRICHMENT = TableSpec(
    "enrichment",
    "one row per category: is it over-represented among the best scored complexes that its scheme annotates?",
    pa.schema(
        [
            key("scheme", TEXT, "vocabulary of the category"),
            key("term", TEXT, "identifier of the category"),
            column("label", TEXT, "name of the category"),
            key("score", TEXT, "score column that ranked the complexes"),
            key("top_fraction", REAL, "share of annotated complexes called top"),
            key("n_top_in_term", INT, "top complexes in the category"),
            key("n_top", INT, "top complexes, of those with any term of the scheme"),
            key("n_in_term", INT, "complexes in the category"),
            key("n_all", INT, "complexes with a score and any term of the scheme"),
            column("fold_enrichment", REAL, "(n_top_in_term / n_top) / (n_in_term / n_all)"),
            column("odds_ratio", REAL, "odds ratio of the 2x2 table"),
            column("odds_low", REAL, "lower end of its 95 % interval (conditional)"),
            column("odds_high", REAL, "upper end of its 95 % interval (conditional)"),
            key("p_value", REAL, "Fisher's exact test, one-sided (over-representation)"),
            key("q_value", REAL, "Benjamini-Hochberg over the tested categories of its scheme"),
            _MEANINGLESS,
        ]
    ),
)

COMPARISON = TableSpec(
    "comparison",
    "one row per score: two campaigns on the complexes that both scored",
    pa.schema(
        [
            _SCORE,
            key("n_pairs", INT, "distinct complexes that both scored"),
            column("median_first", REAL, "median in the first campaign"),
            column("median_second", REAL, "median in the second campaign"),
            column("median_difference", REAL, "median of second minus first"),
            column("low", REAL, "lower end of its bootstrap interval"),
            column("high", REAL, "upper end of its bootstrap interval"),
            column("spearman", REAL, "rank correlation of both", span=(-1, 1)),
            column("p_value", REAL, "Wilcoxon's signed rank test, two-sided", span=(0, 1)),
            key("n_first_higher", INT, "complexes that score higher in the first"),
            key("n_second_higher", INT, "complexes that score higher in the second"),
            _MEANINGLESS,
        ]
    ),
)

STATISTICS = {
    "significance": SIGNIFICANCE,
    "discrimination": DISCRIMINATION,
    "curves": CURVES,
    "size_effect": SIZE_EFFECT,
    "enrichment": ENRICHMENT,
}
"""The tables below `08_enrichment`, by file name."""

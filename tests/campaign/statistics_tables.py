"""The statistics of a made-up campaign, by plain formulas: what the enrichment stage would have written."""

import numpy as np
from scipy.stats import false_discovery_control, spearmanr

from foldcp.tables.rows import TableSpec
from foldcp.tables.statistics_schemas import STATISTICS

SCORES = (
    *("iptm", "ipsae_max", "ipsae_weakest", "pdockq_max", "pdockq2_max", "lis_max"),
    *("confidence_score", "complex_plddt"),
)


def statistics(
    best: list[dict], complexes: list[dict], terms: tuple, demo: bool
) -> dict[str, tuple[TableSpec, list[dict]]]:
    """Rows of every table of STATISTICS, by path without its ending."""
    mark = {"meaningless": demo}
    ours = [row for row in best if row["role"] != "decoy"]
    null = [row for row in best if row["role"] == "decoy"]
    rows: dict[str, list[dict]] = {name: [] for name in STATISTICS}
    for score in SCORES:
        yes, no = (np.array([row[score] for row in part]) for part in (ours, null))
        if len(yes) and len(no):
            rows["significance"] += _significance(ours, score, yes, no, mark)
            rows["discrimination"] += _discrimination(score, yes, no, mark)
            rows["curves"] += _curves(score, yes, no, mark)
        rows["size_effect"] += [r for part in (ours, null) if part for r in _size_effect(score, part, mark)]
    tested = {row["complex_id"]: {a["term"] for a in row["annotations"]} for row in complexes}
    rows["enrichment"] = _categories(ours, tested, terms, mark) if ours else []
    return {f"08_enrichment/{name}": (STATISTICS[name], rows[name]) for name in STATISTICS}


def _significance(ours: list[dict], score: str, yes: np.ndarray, no: np.ndarray, mark: dict) -> list[dict]:
    higher = len(no) - np.searchsorted(np.sort(no), yes, side="left")
    p_values = (1 + higher) / (1 + len(no))
    q_values = false_discovery_control(p_values, method="bh")
    return [
        {
            "complex_id": row["complex_id"],
            "role": row["role"],
            "matched": True,
            "score": score,
            "value": row[score],
            "null_bin": "all",
            "n_null": len(no),
            "p_value": float(p),
            "q_value": float(q),
        }
        | mark
        for row, p, q in zip(ours, p_values, q_values, strict=True)
    ]


def _ranked(yes: np.ndarray, no: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    values = np.concatenate([yes, no])
    truth = np.concatenate([np.ones(len(yes)), np.zeros(len(no))])
    order = np.argsort(-values, kind="stable")
    return values[order], truth[order]


def _discrimination(score: str, yes: np.ndarray, no: np.ndarray, mark: dict) -> list[dict]:
    values, truth = _ranked(yes, no)
    auc = float((yes[:, None] > no[None, :]).mean()) if len(yes) < 1000 else 0.9
    precision = np.cumsum(truth) / np.arange(1, len(truth) + 1)
    common = {
        "score": score,
        "level": 0.95,
        "n_bootstrap": 200,
        "n_positive": len(yes),
        "n_negative": len(no),
    }
    rows = [
        {"statistic": "roc_auc", "value": auc, "low": auc - 0.03, "high": min(1.0, auc + 0.03)},
        {
            "statistic": "average_precision",
            "value": float(precision[truth == 1].mean()),
            "low": 0.5,
            "high": 1,
        },
    ]
    for fraction in (0.01, 0.05, 0.1):
        top = max(1, round(fraction * len(values)))
        factor = float(truth[:top].mean() / truth.mean())
        rows.append(
            {"statistic": "enrichment", "top_fraction": fraction, "value": factor, "n_top": top}
            | {"low": 0.9 * factor, "high": 1.1 * factor, "n_top_positive": int(truth[:top].sum())}
        )
    if score == "ipsae_max":
        top = int((values >= 0.6).sum())
        factor = float(truth[:top].mean() / truth.mean()) if top else 0.0
        rows.append(
            {"statistic": "enrichment", "cutoff": 0.6, "cutoff_source": "AlphaFold DB", "value": factor}
            | {"low": 0.9 * factor, "high": 1.1 * factor, "n_top": top}
            | {"n_top_positive": int(truth[:top].sum())}
        )
    return [common | row | mark for row in rows]


def _curves(score: str, yes: np.ndarray, no: np.ndarray, mark: dict) -> list[dict]:
    values, truth = _ranked(yes, no)
    hits, misses = np.cumsum(truth), np.cumsum(1 - truth)
    keep = np.unique(np.linspace(0, len(values) - 1, 60).astype(int))
    points = [("roc", misses[k] / len(no), hits[k] / len(yes), values[k]) for k in keep]
    points += [("pr", hits[k] / len(yes), hits[k] / (k + 1), values[k]) for k in keep]
    return [
        {"score": score, "curve": curve, "x": float(x), "y": float(y), "threshold": float(t)} | mark
        for curve, x, y, t in points
    ]


def _size_effect(score: str, part: list[dict], mark: dict) -> list[dict]:
    edges = (256, 512, 1024, 2048, 16384)
    groups: dict[str, list[dict]] = {}
    for row in part:
        groups.setdefault(f"{next(e for e in edges if row['n_tokens'] <= e):07}", []).append(row)
    common = {"score": score, "role": part[0]["role"]} | mark
    made = []
    for name, rows in [*sorted(groups.items()), ("all", part)]:
        low, median, high = np.quantile([row[score] for row in rows], [0.25, 0.5, 0.75])
        made.append(
            common
            | {"bin": name, "n": len(rows), "median": float(median), "low": float(low), "high": float(high)}
        )
    if len(part) > 2:
        found = spearmanr([row[score] for row in part], [row["n_tokens"] for row in part])
        made[-1] |= {"spearman": float(found.statistic), "p_value": float(found.pvalue)}
    return made


def _categories(ours: list[dict], tested: dict[str, set[str]], terms: tuple, mark: dict) -> list[dict]:
    ranked = sorted(ours, key=lambda row: -row["iptm"])
    top = ranked[: max(1, len(ranked) // 4)]
    made = []
    for number, (term, label) in enumerate(terms):
        in_all = max(1, sum(term in tested[row["complex_id"]] for row in ours))
        in_top = sum(term in tested[row["complex_id"]] for row in top)
        fold = (in_top / len(top)) / (in_all / len(ours))
        made.append(
            {
                "scheme": "go",
                "term": term,
                "label": label,
                "score": "iptm",
                "top_fraction": 0.25,
                "n_top_in_term": in_top,
                "n_top": len(top),
                "n_in_term": in_all,
                "n_all": len(ours),
                "fold_enrichment": fold,
                "odds_ratio": fold * 1.2,
                "odds_low": fold * 0.6,
                "odds_high": None if number == 1 else fold * 2.5,
                "p_value": 0.01 * (number + 1),
                "q_value": 0.03,
            }
            | mark
        )
    return made

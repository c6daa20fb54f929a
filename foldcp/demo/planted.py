"""What was planted in the synthetic example, from the laws it was drawn from, and what was found."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from scipy.optimize import brentq
from scipy.stats import norm

from foldcp.demo.synthetic import DECAY, EDGES, MARKED, REAL, SHIFTS, is_real

TOP = 0.1
FALSE_DISCOVERIES = 0.1
_OFFSETS = -DECAY * np.arange(len(EDGES))


class Finding(NamedTuple):
    """One planted effect.

    Attributes
    ----------
    what
        The effect.
    planted
        What was put in.
    found
        What the statistics say.
    agrees
        Whether they found it.
    """

    what: str
    planted: str
    found: str
    agrees: bool


def roc_auc(shift: float) -> float:
    """Return the area under the ROC curve that a shift gives, over all size bins.

    Complex and decoy differ by a normal of variance 2 around the shift and the difference of their bins; only
    the real ones are shifted.
    """
    apart = _OFFSETS[:, None] - _OFFSETS[None, :]
    return float(REAL * norm.cdf((shift + apart) / np.sqrt(2)).mean() + (1 - REAL) * 0.5)


def enrichment(shift: float) -> float:
    """Return the enrichment factor at the top share `TOP` that a shift gives, over all size bins.

    The value above which the share lies is where the tail of the mixture holds it.
    """

    def tail(cut: float, moved: float) -> float:
        return float(norm.sf(cut - moved - _OFFSETS).mean())

    def complexes(cut: float) -> float:
        return REAL * tail(cut, shift) + (1 - REAL) * tail(cut, 0)

    cut = brentq(lambda c: (complexes(c) + tail(c, 0)) / 2 - TOP, -10, 10)
    return complexes(cut) / TOP


def findings(tables: Mapping[str, pa.Table], complexes: pa.Table) -> list[Finding]:
    """Return each planted effect with what the statistics of the example say of it.

    Parameters
    ----------
    tables
        From `foldcp.campaign.enrichment.enrich`, on the example.
    complexes
        Its COMPLEXES table.
    """
    rows = tables["discrimination"].to_pylist()
    found = []
    for score, shift in SHIFTS.items():
        for what, value, row in (
            ("ROC AUC", roc_auc(shift), _one(rows, score=score, statistic="roc_auc")),
            (f"enrichment, top {TOP:.0%}", enrichment(shift), _one(rows, score=score, top_fraction=TOP)),
        ):
            seen = f"{row['value']:.2f} ({row['low']:.2f} to {row['high']:.2f})"
            inside = row["low"] <= value <= row["high"]
            found.append(Finding(f"{score}: {what}", f"{value:.2f}", seen, inside))
    return [*found, *_trend(tables), _discoveries(tables, complexes), *_categories(tables)]


def _one(rows: list[dict], **values: object) -> dict:
    (row,) = (row for row in rows if values.items() <= row.items())
    return row


def _trend(tables: Mapping[str, pa.Table]) -> list[Finding]:
    rows = tables["size_effect"].to_pylist()
    trends = [_one(rows, score="ipsae_max", role=role, bin="all") for role in ("input", "decoy")]
    return [
        Finding(
            f"ipsae_max of {row['role']} rows and size",
            f"falls by {DECAY} per bin",
            f"Spearman {row['spearman']:+.2f}, p = {row['p_value']:.0e}",
            row["spearman"] < 0 and row["p_value"] < 0.01,
        )
        for row in trends
    ]


def _discoveries(tables: Mapping[str, pa.Table], complexes: pa.Table) -> Finding:
    real = {row["complex_id"] for row in complexes.to_pylist() if is_real(row)}
    called = {
        row["complex_id"]
        for row in tables["significance"].to_pylist()
        if row["score"] == "ipsae_max" and row["q_value"] <= FALSE_DISCOVERIES
    }
    false = len(called - real)
    return Finding(
        f"ipsae_max: complexes at q <= {FALSE_DISCOVERIES}",
        f"{len(real)} real, at most {FALSE_DISCOVERIES:.0%} false on average",
        f"{len(called)} called, {false} of them not real",
        bool(called) and false <= 2 * FALSE_DISCOVERIES * len(called),
    )


def _categories(tables: Mapping[str, pa.Table]) -> list[Finding]:
    rows = tables["enrichment"].to_pylist()
    marked = [row for row in rows if (row["scheme"], row["term"]) == MARKED]
    others = [row for row in rows if row not in marked]
    chance = sum(row["q_value"] <= 0.05 for row in others)
    return [
        Finding(
            f"category {MARKED[1]} of {MARKED[0]}",
            "50 % of real, 10 % of others",
            f"odds ratio {row['odds_ratio']:.1f} ({row['odds_low']:.1f} to {row['odds_high']:.1f}), "
            f"q = {row['q_value']:.0e}",
            row["q_value"] <= 0.05,
        )
        for row in marked
    ] + [Finding(f"{len(others)} other categories", "no difference", f"{chance} with q <= 0.05", chance <= 1)]

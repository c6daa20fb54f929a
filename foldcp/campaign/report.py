"""The report of a campaign: one HTML file that opens from disk, with no network, script library or font.

Everything shown comes from the campaign's tables. Names come from the user's table, so the template engine
escapes every value; only figures, style and script, which foldcp makes, go in as they are.
"""

import json
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml
from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from foldcp.campaign.figures import FIGURES, figures
from foldcp.campaign.launch.progress import hours
from foldcp.campaign.results import REJECTED_TABLES, SCORED, TABLES, Results, Row, load
from foldcp.config import DEMO_NOTE, Config
from foldcp.tables.files import atomic_write, make_folder
from foldcp.tables.provenance import code_version

MAX_ROWS = 1000
"""Most rows of one table on the page; the Parquet table has all of them."""

SCORE_COLUMNS = (
    ("confidence_score", "Confidence", "(4 pLDDT + ipTM) / 5; pTM instead of ipTM for one chain"),
    ("iptm", "ipTM", "interface predicted TM-score, 0 to 1"),
    ("ptm", "pTM", "predicted TM-score, 0 to 1"),
    ("complex_plddt", "pLDDT", "mean over tokens, 0 to 1"),
)


def render(campaign: Path, config: Config, output: Path) -> None:
    """Write the report of a campaign, and its figures as SVG files in `figures/` beside it.

    Parameters
    ----------
    campaign
        Campaign folder. Tables that do not exist yet read as empty.
    config
        Its configuration.
    output
        HTML file to write. Links to structures are relative to it.

    Raises
    ------
    InputError
        If a table that exists is not what it should be.
    """
    results = load(campaign)
    drawn = figures(results)
    _write_figures(drawn, output.parent / "figures")
    environment = Environment(loader=PackageLoader("foldcp.campaign"), autoescape=True, trim_blocks=True)
    environment.filters |= {"number": number, "bytes": byte_size, "duration": duration, "percent": percent}
    page = environment.get_template("report.html").render(
        config=config,
        results=results,
        figures={name: Markup(inline_svg(svg, name)) for name, svg in drawn.items()},
        style=_asset(environment, "report.css"),
        script=_asset(environment, "report.js"),
        **_contents(results, config, output.parent),
    )
    with atomic_write(output, "w") as handle:
        handle.write(page)


def _write_figures(drawn: Mapping[str, str], folder: Path) -> None:
    make_folder(folder)
    for name in FIGURES:
        if name in drawn:
            with atomic_write(folder / f"{name}.svg", "w") as handle:
                handle.write(drawn[name])
        else:
            # A figure of an earlier state of the campaign must not pass for one of this state.
            (folder / f"{name}.svg").unlink(missing_ok=True)


def _contents(results: Results, config: Config, here: Path) -> dict[str, Any]:
    meaningless = config.demo or any(row["meaningless"] for row in results.best)
    return {
        "title": config.report.title or config.campaign,
        "warning": DEMO_NOTE if meaningless else None,
        "score_columns": SCORE_COLUMNS,
        "score_label": next(label for column, label, _ in SCORE_COLUMNS if column == config.enrichment.score),
        "devices": sorted({row["device"] for row in results.last_attempt.values() if row["device"]}),
        "fates": list(results.counts.items()),
        "bins": _bins(results),
        "top": _top(results, config, here),
        "enrichment": results.rows("08_enrichment.parquet"),
        "rejected": _rejected(results),
        "failed": _failed(results),
        "provenance": _provenance(results),
        "weights": sorted({row["weights_sha256"] for row in results.best if row["weights_sha256"]}),
        "last_finished": max(
            (r["finished_at"] for r in results.last_attempt.values() if r["finished_at"]), default=None
        ),
        "rank_hours": hours(sum(row["rank_hours"] for row in _bins(results))),
        "nothing_planned": results.ran("05_plan.parquet") and not results.tables["05_plan.parquet"].num_rows,
        "version": code_version(),
        "config_text": yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True),
        "max_rows": MAX_ROWS,
    }


def _bins(results: Results) -> list[Row]:
    """Return one row per planned size bin: work, and predicted against measured cost of what is done."""
    planned: dict[str, list[Row]] = defaultdict(list)
    for row in results.rows("05_plan.parquet"):
        planned[row["bin"]].append(row)
    attempts: dict[str, list[Row]] = defaultdict(list)
    for row in results.ledger.to_pylist():
        attempts[row["bin"]].append(row)
    return [_bin(name, rows, attempts[name], results.last_attempt) for name, rows in sorted(planned.items())]


def _bin(name: str, planned: list[Row], attempts: list[Row], last: Mapping[str, Row]) -> Row:
    ended = [last[row["complex_id"]] for row in planned if row["complex_id"] in last]
    done = [row for row in ended if row["outcome"] == "done"]
    first = planned[0]
    both = [row for row in done if row["predicted_seconds"] and row["wall_seconds"]]
    return {
        "upper": int(name),
        "mesh": f"{first['mesh_rows']}×{first['mesh_cols']}",
        "gpu": first["gpu"],
        "predictions": len(planned),
        "jobs": len({row["shard"] for row in planned}),
        "done": len(done),
        "failed": len(ended) - len(done),
        "predicted_seconds": sum(row["predicted_seconds"] for row in both),
        "measured_seconds": sum(row["wall_seconds"] for row in both),
        "predicted_peak": max(
            (r["predicted_peak_bytes"] for r in done if r["predicted_peak_bytes"]), default=None
        ),
        "measured_peak": max((r["peak_bytes"] for r in done if r["peak_bytes"]), default=None),
        # What was spent includes attempts that failed.
        "rank_hours": sum((r["wall_seconds"] or 0) * _ranks(r["mesh"]) for r in attempts) / 3600,
    }


def _ranks(mesh: str) -> int:
    rows, columns = mesh.split("x")
    return int(rows) * int(columns)


def _top(results: Results, config: Config, here: Path) -> list[Row]:
    """Return the best scored predictions, best first; complexes that share one are one row."""
    listed = {row["complex_id"]: row for row in results.rows("01_complexes.parquet")}
    own = [row for row in results.best if row["complex_id"] == row["predicted_as"]]
    own.sort(key=lambda row: (-row[config.enrichment.score], row["complex_id"]))
    predictions = os.path.relpath(results.folder / "06_predictions", here)
    top = []
    for row in own[: config.report.top]:
        complex_ = listed.get(row["complex_id"], {})
        top.append(
            row
            | {
                "name": complex_.get("name"),
                "members": [_member(m) for m in complex_.get("members", [])],
                "also": [name for name in results.sharing.get(row["complex_id"], []) if name in listed],
                "link": quote(f"{predictions}/{row['structure']}") if row["structure"] else None,
            }
        )
    return top


def _member(member: Row) -> str:
    copies = f"\N{NO-BREAK SPACE}×{member['copies']}" if member["copies"] > 1 else ""
    return f"{member['gene'] or member['member']}{copies}"


def _rejected(results: Results) -> Row:
    rows = [row for name in REJECTED_TABLES for row in results.rows(name)]
    return {"rows": rows, "reasons": _tally((row["stage"], row["reason_code"]) for row in rows)}


def _failed(results: Results) -> Row:
    """Return predictions whose last attempt failed or whose files cannot be read, each once."""
    tries = Counter(row["complex_id"] for row in results.ledger.to_pylist())
    tokens = {row["complex_id"]: row["n_tokens"] for row in results.rows("05_plan.parquet")}
    rows = [
        row | {"attempts": tries[name], "n_tokens": tokens.get(name), "also": results.sharing.get(name, [])}
        for name, row in results.last_attempt.items()
        if row["outcome"] != "done" and results.fates.get(name) != SCORED
    ]
    rows += [
        {"complex_id": row["complex_id"], "outcome": "unreadable", "message": row["reason"], "also": []}
        for row in results.rows("07_scores/failed.parquet")
    ]
    return {"rows": rows, "reasons": _tally(("predict", row["outcome"]) for row in rows)}


def _tally(reasons: Iterable[tuple[str, str]]) -> list[tuple[str, str, int]]:
    return [(stage, reason, count) for (stage, reason), count in Counter(reasons).most_common()]


def _provenance(results: Results) -> list[Row]:
    return [
        {
            "table_file": name,
            "rows": results.tables[name].num_rows,
            "sources": sorted(json.loads(results.metadata[name].get("inputs", "{}")).items()),
            **results.metadata[name],
        }
        for name in sorted(TABLES)
        if results.ran(name)
    ]


def _asset(environment: Environment, name: str) -> Markup:
    return Markup(environment.loader.get_source(environment, name)[0])  # type: ignore[union-attr]


def inline_svg(svg: str, name: str) -> str:
    """Return an SVG document as an element for a page that holds others too.

    Identifiers get `name` as a prefix, so that figures do not refer to each other's parts.
    """
    element = svg[svg.index("<svg") :]
    element = re.sub(r"<metadata>.*?</metadata>", "", element, flags=re.DOTALL)
    element = re.sub(r'\bid="', f'id="{name}-', element)
    element = re.sub(r'href="#', f'href="#{name}-', element)
    element = element.replace("url(#", f"url(#{name}-")
    return re.sub(
        r'(<svg[^>]*?) width="[^"]*"', r"\1", re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", element)
    )


def number(value: float | None, digits: int = 2) -> str:
    """Return a number for people: thousands apart, a dash for none, powers of ten for the very small."""
    if value is None:
        return "–"
    if isinstance(value, int):
        return f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    if value == float("inf"):
        return "∞"
    return f"{value:.1e}" if 0 < abs(value) < 10**-digits else f"{value:.{digits}f}"


def percent(part: int, whole: int) -> str:
    """Return `part` as a percentage of `whole`; a dash when there is no whole."""
    return f"{100 * part / whole:.1f} %" if whole else "–"


def byte_size(value: int | None) -> str:
    """Return a memory size in GiB."""
    return "–" if value is None else f"{value / 2**30:.1f} GiB"


def duration(seconds: float) -> str:
    """Return a duration in the unit that suits it: 45 s, 12.5 min, 3.2 h."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"

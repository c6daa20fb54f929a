"""The report of a campaign: one HTML file that opens from disk, with no network and no font.

Everything shown comes from the campaign's tables, and for the best complexes from their predictions' files.
Names come from the user's table, so the template engine escapes every value; only figures, style, scripts and
compressed data, which foldcp makes, go in as they are.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from foldcp.campaign.figures import FIGURES, figures
from foldcp.campaign.launch.progress import hours
from foldcp.campaign.page import alignments, complexes, cost, evidence, losses
from foldcp.campaign.page.details import details
from foldcp.campaign.page.embedding import packed
from foldcp.campaign.page.grid import SHOWN, show, sort_value, to_json
from foldcp.campaign.page.maps import PAIR_SCORES, STEP
from foldcp.campaign.page.wording import label, negatives, number, percent
from foldcp.campaign.results import SCORED, Results, load
from foldcp.config import DEMO_NOTE, Config
from foldcp.tables.files import atomic_write, make_folder
from foldcp.tables.provenance import code_version

VIEWER = "vendor/3Dmol-min.js"


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
    notes = notes_on(results, config)
    ranking = complexes.Ranking.of(results, config.enrichment.score)
    candidates = config.enrichment.candidates_as_negatives
    drawn = figures(results, config.enrichment.score, candidates, notes)
    _write_figures(drawn, output.parent / "figures")
    environment = Environment(loader=PackageLoader("foldcp.campaign"), autoescape=True, trim_blocks=True)
    environment.filters |= {"number": number, "percent": percent, "show": show, "sort_value": sort_value}
    environment.filters["capitalize_first"] = lambda text: text[:1].upper() + text[1:]
    page = environment.get_template("report.html").render(
        config=config,
        results=results,
        notes=notes,
        figures={name: Markup(inline_svg(svg, name)) for name, svg in drawn.items()},
        style=_asset(environment, "report.css"),
        scripts=[_asset(environment, name) for name in ("tables.js", "maps.js", "details.js")],
        **_contents(results, config, ranking, output.parent),
        **_best(results, config, ranking, output.parent, environment),
    )
    with atomic_write(output, "w") as handle:
        handle.write(page)


def notes_on(results: Results, config: Config) -> list[str]:
    """Return the remarks on a campaign's scores that readers must not miss, each once."""
    meaningless = config.demo or any(row["meaningless"] for row in results.best)
    return list(dict.fromkeys([*([DEMO_NOTE] if meaningless else []), *results.notes]))


def _write_figures(drawn: Mapping[str, str], folder: Path) -> None:
    make_folder(folder)
    for name in FIGURES:
        if name in drawn:
            with atomic_write(folder / f"{name}.svg", "w") as handle:
                handle.write(drawn[name])
        else:
            # A figure of an earlier state of the campaign must not pass for one of this state.
            (folder / f"{name}.svg").unlink(missing_ok=True)


def _contents(results: Results, config: Config, ranking: complexes.Ranking, page: Path) -> dict[str, Any]:
    bins, failed = cost.bin_costs(results), losses.failures(results)
    times = [row["finished_at"] for row in results.last_attempt.values() if row["finished_at"]]
    grids = [
        complexes.all_grid(results, ranking, page),
        *(
            evidence.discrimination_grid(results, config.enrichment.candidates_as_negatives),
            evidence.cutoff_grid(results),
            evidence.category_grid(results),
        ),
        *(losses.rejected_grid(results), losses.unmatched_grid(results)),
        *(losses.classes_grid(results, failed), losses.failed_grid(results, failed)),
        *(cost.cost_grid(bins), cost.provenance_grid(results)),
    ]
    return {
        "title": config.report.title or config.campaign,
        "demo_note": DEMO_NOTE,
        "score_label": label(config.enrichment.score),
        "grids": {grid.name: grid for grid in grids},
        "shown": SHOWN,
        "fates": list(results.counts.items()),
        "given": alignments.given(results),
        "n_decoys": results.tables["03_controls.parquet"].num_rows,
        "n_decoys_scored": sum(fate == SCORED for fate in results.decoy_fates.values()),
        "negatives": negatives(config.enrichment.candidates_as_negatives),
        "devices": sorted({row["device"] for row in results.last_attempt.values() if row["device"]}),
        "planned_for": bins[0]["gpu"] if bins else None,
        "rank_hours": hours(sum(row["spent_hours"] for row in bins)),
        "reasons": losses.rejected_reasons(results),
        "weights": sorted({row["weights_sha256"] for row in results.best if row["weights_sha256"]}),
        "last_finished": max(times, default=None),
        "nothing_planned": results.ran("05_plan.parquet") and not results.tables["05_plan.parquet"].num_rows,
        "version": code_version(),
        "config_text": yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True),
    }


def _best(
    results: Results, config: Config, ranking: complexes.Ranking, page: Path, environment: Environment
) -> dict[str, Any]:
    """Return the best complexes, their views and maps; the viewer only if there is something to view."""
    best = complexes.best_complexes(results, ranking, config.report.top)
    shown = list(details(results, best, config.report.viewer_top))
    places = {row["complex_id"]: number for number, row in enumerate(shown)}
    scores = {name: {"label": text, "range": reach} for name, (text, reach) in PAIR_SCORES.items()}
    viewed = any(row["viewed"] for row in shown)
    return {
        "top": complexes.best_grid(results, best, ranking, places, page),
        "details": shown,
        "viewer": packed(_asset(environment, VIEWER)) if viewed else None,
        "pair_scores": PAIR_SCORES,
        "settings": to_json({"scores": scores, "step": STEP}),
    }


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

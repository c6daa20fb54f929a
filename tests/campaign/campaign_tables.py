"""A made-up campaign folder of any size: complexes and decoys of every fate, scores, statistics."""

import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

from campaign.score_tables import chain_name, chains, interfaces, samples, summary
from campaign.statistics_tables import statistics
from campaign.structure_files import write_prediction

from foldcp.config import DEMO_NOTE, Config, parse
from foldcp.tables import Provenance, rows_to_table, schemas, write_table
from foldcp.tables.dataset import part_path

START = datetime(2024, 5, 1, tzinfo=UTC)
EDGES = (256, 512, 1024, 2048, 16384)
MESHES = {256: (1, 1), 512: (1, 1), 1024: (1, 2), 2048: (2, 2), 16384: (4, 4)}
NAMES = (
    "Pyruvate carrier",
    "SNARE complex",
    "Nascent polypeptide-associated complex",
    "RPB4-RPB7 subcomplex",
)
TERMS = (
    ("GO:0006352", "transcription initiation"),
    ("GO:0006850", "pyruvate transport"),
    ("GO:0016020", "membrane"),
)
OUTCOMES = (
    ("oom", "not enough memory for a complex of this size on this device"),
    ("timeout", "out of wall time"),
)
GIANT = 140
"""Chains of a giant."""


def config(folder: Path, demo: bool = True, **report: int | str) -> Config:
    return parse(
        {
            "campaign": "twin",
            "results": str(folder),
            "complexes": {"table": "complexes.csv"},
            "plan": {"bins": list(EDGES), "max_ranks": 16},
            "predict": {"model": "demo" if demo else "boltz2", "samples": 2},
            "enrichment": {"top_fraction": 0.25, "min_size": 2},
            "report": report,
        }
    )


def build(
    folder: Path,
    n: int = 12,
    demo: bool = True,
    seed: int = 7,
    *,
    decoys: int | None = None,
    giants: int = 0,
    structures: int = 0,
    note: str | None = None,
) -> Config:
    """Write the tables of `n` complexes; about 1 in 12 is lost at each stage after the first.

    `decoys` decoys (default: half as many) are all scored. The last `giants` complexes have 140 chains, and
    score best. The best `structures` complexes get files of a prediction, every other one with an aligned
    error.
    """
    draw = random.Random(seed)
    got = config(folder, demo)
    complexes = [_complex(draw, i, giant=i >= n - giants) for i in range(n)]
    controls = [_decoy(complexes[i % n], i // n + 1) for i in range(n // 2 if decoys is None else decoys)]
    cycle = ["unfoldable", "unplanned", "failed", "waiting", *["scored"] * 8] if n >= 12 else ["scored"]
    fates = {row["complex_id"]: cycle[i % len(cycle)] for i, row in enumerate(complexes[: n - giants])}
    tokens = [
        _tokens(draw, row)
        for row in [*complexes, *controls]
        if fates.get(row["complex_id"], "scored") != "unfoldable"
    ]
    plan = [_plan(row) for row in tokens if fates.get(row["complex_id"], "scored") != "unplanned"]
    ledger = [
        _attempt(draw, row, fate) for row in plan if (fate := fates.get(row["complex_id"])) != "waiting"
    ]
    ended = {row["complex_id"] for row in ledger if row["outcome"] == "done"}
    scored = [samples(draw, row, demo) for row in tokens if row["complex_id"] in ended]
    best = [summary(rows) for rows in scored]
    tables = {
        "01_complexes": (schemas.COMPLEXES, complexes),
        "01_rejected": (schemas.REJECTED, _unread(n)),
        "03_controls": (schemas.COMPLEXES, controls),
        "03_rejected": (schemas.REJECTED, _all_rejected("controls", fates, "unfoldable", "no_decoy")),
        "04_tokens": (schemas.TOKENS, tokens),
        "04_rejected": (schemas.REJECTED, _all_rejected("tokens", fates, "unfoldable", "no_sequence")),
        "05_plan": (schemas.PLAN, plan),
        "05_rejected": (schemas.REJECTED, _all_rejected("plan", fates, "unplanned", "too_large")),
        **statistics(best, complexes, TERMS, demo),
    }
    bins = {row["complex_id"]: row["bin"] for row in plan}
    for size_bin, rows in _by_bin(ledger, bins).items():
        tables[f"06_ledger/{size_bin}"] = (schemas.LEDGER, rows)
    origin = Provenance(
        {"complexes.csv": "ab" * 32}, got.sha256(), "cd" * 32, got.seed, DEMO_NOTE if demo else note
    )
    for name, (spec, rows) in tables.items():
        write_table(folder / f"{name}.parquet", spec, rows_to_table(spec, rows), origin)
    _write_scores(folder / "07_scores", draw, scored, best, bins, origin)
    for number, row in enumerate(
        sorted((row for row in best if row["role"] != "decoy"), key=lambda row: -row["iptm"])[:structures]
    ):
        write_prediction(folder / "06_predictions", row, pae=number % 2 == 0)
    return got


def _write_scores(
    folder: Path,
    draw: random.Random,
    scored: list[list[dict]],
    best: list[dict],
    bins: dict,
    origin: Provenance,
) -> None:
    """Write the score tables, one part per bin; memory holds the interfaces of one bin."""
    by_bin = _by_bin([row for rows in scored for row in rows], bins)
    summaries = _by_bin(best, bins)
    for size_bin in sorted(set(bins.values())):
        rows = by_bin.get(size_bin, [])
        parts = {
            "samples": (schemas.SCORES["samples"], rows),
            "complexes": (schemas.SCORES["complexes"], summaries.get(size_bin, [])),
            "chains": (schemas.SCORES["chains"], [c for row in rows for c in chains(draw, row)]),
            "interfaces": (schemas.SCORES["interfaces"], [i for row in rows for i in interfaces(draw, row)]),
            "failed": (schemas.REJECTED, []),
        }
        for name, (spec, content) in parts.items():
            write_table(part_path(folder / name, size_bin), spec, rows_to_table(spec, content), origin)


def _by_bin(rows: list[dict], bins: dict[str, str]) -> dict[str, list[dict]]:
    grouped = defaultdict(list)
    for row in rows:
        grouped[bins[row["complex_id"]]].append(row)
    return grouped


def _complex(draw: random.Random, i: int, giant: bool) -> dict:
    members = [_member(f"P{i:05}", 1, "table", f"GEN{i}"), _member(f"Q{i:05}", draw.randint(1, 3), "assumed")]
    if giant:
        members = [_member(f"P{i:05}-{k}", 2, "table") for k in range(1, GIANT // 2 + 1)]
    terms = [TERMS[k] for k in range(len(TERMS)) if draw.random() < 0.5]
    return {
        "complex_id": f"CPX-{i:04}",
        "source_id": f"CPX-{i:04}",
        "source_row": i + 1,
        "source_format": "complextab",
        "name": NAMES[i % len(NAMES)],
        "organism": "Saccharomyces cerevisiae",
        "members": members,
        "n_members": len(members),
        "n_chains": sum(m["copies"] for m in members),
        "content_key": f"content {i}",
        "same_as": f"CPX-{i:04}",
        "annotations": [{"scheme": "go", "term": t, "label": label} for t, label in terms],
        "flags": [],
        "role": "input",
    }


def _member(member: str, copies: int, source: str, gene: str | None = None) -> dict:
    return {
        "member": member,
        "namespace": "uniprot",
        "copies": copies,
        "copies_source": source,
        "gene": gene,
    }


def _decoy(row: dict, number: int) -> dict:
    name = f"decoy-{row['complex_id']}-{number}"
    changed = {
        "complex_id": name,
        "source_id": name,
        "source_format": "decoy",
        "name": f"decoy of {row['complex_id']}",
        "content_key": f"content of {name}",
        "same_as": name,
        "annotations": [],
        "flags": ["matched:tokens=+1.2%"],
        "role": "decoy",
        "matched_to": row["complex_id"],
    }
    return row | changed


def _tokens(draw: random.Random, row: dict) -> dict:
    copies = [(m["member"], c + 1) for m in row["members"] for c in range(m["copies"])]
    n_tokens = max(30, min(EDGES[-2], int(draw.lognormvariate(6, 0.8))))
    if len(copies) == GIANT:
        n_tokens = 60 * GIANT
    made = [
        {
            "chain_id": chain_name(k),
            "member": member,
            "entity_type": "protein",
            "sha256": member,
            "copy": copy,
            "n_tokens": n_tokens // len(copies),
        }
        for k, (member, copy) in enumerate(copies)
    ]
    return {
        "complex_id": row["complex_id"],
        "n_tokens": sum(c["n_tokens"] for c in made),
        "n_atoms": 8 * n_tokens,
        "n_chains": len(made),
        "n_entities": row["n_members"],
        "msa_depth": 1,
        "paired_depth": 1,
        "n_templates": 0,
        "chains": made,
        "input_key": f"input of {row['complex_id']}",
        "predicted_as": row["complex_id"],
        "flags": [],
        "role": row["role"],
    }


def _plan(row: dict) -> dict:
    edge = next(e for e in EDGES if row["n_tokens"] <= e)
    ranks = MESHES[edge][0] * MESHES[edge][1]
    return {
        "complex_id": row["complex_id"],
        "n_tokens": row["n_tokens"],
        "msa_depth": row["msa_depth"],
        "msa_rows": row["msa_depth"],
        "bin": f"{edge:07}",
        "mesh_rows": MESHES[edge][0],
        "mesh_cols": MESHES[edge][1],
        "n_nodes": 1,
        "gpu": "h100-80gb",
        "predicted_peak_bytes": 2 * 2**30 + 7000 * row["n_tokens"] ** 2 // ranks,
        "predicted_seconds": 5 + 2e-8 * row["n_tokens"] ** 3 / ranks + row["n_tokens"] / 20,
        "shard": 0,
        "position": 0,
        "input_key": row["input_key"],
        "role": row["role"],
    }


def _attempt(draw: random.Random, row: dict, fate: str | None) -> dict:
    wall = row["predicted_seconds"] * draw.uniform(0.7, 1.4)
    outcome, message = draw.choice(OUTCOMES) if fate == "failed" else ("done", None)
    return {
        "complex_id": row["complex_id"],
        "bin": row["bin"],
        "shard": 0,
        "mesh": f"{row['mesh_rows']}x{row['mesh_cols']}",
        "budget": "small",
        "seed": 7,
        "samples": 2,
        "job_id": "4711_0",
        "host": "node01",
        "device": "NVIDIA H100 80GB HBM3",
        "submitted_at": START,
        "started_at": START + timedelta(minutes=1),
        "finished_at": START + timedelta(minutes=1, seconds=wall),
        "queue_seconds": 60.0,
        "wall_seconds": wall,
        "peak_bytes": int(row["predicted_peak_bytes"] * draw.uniform(0.8, 1.05)),
        "predicted_peak_bytes": row["predicted_peak_bytes"],
        "predicted_seconds": row["predicted_seconds"],
        "outcome": outcome,
        "cause": outcome,
        "message": message,
        "run_key": "key",
        "weights_sha256": "cd" * 32,
        "foldcp_version": "0.1.0",
    }


def _unread(n: int) -> list[dict]:
    return [
        _rejected("complexes", None, f"row {n + i}", "malformed_accession")
        for i in range(1, max(1, n // 6) + 1)
    ]


def _rejected(stage: str, complex_id: str | None, raw: str, code: str) -> dict:
    reason = f"{raw} cannot be used ({code.replace('_', ' ')}): correct the table, or leave the row out"
    row = int(raw.removeprefix("row ")) if complex_id is None else None
    return {
        "stage": stage,
        "complex_id": complex_id,
        "source_row": row,
        "reason_code": code,
        "reason": reason,
        "raw": raw,
    }


def _all_rejected(stage: str, fates: dict, fate: str, code: str) -> list[dict]:
    return [_rejected(stage, name, name, code) for name, got in fates.items() if got == fate]

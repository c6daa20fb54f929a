"""A made-up campaign folder of any size, with rejected, failed and waiting complexes."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

from foldcp.config import DEMO_NOTE, Config, parse
from foldcp.tables import Provenance, rows_to_table, schemas, write_table

START = datetime(2024, 5, 1, tzinfo=UTC)
EDGES = (256, 512, 1024, 2048)
MESHES = {256: (1, 1), 512: (1, 1), 1024: (1, 2), 2048: (2, 2)}
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


def config(folder: Path, demo: bool = True) -> Config:
    return parse(
        {
            "campaign": "twin",
            "results": str(folder),
            "complexes": {"table": "complexes.csv"},
            "plan": {"bins": list(EDGES)},
            "predict": {"model": "demo" if demo else "boltz2", "samples": 2},
            "enrichment": {"top_fraction": 0.25, "min_size": 2},
        }
    )


def build(folder: Path, n: int = 12, demo: bool = True, seed: int = 7) -> Config:
    """Write the tables of `n` complexes; about 1 in 12 is lost at each stage after the first."""
    draw = random.Random(seed)
    got = config(folder, demo)
    complexes = [_complex(draw, i) for i in range(n)]
    names = [row["complex_id"] for row in complexes]
    cycle = ["unfoldable", "unplanned", "failed", "waiting", *["scored"] * 8] if n >= 12 else ["scored"]
    fates = {name: cycle[i % len(cycle)] for i, name in enumerate(names)}
    tokens = [_tokens(draw, row) for row in complexes if fates[row["complex_id"]] != "unfoldable"]
    plan = [_plan(row) for row in tokens if fates[row["complex_id"]] != "unplanned"]
    ledger = [
        _attempt(draw, row, fates[row["complex_id"]]) for row in plan if fates[row["complex_id"]] != "waiting"
    ]
    scores = [s for row in tokens if fates[row["complex_id"]] == "scored" for s in _scores(draw, row, demo)]
    rejected = [
        _rejected("complexes", None, f"row {n + i}", "malformed_accession")
        for i in range(1, max(1, n // 6) + 1)
    ]
    tables = {
        "01_complexes": (schemas.COMPLEXES, complexes),
        "01_rejected": (schemas.REJECTED, rejected),
        "04_tokens": (schemas.TOKENS, tokens),
        "04_rejected": (schemas.REJECTED, _all_rejected("tokens", fates, "unfoldable", "no_sequence")),
        "05_plan": (schemas.PLAN, plan),
        "05_rejected": (schemas.REJECTED, _all_rejected("plan", fates, "unplanned", "too_large")),
        "07_scores/complexes": (schemas.SCORES_COMPLEXES, scores),
        "07_scores/chains": (schemas.SCORES_CHAINS, [c for s in scores for c in _chains(draw, s)]),
        "07_scores/interfaces": (
            schemas.SCORES_INTERFACES,
            [i for s in scores for i in _interfaces(draw, s)],
        ),
        "07_scores/failed": (schemas.REJECTED, []),
        "08_enrichment": (
            schemas.ENRICHMENT,
            [_enriched(i, demo) for i in range(len(TERMS))] if scores else [],
        ),
    }
    for size_bin in {row["bin"] for row in plan}:
        tables[f"06_ledger/{size_bin}"] = (schemas.LEDGER, [row for row in ledger if row["bin"] == size_bin])
    note = DEMO_NOTE if demo else None
    origin = Provenance({"complexes.csv": "ab" * 32}, got.sha256(), "cd" * 32, got.seed, note)
    for name, (spec, rows) in tables.items():
        write_table(folder / f"{name}.parquet", spec, rows_to_table(spec, rows), origin)
    return got


def _complex(draw: random.Random, i: int) -> dict:
    members = [
        {
            "member": f"P{i:05}",
            "namespace": "uniprot",
            "copies": 1,
            "copies_source": "table",
            "gene": f"GEN{i}",
        },
        {
            "member": f"Q{i:05}",
            "namespace": "uniprot",
            "copies": draw.randint(1, 3),
            "copies_source": "assumed",
        },
    ]
    terms = [TERMS[k] for k in range(len(TERMS)) if draw.random() < 0.5]
    return {
        "complex_id": f"CPX-{i:04}",
        "source_id": f"CPX-{i:04}",
        "source_row": i + 1,
        "source_format": "complextab",
        "name": NAMES[i % len(NAMES)],
        "organism": "Saccharomyces cerevisiae",
        "members": members,
        "n_members": 2,
        "n_chains": sum(m["copies"] for m in members),
        "content_key": f"content {i}",
        "same_as": f"CPX-{i:04}",
        "annotations": [{"scheme": "go", "term": t, "label": label} for t, label in terms],
        "flags": [],
    }


def _tokens(draw: random.Random, row: dict) -> dict:
    copies = [(m["member"], c + 1) for m in row["members"] for c in range(m["copies"])]
    n_tokens = max(30, min(EDGES[-1], int(draw.lognormvariate(6, 0.8))))
    chains = [
        {
            "chain_id": "ABCDEFG"[k],
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
        "n_tokens": n_tokens,
        "n_atoms": 8 * n_tokens,
        "n_chains": len(chains),
        "n_entities": 2,
        "msa_depth": 1,
        "chains": chains,
        "input_key": f"input of {row['complex_id']}",
        "predicted_as": row["complex_id"],
        "flags": [],
    }


def _plan(row: dict) -> dict:
    edge = next(e for e in EDGES if row["n_tokens"] <= e)
    ranks = MESHES[edge][0] * MESHES[edge][1]
    return {
        "complex_id": row["complex_id"],
        "n_tokens": row["n_tokens"],
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
    }


def _attempt(draw: random.Random, row: dict, fate: str) -> dict:
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


def _scores(draw: random.Random, row: dict, demo: bool) -> list[dict]:
    name = row["complex_id"]
    values = sorted((draw.betavariate(4, 2) for _ in range(2)), reverse=True)
    return [
        {
            "complex_id": name,
            "sample": sample,
            "predicted_as": name,
            "rank": sample + 1,
            "seed": 7,
            "n_tokens": row["n_tokens"],
            "n_chains": row["n_chains"],
            "confidence_score": value,
            "ptm": draw.betavariate(5, 2),
            "iptm": draw.betavariate(3, 2),
            "protein_iptm": draw.betavariate(3, 2),
            "complex_plddt": draw.betavariate(9, 2),
            "complex_iplddt": draw.betavariate(7, 2),
            "model": "demo" if demo else "boltz2",
            "weights_sha256": "cd" * 32,
            "meaningless": demo,
            "structure": f"{name}/{name}_model_{sample}.cif",
        }
        for sample, value in enumerate(values)
    ]


def _chains(draw: random.Random, score: dict) -> list[dict]:
    key = {k: score[k] for k in ("complex_id", "sample", "meaningless")}
    return [
        key
        | {
            "chain_id": "ABCDEFG"[k],
            "chain_index": k,
            "member": f"P{k}",
            "entity_type": "protein",
            "n_tokens": score["n_tokens"] // score["n_chains"],
            "chain_ptm": draw.random(),
            "mean_plddt": draw.random(),
            "min_plddt": 0.2,
        }
        for k in range(score["n_chains"])
    ]


def _interfaces(draw: random.Random, score: dict) -> list[dict]:
    key = {k: score[k] for k in ("complex_id", "sample", "meaningless")}
    names = "ABCDEFG"[: score["n_chains"]]
    pairs = [(a, b) for a in names for b in names if a != b]
    return [key | {"chain_a": a, "chain_b": b, "chain_pair_iptm": draw.random()} for a, b in pairs]


def _enriched(i: int, demo: bool) -> dict:
    return {
        "scheme": "go",
        "term": TERMS[i][0],
        "label": TERMS[i][1],
        "score": "iptm",
        "top_fraction": 0.25,
        "n_top_in_term": 2,
        "n_top": 3,
        "n_in_term": 3 + i,
        "n_all": 8,
        "fold_enrichment": (2 / 3) / ((3 + i) / 8),
        "odds_ratio": 3.5,
        "p_value": 0.01 * (i + 1),
        "q_value": 0.03,
        "meaningless": demo,
    }


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

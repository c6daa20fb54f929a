"""Made-up scores: decoys score lower, and large complexes lower than small ones (giants are an exception)."""

import math
import random
import statistics

from foldcp.tables.score_schemas import SPREAD


def chain_name(k: int) -> str:
    """A, B, ..., Z, AA, AB, ..."""
    letter = chr(ord("A") + k % 26)
    return letter if k < 26 else chain_name(k // 26 - 1) + letter


def samples(draw: random.Random, row: dict, demo: bool, n: int = 2) -> list[dict]:
    """Rows of SCORES_SAMPLES of one complex (a row of TOKENS), best sample first."""
    decay = 1 - 0.08 * math.log2(max(row["n_tokens"], 64) / 64)
    truth = decay * (draw.betavariate(2, 4) if row["role"] == "decoy" else draw.betavariate(5, 3))
    if row["n_chains"] > 100 and row["role"] != "decoy":
        truth = 0.95
    made = [_sample(draw, row, truth, demo) for _ in range(n)]
    made.sort(key=lambda sample: -sample["ranking_score"])
    name = row["complex_id"]
    return [
        sample | {"sample": k, "rank": k + 1, "structure": f"{name}/{name}_model_{k}.cif"}
        for k, sample in enumerate(made)
    ]


def _sample(draw: random.Random, row: dict, truth: float, demo: bool) -> dict:
    def near(spread: float = 0.08, scale: float = 1.0) -> float:
        return min(1.0, max(0.0, scale * truth + draw.gauss(0, spread)))

    iptm, plddt = near(0.05), min(1.0, 0.45 + 0.5 * near())
    confidence = (4 * plddt + iptm) / 5
    return {
        "complex_id": row["complex_id"],
        "role": row["role"],
        "predicted_as": row["predicted_as"],
        "program": "foldcp",
        "seed": 7,
        "n_tokens": row["n_tokens"],
        "n_chains": row["n_chains"],
        "ranking_score": confidence,
        "confidence_score": confidence,
        "ptm": near(),
        "iptm": iptm,
        "protein_iptm": iptm,
        "complex_plddt": plddt,
        "complex_iplddt": near(),
        "interface_plddt": near(),
        "ipsae_max": near(0.1),
        "ipsae_weakest": near(0.12, 0.8),
        "pdockq_max": near(0.15, 0.7),
        "pdockq2_max": near(0.12, 0.7),
        "lis_max": near(0.1, 0.6),
        "ilis_max": near(0.1, 0.5),
        "n_interfaces": row["n_chains"] - 1,
        "n_contacts": 20 * (row["n_chains"] - 1),
        "buried_area": 900.0 * (row["n_chains"] - 1),
        "n_clashes": 0,
        "model": "demo" if demo else "boltz2",
        "weights_sha256": "cd" * 32,
        "meaningless": demo,
    }


def summary(rows: list[dict]) -> dict:
    """Row of SCORES_COMPLEXES: the best sample, and how the samples spread."""
    best = {key: value for key, value in rows[0].items() if key != "rank"}
    spread = {}
    for name in SPREAD:
        values = [row[name] for row in rows]
        spread |= {f"{name}_mean": statistics.mean(values), f"{name}_sd": statistics.pstdev(values)}
    return best | spread | {"n_samples": len(rows)}


def _key(score: dict) -> dict:
    return {k: score[k] for k in ("complex_id", "sample", "role", "meaningless")}


def chains(draw: random.Random, score: dict) -> list[dict]:
    n = score["n_chains"]
    return [
        _key(score)
        | {
            "chain_id": chain_name(k),
            "chain_index": k,
            "member": f"P{k}",
            "entity_type": "protein",
            "n_tokens": score["n_tokens"] // n,
            "chain_ptm": draw.random(),
            "mean_plddt": min(1.0, 0.5 + 0.5 * draw.random()),
            "min_plddt": 0.2,
            "ipsae_max": draw.random() if n > 1 else None,
            "ipsae_partner": chain_name((k + 1) % n) if n > 1 else None,
            "n_contacts": 40,
        }
        for k in range(n)
    ]


def interfaces(draw: random.Random, score: dict) -> list[dict]:
    """Rows of SCORES_INTERFACES: chains in a ring, neighbours in contact."""
    n = score["n_chains"]
    return [_interface(draw, score, a, b, n) for a in range(n) for b in range(n) if a != b]


def _interface(draw: random.Random, score: dict, a: int, b: int, n: int) -> dict:
    distance = min((a - b) % n, (b - a) % n)
    near = score["iptm"] / distance
    contact = distance == 1
    return _key(score) | {
        "chain_a": chain_name(a),
        "chain_b": chain_name(b),
        "member_a": f"P{a}",
        "member_b": f"P{b}",
        "kind": "protein-protein",
        "chain_pair_iptm": min(1.0, near * draw.uniform(0.8, 1.2)),
        "ipsae": min(1.0, near * near * draw.uniform(0.8, 1.2)),
        "pdockq": 0.5 * near if contact else 0.0,
        "pdockq2": 0.6 * near if contact else 0.0,
        "lis": 0.5 * near,
        "pae_contacts": 20 * (1 - near) + draw.uniform(0, 3) if contact else None,
        "pae_min": 25 * (1 - near) + draw.uniform(0, 3),
        "n_contacts": 20 if contact else 0,
        "n_residues_a": 12 if contact else 0,
        "n_residues_b": 13 if contact else 0,
        "interface_plddt": score["complex_plddt"] if contact else None,
        "buried_area": 900.0 if contact else 0.0,
        "n_clashes": 0,
    }

"""A synthetic example: made-up scores with planted effects, to show that the statistics find what is there.

Nothing here was predicted, and every table says so in its provenance. The folder is laid out like that
of a campaign. What is planted, on a latent scale on which noise has standard deviation 1 (each score is an
increasing function of its own latent value, so nothing that goes by rank depends on the scale):

- half of the complexes are real: each score has its own shift for them (`SHIFTS`); `complex_plddt` has none;
- the other half, and the decoys, are drawn from the null;
- every score falls by `DECAY` from one size bin to the next, for complexes and decoys alike;
- one category holds real complexes more often than others (`MARKED`), the other categories do not.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from foldcp.errors import UsageError
from foldcp.tables.dataset import part_path
from foldcp.tables.files import atomic_write, read_table, write_table
from foldcp.tables.provenance import Provenance, read_metadata, sha256_json
from foldcp.tables.rows import TableSpec, rows_to_table
from foldcp.tables.schemas import COMPLEXES, TOKENS
from foldcp.tables.score_schemas import SCORES_COMPLEXES

Row = dict[str, Any]

NOTE = "synthetic example: made up, not predictions"
EDGES = (200, 400, 800, 1600, 3200, 6400)
PER_BIN = 100
"""Complexes of a size bin, and as many decoys."""
REAL = 0.5
"""Share of the complexes that are real."""
DECAY = 0.25
SHIFTS = {
    "iptm": 1.2,
    "ipsae_max": 2.2,
    "ipsae_weakest": 1.6,
    "pdockq_max": 0.8,
    "pdockq2_max": 1.8,
    "lis_max": 1.5,
    "confidence_score": 0.6,
    "complex_plddt": 0.0,
}
_SCALES = {
    "iptm": (0.9, 0.2),
    "ipsae_max": (1.6, -0.8),
    "ipsae_weakest": (1.4, -1.5),
    "pdockq_max": (0.8, -0.8),
    "pdockq2_max": (1.5, -1.4),
    "lis_max": (0.8, -1.4),
    "confidence_score": (0.5, 0.8),
    "complex_plddt": (0.5, 1.2),
}
"""Slope and intercept of the logistic function that makes a score of a latent value."""
_SHARED = 0.5
"""Share of the variance that the scores of one complex have in common."""
MARKED = ("go", "EXAMPLE:0001")
"""The category that real complexes are in more often: half of them, and 10 % of the others."""
_TERMS = {"funcat": 12, "go": 12, "class": 4}


@dataclass(frozen=True)
class _Made:
    """One made-up complex: its rows in the tables."""

    bin: str
    complex: Row
    tokens: Row
    scores: Row


def write_example(folder: Path, seed: int = 7) -> None:
    """Write the example's tables and configuration, up to its scores.

    Parameters
    ----------
    folder
        Folder to write; made if absent. An earlier example in it is replaced.
    seed
        Seed of what is made up.

    Raises
    ------
    UsageError
        If the folder holds anything else.
    """
    _refuse_other(folder)
    random = np.random.default_rng(seed)
    made = [one for k in range(len(EDGES)) for i in range(PER_BIN) for one in _pair(random, k, i)]
    origin = Provenance(seed=seed, note=NOTE)

    def write(path: Path, spec: TableSpec, rows: list[Row]) -> None:
        write_table(path, spec, rows_to_table(spec, rows), origin)

    complexes = [one.complex for one in made]
    write(folder / "01_complexes.parquet", COMPLEXES, [r for r in complexes if r["role"] == "input"])
    write(folder / "03_controls.parquet", COMPLEXES, [r for r in complexes if r["role"] == "decoy"])
    write(folder / "04_tokens.parquet", TOKENS, [one.tokens for one in made])
    for name in sorted({one.bin for one in made}):
        rows = [one.scores for one in made if one.bin == name]
        write(part_path(folder / "07_scores" / "complexes", name), SCORES_COMPLEXES, rows)
    with atomic_write(folder / "config.yaml", "w") as handle:
        handle.write(f"# {NOTE}\n{yaml.safe_dump(_configuration(folder, seed), sort_keys=False)}")


def is_real(row: Row) -> bool:
    """Return whether a row of the example's complexes was made as a real complex."""
    return "planted:real" in row["flags"]


def _refuse_other(folder: Path) -> None:
    listed = folder / "01_complexes.parquet"
    ours = (
        listed.is_file() and read_metadata(read_table(listed, COMPLEXES).schema.metadata).get("note") == NOTE
    )
    if not ours and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(
            f"{folder} holds something else than a synthetic example, which must not be mixed with anything; "
            "name a new or an empty folder"
        )


def _configuration(folder: Path, seed: int) -> Row:
    return {
        "campaign": "synthetic-example",
        "results": str(folder),
        "seed": seed,
        "complexes": {"table": str(folder / "01_complexes.parquet")},
        "plan": {"bins": list(EDGES)},
        "enrichment": {"score": "ipsae_max", "scores": list(SHIFTS)},
        "report": {"title": f"Statistics on made-up scores ({NOTE})"},
    }


def _pair(random: np.random.Generator, k: int, i: int) -> tuple[_Made, _Made]:
    """Return a complex of size bin `k` and a decoy that resembles it."""
    name = f"synthetic-{k + 1}{i + 1:03}"
    low = EDGES[k - 1] if k else 40
    tokens = int(random.integers(low + 1, EDGES[k], endpoint=True))
    nearly = int(np.clip(round(tokens * random.uniform(0.97, 1.03)), low + 1, EDGES[k]))
    real = bool(i < REAL * PER_BIN)
    return (
        _made(random, name, k, tokens, real=real),
        _made(random, f"decoy-{name}-1", k, nearly, matched_to=name),
    )


def _made(
    random: np.random.Generator,
    name: str,
    k: int,
    n_tokens: int,
    real: bool = False,
    matched_to: str | None = None,
) -> _Made:
    role = "decoy" if matched_to else "input"
    members = [f"{name}-{letter}" for letter in "AB"]
    common = {"complex_id": name, "n_chains": 2, "role": role}
    flags = ["synthetic", *(["planted:real"] if real else [])]
    complex_ = common | {
        "source_id": name,
        "source_row": 1 + k * PER_BIN,
        "source_format": "decoy" if matched_to else "synthetic",
        "name": f"made-up {'decoy' if matched_to else 'complex'}",
        "members": [
            {"member": m, "namespace": "other", "copies": 1, "copies_source": "table"} for m in members
        ],
        "n_members": 2,
        "content_key": sha256_json(members),
        "same_as": name,
        "annotations": [] if matched_to else _annotations(random, real),
        "flags": flags,
        "matched_to": matched_to,
    }
    tokens = common | {
        "n_tokens": n_tokens,
        "n_atoms": 8 * n_tokens,
        "n_entities": 2,
        "msa_depth": 1,
        "paired_depth": 1,
        "n_templates": 0,
        "chains": _chains(members, n_tokens),
        "input_key": sha256_json([members, n_tokens]),
        "predicted_as": name,
        "flags": flags,
    }
    scores = common | {
        "sample": 0,
        "predicted_as": name,
        "program": "none: made up",
        "n_tokens": n_tokens,
        "n_samples": 1,
        # No demo weights: what the scores are is said by the note.
        "meaningless": False,
        **_scores(random, k, real),
    }
    return _Made(f"{EDGES[k]:07}", complex_, tokens, scores)


def _scores(random: np.random.Generator, k: int, real: bool) -> Row:
    shared = random.standard_normal()
    values = {}
    for score, shift in SHIFTS.items():
        noise = np.sqrt(_SHARED) * shared + np.sqrt(1 - _SHARED) * random.standard_normal()
        slope, intercept = _SCALES[score]
        latent = shift * real - DECAY * k + noise
        values[score] = float(1 / (1 + np.exp(-(slope * latent + intercept))))
    return values | {"ranking_score": values["confidence_score"]}


def _annotations(random: np.random.Generator, real: bool) -> list[Row]:
    """Return one term of each scheme, drawn evenly, and perhaps the marked one."""
    terms = [(scheme, f"EXAMPLE:{int(random.integers(2, n + 2)):04}") for scheme, n in _TERMS.items()]
    if random.random() < (0.5 if real else 0.1):
        terms.append(MARKED)
    return [
        {"scheme": scheme, "term": term, "label": f"made-up {scheme} term {term[-4:]}"}
        for scheme, term in terms
    ]


def _chains(members: list[str], n_tokens: int) -> list[Row]:
    sizes = (n_tokens - n_tokens // 2, n_tokens // 2)
    return [
        {
            "chain_id": letter,
            "member": member,
            "entity_type": "protein",
            "sha256": sha256_json([member, size]),
            "copy": 1,
            "n_tokens": size,
        }
        for letter, member, size in zip("AB", members, sizes, strict=True)
    ]

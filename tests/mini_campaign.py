"""A campaign folder with tiny complexes, ready for the predict stage: chains of ten residues, two steps."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from foldcp import config
from foldcp.predict.ledger import attempts
from foldcp.tables import Provenance, rows_to_table, sha256_json, write_table
from foldcp.tables.schemas import MSA, PLAN, SEQUENCES, TOKENS

BIN = "0000512"
GOOD = ["MKTAYIAKQR", "GSHMLEDPVA"]
"""Sequences of a complex that can be folded."""
BAD = ["MKTAYIAKQR", "ccd:QQQQQ"]
"""A complex that cannot: its ligand is in no dictionary."""


class MiniCampaign:
    """Writes the tables of the stages before predict; predicts; reads the ledger.

    `complexes` maps a complex to its chains; `shards` lists the complexes of each shard. `mesh` and `nodes`
    are those of the plan, and `max_ranks` what a complex that runs out of memory may take. `cut` maps
    complexes whose alignment the plan cuts to the rows that are read, and `templates` those that have
    templates to how many.
    """

    mesh = (1, 1)
    nodes = 1
    max_ranks = 1
    cut: Mapping[str, int] = {}
    templates: Mapping[str, int] = {}

    def __init__(self, folder: Path, cache: Path, **predict) -> None:
        self.folder = folder
        self.settings = {
            "model": "demo",
            "cache": str(cache),
            "device": "cpu",
            "precision": "fp32",
            "steps": 2,
            "recycles": 0,
            "threads": 1,
            "launcher": "debug",
            **predict,
        }

    @property
    def config(self) -> config.Config:
        return config.parse(
            {
                "complexes": {"table": "none.csv"},
                "results": str(self.folder),
                "plan": {"gpu": "cpu", "max_ranks": self.max_ranks},
                "predict": self.settings,
            }
        )

    def write(
        self, complexes: Mapping[str, Sequence[str]], shards: Sequence[Sequence[str]] | None = None
    ) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        molecules = sorted({chain for chains in complexes.values() for chain in chains})
        self._table("02_sequences", SEQUENCES, [_molecule(text) for text in molecules])
        self._table("03_msa", MSA, [])
        tokens = [_tokens(name, chains) | self._templates(name) for name, chains in complexes.items()]
        self._table("04_tokens", TOKENS, tokens)
        plan = [
            _plan(name, complexes[name], shard, position) | self._place() | self._rows(name)
            for shard, names in enumerate(shards or [list(complexes)])
            for position, name in enumerate(names)
        ]
        self._table("05_plan", PLAN, plan)

    def _templates(self, name: str) -> dict:
        return {"n_templates": self.templates.get(name, 0)}

    def _rows(self, name: str) -> dict:
        return {"msa_depth": 8192, "msa_rows": self.cut[name]} if name in self.cut else {}

    def _place(self) -> dict:
        return {"mesh_rows": self.mesh[0], "mesh_cols": self.mesh[1], "n_nodes": self.nodes}

    def _table(self, name, spec, rows) -> None:
        write_table(self.folder / f"{name}.parquet", spec, rows_to_table(spec, rows), Provenance())

    def run(self, **options):
        from foldcp.campaign.jobs import run_bin

        return run_bin(self.folder, BIN, self.config, **options)

    def outcomes(self, table) -> dict[str, str]:
        return dict(zip(table["complex_id"].to_pylist(), table["outcome"].to_pylist(), strict=True))

    def attempts(self) -> list[dict]:
        return attempts(self.folder / "06_predictions" / "ledger")

    def outcomes_of_attempts(self) -> list[tuple[str | None, str | None]]:
        """Return outcome and cause of every attempt, oldest first."""
        return [(attempt.get("outcome"), attempt.get("cause")) for attempt in self.attempts()]

    def tries(self) -> dict[str, list[str | None]]:
        """Return the outcomes of all attempts that started, per complex, oldest first."""
        found: dict[str, list[str | None]] = {}
        for attempt in self.attempts():
            if "started_at" in attempt:
                found.setdefault(attempt["complex_id"], []).append(attempt.get("outcome"))
        return found


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _entity(text: str) -> str:
    return "ligand" if text.startswith("ccd:") else "protein"


def _molecule(text: str) -> dict:
    ligand = _entity(text) == "ligand"
    return {
        "member": text,
        "namespace": "other",
        "entity_type": _entity(text),
        "sequence": None if ligand else text,
        "ccd": text.removeprefix("ccd:") if ligand else None,
        "length": len(text),
        "sha256": _sha256(text),
        "source": "test",
        "resolution": "exact",
    }


def _tokens(name: str, chains: Sequence[str]) -> dict:
    return {
        "complex_id": name,
        "n_tokens": sum(map(len, chains)),
        "n_atoms": 8 * sum(map(len, chains)),
        "n_chains": len(chains),
        "n_entities": len(set(chains)),
        "msa_depth": 1,
        "paired_depth": 1,
        "n_templates": 0,
        "chains": [
            {
                "chain_id": "ABCDEF"[number],
                "member": text,
                "entity_type": _entity(text),
                "sha256": _sha256(text),
                "copy": 1,
                "n_tokens": len(text),
            }
            for number, text in enumerate(chains)
        ],
        "input_key": sha256_json(list(chains)),
        "predicted_as": name,
        "flags": [],
        "role": "input",
    }


def _plan(name: str, chains: Sequence[str], shard: int, position: int) -> dict:
    return {
        "complex_id": name,
        "n_tokens": sum(map(len, chains)),
        "msa_depth": 1,
        "msa_rows": 1,
        "bin": BIN,
        "gpu": "cpu",
        "predicted_peak_bytes": 10**8,
        "predicted_seconds": 1.0,
        "shard": shard,
        "position": position,
        "input_key": sha256_json(list(chains)),
        "role": "input",
    }

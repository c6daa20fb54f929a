"""Which complexes a prediction stands for: those of equal input share one, each under its own members."""

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

Row = dict[str, Any]


@dataclass(frozen=True)
class Served:
    """A complex that a prediction stands for.

    Attributes
    ----------
    complex_id, role, n_tokens, input_key
        As in the TOKENS table; what it does not say is None.
    chains
        Chains, as its row lists them.
    """

    complex_id: str
    role: str = "input"
    n_tokens: int | None = None
    input_key: str | None = None
    chains: list[Row] = field(default_factory=list)


def served_by(tokens: pa.Table, predictions: Collection[str] | None = None) -> dict[str, list[Served]]:
    """Return the complexes that each prediction stands for, the prediction's own complex first.

    Parameters
    ----------
    tokens
        TOKENS table.
    predictions
        Predictions to look at; default: all.
    """
    if predictions is not None:
        tokens = tokens.filter(pc.field("predicted_as").isin(list(predictions)))
    columns = ["complex_id", "role", "n_tokens", "input_key", "chains"]
    served: dict[str, list[Served]] = defaultdict(list)
    for name, row in zip(tokens["predicted_as"].to_pylist(), tokens.select(columns).to_pylist(), strict=True):
        served[name].append(Served(**row))
    return dict(served)


def members(chains: list[Row], predicted: list[Row]) -> dict[str, str]:
    """Return the member behind each chain of the structure.

    A complex served by another one's prediction has the same chains, but perhaps under other accessions and
    in another order: its j-th chain of a sequence is the prediction's j-th chain of that sequence.
    """
    own = {key: chain["member"] for key, chain in _numbered(chains)}
    return {chain["chain_id"]: own[key] for key, chain in _numbered(predicted) if key in own}


def _numbered(chains: list[Row]) -> list[tuple[tuple[str, int], Row]]:
    seen: Counter[str] = Counter()
    numbered = []
    for chain in chains:
        numbered.append(((chain["sha256"], seen[chain["sha256"]]), chain))
        seen[chain["sha256"]] += 1
    return numbered

"""Made-up units, and tables of them."""

import numpy as np
import pandas as pd
import pyarrow as pa

from foldcp.config import EnrichmentConfig
from foldcp.tables.rows import rows_to_table
from foldcp.tables.schemas import COMPLEXES
from foldcp.tables.score_schemas import SCORES_COMPLEXES


def units(positive, negative, score="iptm", bins=None, tokens=None) -> pd.DataFrame:
    """Units of role input and decoy with the given values."""
    values = np.concatenate([positive, negative]).astype(float)
    n = len(values)
    return pd.DataFrame(
        {
            "role": ["input"] * len(positive) + ["decoy"] * len(negative),
            "bin": ["0000512"] * n if bins is None else bins,
            "n_tokens": range(100, 100 + n) if tokens is None else tokens,
            "matched": [True] * len(positive) + [False] * len(negative),
            score: values,
        },
        index=[f"u{i:05}" for i in range(n)],
    )


def config(**values) -> EnrichmentConfig:
    return EnrichmentConfig(**{"bootstrap": 200, **values})


def scores_table(rows) -> pa.Table:
    """A SCORES_COMPLEXES table; a row needs complex_id and its scores only."""
    common = {
        "sample": 0,
        "role": "input",
        "program": "foldcp",
        "n_tokens": 100,
        "n_chains": 2,
        "meaningless": False,
        "n_samples": 1,
    }
    return rows_to_table(
        SCORES_COMPLEXES, [common | {"predicted_as": row["complex_id"]} | row for row in rows]
    )


def complexes_table(rows) -> pa.Table:
    """A COMPLEXES table; a row needs complex_id only."""
    common = {
        "source_row": 1,
        "source_format": "csv",
        "members": [],
        "n_members": 2,
        "n_chains": 2,
        "annotations": [],
        "flags": [],
        "role": "input",
    }
    full = (common | {"same_as": row["complex_id"], "content_key": row["complex_id"]} | row for row in rows)
    return rows_to_table(COMPLEXES, [{"source_id": row["complex_id"], **row} for row in full])

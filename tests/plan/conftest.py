"""Hand-made token tables."""

from collections.abc import Callable, Sequence

import pyarrow as pa
import pytest

from foldcp.tables.rows import rows_to_table
from foldcp.tables.schemas import TOKENS


@pytest.fixture
def tokens() -> Callable[..., pa.Table]:
    """Make a TOKENS table of c0, c1, ... from token counts; `same_as` maps a complex to its first equal."""

    def make(sizes: Sequence[int], same_as: dict[int, int] | None = None, msa_depth: int = 1) -> pa.Table:
        first = {index: (same_as or {}).get(index, index) for index in range(len(sizes))}
        return rows_to_table(
            TOKENS,
            [
                {
                    "complex_id": f"c{index}",
                    "n_tokens": size,
                    "n_atoms": 8 * size,
                    "n_chains": 1,
                    "n_entities": 1,
                    "msa_depth": msa_depth,
                    "paired_depth": 1,
                    "n_templates": 0,
                    "chains": [],
                    "input_key": f"key{first[index]}",
                    "predicted_as": f"c{first[index]}",
                    "flags": [],
                    "role": "input",
                }
                for index, size in enumerate(sizes)
            ],
        )

    return make

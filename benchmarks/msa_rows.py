"""What the rows of an alignment cost: memory of a GPU, and the mesh that the plan takes.

Predicted by the plan's model, for one sample at 8 heavy atoms per token. *All rows*: as if every row were
worth a larger mesh (`plan.min_msa_rows: 16384`). *With the cap*: its default.
"""

from foldcp.config import PlanConfig
from foldcp.plan import Workload, make_plan
from foldcp.plan.memory import MAX_MSA_ROWS
from foldcp.tables.rows import rows_to_table
from foldcp.tables.schemas import TOKENS

TOKEN_COUNTS = (2000, 6300, 6700, 8000, 14_000, 30_000)
ROWS = (1, 1024, 2048, 8192, MAX_MSA_ROWS)
GPU, MAX_RANKS = "h100-80gb", 64
_HEADER = (
    *("tokens", "rows", "all rows: mesh", "GPUs", "peak GB"),
    *("with the cap: mesh", "GPUs", "rows read", "peak GB"),
)


def _tokens(count: int, rows: int) -> dict:
    same = {"input_key": "key", "predicted_as": "complex", "flags": [], "role": "input", "chains": []}
    sizes = {"n_tokens": count, "n_atoms": 8 * count, "n_chains": 1, "n_entities": 1, "msa_depth": rows}
    sizes |= {"paired_depth": 1, "n_templates": 0}
    return {"complex_id": "complex", **sizes, **same}


def _planned(count: int, rows: int, **config: int) -> dict | None:
    """Return the complex's row of a plan of its own; None if no mesh holds it."""
    table = rows_to_table(TOKENS, [_tokens(count, rows)])
    made = make_plan(table, PlanConfig(gpu=GPU, max_ranks=MAX_RANKS, **config), Workload()).plan.to_pylist()
    return made[0] if made else None


def _place(row: dict | None, *, read: bool) -> list[str]:
    if row is None:
        return ["none", *["-"] * (3 if read else 2)]
    p, q = row["mesh_rows"], row["mesh_cols"]
    peak = f"{row['predicted_peak_bytes'] / 1e9:.1f}"
    return [f"{p}x{q}", f"{p * q}", *([f"{row['msa_rows']}"] if read else []), peak]


def run() -> str:
    lines = [
        f"{GPU}, at most {MAX_RANKS} GPUs, {Workload().precision}, budget {Workload().budget}, "
        f"`plan.min_msa_rows` {PlanConfig().min_msa_rows}.",
        "",
        "| " + " | ".join(_HEADER) + " |",
        "|" + "---|" * len(_HEADER),
    ]
    for count in TOKEN_COUNTS:
        for rows in ROWS:
            whole = _place(_planned(count, rows, min_msa_rows=MAX_MSA_ROWS), read=False)
            capped = _place(_planned(count, rows), read=True)
            lines.append("| " + " | ".join([f"{count}", f"{rows}", *whole, *capped]) + " |")
    return "\n".join(lines)

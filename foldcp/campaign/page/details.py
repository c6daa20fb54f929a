"""What the page shows of one of the best complexes: structure, chain pairs, aligned error."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from foldcp.campaign.page.embedding import packed
from foldcp.campaign.page.grid import to_json
from foldcp.campaign.page.maps import PAIR_SCORES, error_map, pair_matrices
from foldcp.campaign.page.structures import view_of
from foldcp.campaign.results import Results, Row
from foldcp.errors import InputError

MAX_BYTES = 9_000_000
"""Structures are put into the page up to so many bytes, so that it still opens at once."""


def details(results: Results, best: Sequence[Row], viewed: int) -> Iterator[Row]:
    """Yield what the page needs to show those of the best complexes that there is something to show of.

    Parameters
    ----------
    results
        The campaign.
    best
        Its best complexes, rows of the complexes table.
    viewed
        How many of them, from the first, get a 3-D view.

    Yields
    ------
    dict
        `complex_id`, and everything else as `data`, compressed.
    """
    chains = results.of(
        "07_scores/chains", best, "chain_id", "chain_index", "member", "n_tokens", "mean_plddt"
    )
    pairs = results.of("07_scores/interfaces", best, "chain_a", "chain_b", *PAIR_SCORES)
    spent = 0
    for number, row in enumerate(best):
        wanted = number < viewed
        files = _files(results.folder / "06_predictions", row, wanted, room=spent < MAX_BYTES)
        own = _of(chains, row)
        if not (own or "structure" in files):
            continue
        data = packed(to_json(_of_chains(own, _of(pairs, row)) | files))
        spent += len(data)
        yield {"complex_id": row["complex_id"], "data": data, "viewed": "structure" in files}


def _of(table: pa.Table, row: Row) -> list[Row]:
    return table.filter(pc.field("complex_id") == row["complex_id"]).to_pylist()


def _of_chains(chains: list[Row], pairs: list[Row]) -> dict[str, Any]:
    chains = sorted(chains, key=lambda chain: chain["chain_index"])
    names = [chain["chain_id"] for chain in chains]
    return {
        "chains": names,
        "members": [chain["member"] or "" for chain in chains],
        "lengths": [chain["n_tokens"] or 0 for chain in chains],
        "pairs": pair_matrices(names, pairs),
    }


def _files(predictions: Path, row: Row, wanted: bool, room: bool) -> dict[str, Any]:
    """Return what the prediction's files add; a file that cannot be read is a remark."""
    if not row["structure"]:
        return {"remarks": ["The scores name no structure file."]}
    path = predictions / row["structure"]
    made: dict[str, Any] = {"remarks": []}
    if wanted and not room:
        made["remarks"].append("The page is full: open the structure file instead.")
    elif wanted:
        try:
            view = view_of(path)
            made["structure"] = {"mmcif": view.mmcif, "kind": view.kind}
        except InputError as error:
            made["remarks"].append(f"No structure to show: {error}.")
    errors = path.parent / f"pae_{path.stem}.npz"
    if errors.exists():
        try:
            made["pae"] = error_map(errors)
        except InputError as error:
            made["remarks"].append(f"No aligned error to show: {error}.")
    return made

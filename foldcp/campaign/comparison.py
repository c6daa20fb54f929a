"""What two folders scored, read so that `foldcp.statistics.compare` can pair their complexes."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from foldcp.campaign.enrichment import read_parts
from foldcp.errors import InputError
from foldcp.statistics.compare import Scored
from foldcp.statistics.units import scored
from foldcp.tables.dataset import part_paths
from foldcp.tables.files import read_table
from foldcp.tables.provenance import read_metadata
from foldcp.tables.rows import empty
from foldcp.tables.schemas import COMPLEXES, TOKENS


def score_files(folder: Path) -> list[Path]:
    """Return the parts of the complexes table of a campaign, or of a folder that `foldcp scores` wrote.

    Raises
    ------
    InputError
        If there are none.
    """
    for place in (folder / "07_scores" / "complexes", folder / "complexes"):
        if found := list(part_paths(place).values()):
            return found
    raise InputError(
        f"{folder}: holds no scores; expected a campaign folder whose stage scores has run, or a folder that "
        "`foldcp scores` wrote"
    )


def notes(files: Sequence[Path]) -> list[str]:
    """Return the remarks in the provenance of tables, e.g. that demo weights made them, each once."""
    found = (read_metadata(pq.read_schema(path).metadata).get("note") for path in files)
    return list(dict.fromkeys(note for note in found if note))


def read_scored(folder: Path, scores: Sequence[str]) -> Scored:
    """Return what a folder scored.

    Parameters
    ----------
    folder
        Campaign folder, or what `foldcp scores` wrote.
    scores
        Score columns to take.

    Raises
    ------
    InputError
        If the folder holds no scores, or a table cannot be read.
    """
    parts = read_parts(score_files(folder))
    files = {"content_key": folder / "01_complexes.parquet", "input_key": folder / "04_tokens.parquet"}
    specs = {"content_key": COMPLEXES, "input_key": TOKENS}
    tables = {key: read_table(path, specs[key]) for key, path in files.items() if path.is_file()}
    rows = scored(parts, tables.get("content_key", empty(COMPLEXES)), scores)
    for key, table in tables.items():
        named = pd.Series(table[key].to_pylist(), index=table["complex_id"].to_pylist(), dtype=object)
        rows[key] = rows["complex_id"].map(named)
    return Scored(rows, tuple(tables))

"""Pairing of an input's alignments by species, and their check, before Boltz reads them. Imports no torch.

Boltz's readers know no line numbers, and take some rows for what they are not. Of the first row only the
length is checked: a modified residue may have any letter in it (`foldcp.features.alignment`).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from foldcp.config.alignments import MOST_ROWS
from foldcp.msa import a3m, csv_rows, paired_csv
from foldcp.msa.pairing import Depths
from foldcp.predict.document import Document
from foldcp.tables.files import atomic_write, make_folder


@dataclass(frozen=True)
class Pairing:
    """How the alignments of an input are put together.

    Attributes
    ----------
    strategy
        `greedy`, `complete` or `none` (`foldcp.msa.pairing`).
    max_rows, max_paired
        Most rows of one protein's alignment, and most that pair chains.
    """

    strategy: str = "greedy"
    max_rows: int = MOST_ROWS
    max_paired: int = MOST_ROWS


def paired(document: Document, pairing: Pairing, folder: Path) -> tuple[Document, Depths]:
    """Return the input with a CSV of paired rows in place of each a3m file, and the rows of its alignment.

    Where a protein comes with a CSV, the user has paired its rows, and foldcp pairs no others.

    Parameters
    ----------
    document
        The checked input.
    pairing
        How to pair.
    folder
        Where the files go.

    Returns
    -------
    document : Document
        Alignments are files in `folder`.
    depths : Depths
        Rows of the complex's alignment, as far as foldcp has paired it.

    Raises
    ------
    InputError
        If an alignment is malformed, naming file and line.
    """
    found = [(place, body) for place, body in _proteins(document) if _is_a3m(body.get("msa"))]
    by_user = [body for _, body in _proteins(document) if _is_csv(body.get("msa"))]
    for body in by_user:
        for _ in csv_rows.read(Path(body["msa"]), body["sequence"], any_letters=True, whole_keys=True):
            pass
    proteins = [paired_csv.Protein(_copies(body), partial(_rows, body)) for _, body in found]
    strategy = "none" if by_user else pairing.strategy
    files, depths = paired_csv.write(proteins, folder, strategy, pairing.max_rows, pairing.max_paired)
    sequences = list(document.schema["sequences"])
    for (place, body), file in zip(found, files, strict=True):
        sequences[place] = {"protein": {**body, "msa": str(file)}}
    return replace(document, schema={**document.schema, "sequences": sequences}), depths


def write_for_boltz(document: Document, pairing: Pairing, folder: Path) -> tuple[Path, Depths]:
    """Write an input with its alignments paired, as files that Boltz itself reads.

    Parameters
    ----------
    document, pairing
        As `paired` takes them.
    folder
        Where the input and its alignments go; made if absent. Templates stay where they are.

    Returns
    -------
    path : Path
        The input, ``<folder>/<name>.yaml``.
    depths : Depths
        Rows of its alignment.

    Raises
    ------
    InputError
        As `paired`.
    WriteError
        If a file cannot be written.
    """
    alignments = folder / document.path.stem
    make_folder(alignments)
    changed, depths = paired(document, pairing, alignments.absolute())
    path = folder / f"{document.path.stem}.yaml"
    with atomic_write(path, "w") as handle:
        yaml.safe_dump(changed.schema, handle, sort_keys=False, width=2**31)
    return path, depths


def _proteins(document: Document) -> Iterator[tuple[int, dict[str, Any]]]:
    for place, item in enumerate(document.schema["sequences"]):
        if "protein" in item:
            yield place, item["protein"]


def _is_a3m(file: Any) -> bool:
    return file not in (None, "", "empty") and not _is_csv(file)


def _is_csv(file: Any) -> bool:
    return str(file).endswith(".csv")


def _copies(body: dict[str, Any]) -> int:
    return len(body["id"]) if isinstance(body["id"], list) else 1


def _rows(body: dict[str, Any]) -> Iterator[a3m.Row]:
    return a3m.read(Path(body["msa"]), body["sequence"], any_letters=True)

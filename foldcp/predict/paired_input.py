"""Pairing of an input's alignments by species, and their check, before Boltz reads them. Imports no torch.

Boltz's readers know no line numbers, take some rows for what they are not, and leave out an alignment of
another sequence. A modified residue may have any letter in the first row (`foldcp.features.alignment`).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from foldcp.errors import UsageError
from foldcp.msa import a3m, csv_rows, paired_csv
from foldcp.msa.pairing import Depths, Pairing
from foldcp.predict.document import Document
from foldcp.tables.files import atomic_write, make_folder

_Items = dict[int, dict[str, Any]]
"""Place among the sequences of an input, and what it says of the protein there."""


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
    proteins = _proteins(document)
    by_user = [body for body in proteins.values() if _is_csv(body)]
    for body in by_user:
        for _ in csv_rows.read(Path(body["msa"]), body["sequence"], _modified([body]), whole_keys=True):
            pass
    groups = _same_alignment(proteins)
    aligned = [paired_csv.Protein(_copies(items), partial(_rows, items)) for items in groups]
    how = replace(pairing, strategy="none") if by_user else pairing
    files, depths = paired_csv.write(aligned, folder, how)
    sequences = list(document.schema["sequences"])
    for items, file in zip(groups, files, strict=True):
        for place, body in items.items():
            sequences[place] = {"protein": {**body, "msa": str(file)}}
    return replace(document, schema={**document.schema, "sequences": sequences}), depths


def has_a3m(document: Document) -> bool:
    """Return whether there are alignments that :func:`paired` pairs."""
    return any(map(_is_a3m, _proteins(document).values()))


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
    UsageError
        If the input itself would be written over.
    WriteError
        If a file cannot be written.
    """
    path = folder / f"{document.path.stem}.yaml"
    if path.exists() and path.samefile(document.path):
        raise UsageError(f"{path} would be written over: it is the input; name another folder with --out")
    alignments = folder / document.path.stem
    make_folder(alignments)
    changed, depths = paired(document, pairing, alignments.absolute())
    with atomic_write(path, "w") as handle:
        yaml.safe_dump(changed.schema, handle, sort_keys=False, width=2**31)
    return path, depths


def _proteins(document: Document) -> _Items:
    items = enumerate(document.schema["sequences"])
    return {place: item["protein"] for place, item in items if "protein" in item}


def _same_alignment(proteins: _Items) -> list[_Items]:
    """Return the proteins with an a3m file, copies of one sequence together: to Boltz they are one entity."""
    groups: dict[tuple[str, str], _Items] = defaultdict(dict)
    for place, body in proteins.items():
        if _is_a3m(body):
            groups[body["sequence"], body["msa"]][place] = body
    return list(groups.values())


def _is_a3m(body: dict[str, Any]) -> bool:
    return body.get("msa") not in (None, "", "empty") and not _is_csv(body)


def _is_csv(body: dict[str, Any]) -> bool:
    return str(body.get("msa")).endswith(".csv")


def _copies(items: _Items) -> int:
    return sum(len(body["id"]) if isinstance(body["id"], list) else 1 for body in items.values())


def _rows(items: _Items) -> Iterator[a3m.Row]:
    body = next(iter(items.values()))
    return a3m.read(Path(body["msa"]), body["sequence"], _modified(items.values()))


def _modified(bodies: Iterable[dict[str, Any]]) -> set[int]:
    """Return the places, from 0, of modified residues."""
    return {change["position"] - 1 for body in bodies for change in body.get("modifications") or []}

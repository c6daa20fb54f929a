"""Boltz inputs of the campaign's complexes: one YAML file each, from the tables of the stages before."""

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from foldcp.campaign.structure_templates import is_intact, kept_file
from foldcp.errors import MissingError
from foldcp.tables.files import atomic_write

Entities = dict[tuple[str, str, str | None], dict[str, Any]]
"""Entity type, hash, and complex (None: all) to the fields of Boltz's YAML; alignments are absolute paths."""


def entities(sequences: pa.Table, msa: pa.Table, folder: Path) -> Entities:
    """Return what Boltz has to know of every distinct molecule of the campaign.

    A protein of which a complex has an alignment of its own is there once more for that complex.

    Parameters
    ----------
    sequences
        SEQUENCES table.
    msa
        MSA table.
    folder
        Folder of the MSA table, which its paths are relative to.
    """
    alignments: dict[str, dict[str | None, Path | str]] = defaultdict(dict)
    for row in msa.select(["sha256", "complex_id", "path"]).to_pylist():
        path = (folder / row["path"]).absolute() if row["path"] else "empty"
        alignments[row["sha256"]][row["complex_id"]] = path
    found: Entities = {}
    for row in sequences.to_pylist():
        key = (row["entity_type"], row["sha256"])
        if row["entity_type"] == "ligand":
            found[*key, None] = {"ccd": row["ccd"]} if row["ccd"] else {"smiles": row["smiles"]}
        elif row["sequence"] is not None:
            found[*key, None] = {"sequence": row["sequence"]}
            if row["entity_type"] == "protein":
                for complex_id, path in ({None: "empty"} | alignments[row["sha256"]]).items():
                    found[*key, complex_id] = {"sequence": row["sequence"], "msa": path}
    return found


def template_items(templates: Iterable[Mapping[str, Any]] | None, folder: Path) -> list[dict[str, Any]]:
    """Return Boltz's `templates` of one complex; their files are absolute paths.

    Boltz calls a template by its file, and would make one template of two with the same name. So the second
    use of a file in one complex gets a copy of it, which is made here.

    Parameters
    ----------
    templates
        The `templates` of the complex's row in the TOKENS table.
    folder
        Campaign folder.

    Raises
    ------
    MissingError
        If a file is not in the campaign folder any more, or was altered since it was copied there.
    WriteError
        If a copy cannot be made.
    """
    items: list[dict[str, Any]] = []
    uses: Counter[str] = Counter()
    for template in templates or []:
        sha256 = template["sha256"]
        uses[sha256] += 1
        file = kept_file(folder, sha256, uses[sha256])
        if not is_intact(file, sha256):
            _copy(kept_file(folder, sha256), file, sha256)
        item = {"cif": file.absolute(), "chain_id": template["chains"]}
        items.append(item | ({"template_id": theirs} if (theirs := template["template_chains"]) else {}))
    return items


def _copy(source: Path, target: Path, sha256: str) -> None:
    if not is_intact(source, sha256):
        wrong = "was altered" if source.is_file() else "is gone"
        raise MissingError(f"{source}: the template {wrong}; --forcerun complexes brings it back")
    with atomic_write(target) as handle:
        handle.write(source.read_bytes())


def write_input(
    path: Path,
    chains: Iterable[Mapping[str, Any]],
    molecules: Entities,
    complex_id: str | None = None,
    templates: Iterable[Mapping[str, Any]] = (),
) -> None:
    """Write the Boltz YAML input of one complex, whole or not at all.

    Copies of a molecule become one item with several chain names. Alignments and templates are named relative
    to the file, so that a campaign folder can be moved as a whole.

    Parameters
    ----------
    path
        File to write.
    chains
        The `chains` of the complex's row in the TOKENS table.
    molecules
        From `entities`.
    complex_id
        The complex, whose own alignments go before those of all.
    templates
        From `template_items`.
    """

    def beside(file: Path) -> str:
        return os.path.relpath(file, path.parent.absolute())

    items = []
    for (entity_type, sha256), copies in groupby(chains, key=lambda c: (c["entity_type"], c["sha256"])):
        common = molecules[entity_type, sha256, None]
        molecule = molecules.get((entity_type, sha256, complex_id), common)
        body = {"id": [chain["chain_id"] for chain in copies], **molecule}
        if isinstance(body.get("msa"), Path):
            body["msa"] = beside(body["msa"])
        items.append({entity_type: body})
    schema: dict[str, Any] = {"version": 1, "sequences": items}
    if listed := [{**template, "cif": beside(template["cif"])} for template in templates]:
        schema["templates"] = listed
    # The YAML writer quotes what would not stay text: chain names NO and ON, sequence NO, CCD code 004.
    text = yaml.safe_dump(schema, sort_keys=False, width=2**31)
    with atomic_write(path, "w") as handle:
        handle.write(text)

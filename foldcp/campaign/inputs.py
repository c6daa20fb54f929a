"""Boltz inputs of the campaign's complexes: one YAML file each, from the tables of the stages before."""

import os
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from foldcp.tables.files import atomic_write

Entities = dict[tuple[str, str], dict[str, Any]]
"""Entity type and hash to the fields of Boltz's YAML; alignments are absolute paths."""


def entities(sequences: pa.Table, msa: pa.Table, folder: Path) -> Entities:
    """Return what Boltz has to know of every distinct molecule of the campaign.

    Parameters
    ----------
    sequences
        SEQUENCES table.
    msa
        MSA table.
    folder
        Folder of the MSA table, which its paths are relative to.
    """
    alignments = {row["sha256"]: (folder / row["path"]).absolute() for row in msa.to_pylist() if row["path"]}
    found: Entities = {}
    for row in sequences.to_pylist():
        key = (row["entity_type"], row["sha256"])
        if row["entity_type"] == "ligand":
            found[key] = {"ccd": row["ccd"]} if row["ccd"] else {"smiles": row["smiles"]}
        elif row["sequence"] is not None:
            found[key] = {"sequence": row["sequence"]}
            if row["entity_type"] == "protein":
                found[key]["msa"] = alignments.get(row["sha256"], "empty")
    return found


def write_input(path: Path, chains: Iterable[Mapping[str, Any]], molecules: Entities) -> None:
    """Write the Boltz YAML input of one complex, whole or not at all.

    Copies of a molecule become one item with several chain names. Alignments are named relative to the file,
    so that a campaign folder can be moved as a whole.

    Parameters
    ----------
    path
        File to write.
    chains
        The `chains` of the complex's row in the TOKENS table.
    molecules
        From `entities`.
    """
    items = []
    for (entity_type, sha256), copies in groupby(chains, key=lambda c: (c["entity_type"], c["sha256"])):
        body = {"id": [chain["chain_id"] for chain in copies], **molecules[entity_type, sha256]}
        if isinstance(body.get("msa"), Path):
            body["msa"] = os.path.relpath(body["msa"], path.parent.absolute())
        items.append({entity_type: body})
    # The YAML writer quotes what would not stay text: chain names NO and ON, sequence NO, CCD code 004.
    text = yaml.safe_dump({"version": 1, "sequences": items}, sort_keys=False, width=2**31)
    with atomic_write(path, "w") as handle:
        handle.write(text)

"""Small tables for the tests of the campaign's stages."""

import hashlib

import pyarrow as pa

from foldcp.tables.rows import rows_to_table
from foldcp.tables.schemas import COMPLEXES


def namespace(member: str) -> str:
    prefixes = {
        "CHEBI:": "chebi",
        "URS": "rnacentral",
        "CPX-": "complexportal",
        "ENSP": "ensembl",
        "own:": "other",
    }
    return next((space for prefix, space in prefixes.items() if member.startswith(prefix)), "uniprot")


def complexes(**members: dict[str, int] | list[str]) -> pa.Table:
    """COMPLEXES table: complex_id=["P1", "P2"] or complex_id={"P1": copies}."""
    rows = []
    for number, (complex_id, content) in enumerate(members.items(), start=1):
        copies = content if isinstance(content, dict) else dict.fromkeys(content, 1)
        rows.append(
            {
                "complex_id": complex_id,
                "source_id": f"source {complex_id}",
                "source_row": number,
                "source_format": "csv",
                "members": [
                    {
                        "member": m,
                        "namespace": namespace(m),
                        "copies": n,
                        "copies_source": "assumed",
                        "gene": None,
                    }
                    for m, n in copies.items()
                ],
                "n_members": len(copies),
                "n_chains": sum(copies.values()),
                "content_key": complex_id,
                "same_as": complex_id,
                "annotations": [],
                "flags": [],
                "role": "input",
            }
        )
    return rows_to_table(COMPLEXES, rows)


def by(table: pa.Table, key: str) -> dict[str, dict]:
    return {row[key]: row for row in table.to_pylist()}


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()

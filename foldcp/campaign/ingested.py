"""What the complexes stage makes of its input, be it a table or a screen, and what its rows share."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa


@dataclass(frozen=True)
class Ingested:
    """What the input held.

    Attributes
    ----------
    complexes
        Table `foldcp.tables.schemas.COMPLEXES`.
    rejected
        Table `foldcp.tables.schemas.REJECTED`.
    n_rows
        Records in the input (of a screen: pairs and unusable lines): complexes and rejected together.
    format
        Format the table was read as, or `screen`.
    remarks
        What else there is to say, in words.
    """

    complexes: pa.Table
    rejected: pa.Table
    n_rows: int
    format: str
    remarks: tuple[str, ...] = ()


def content_key(members: Iterable[Mapping[str, Any]]) -> str:
    """Return the hash of members and copies, independent of their order."""
    content = sorted(f"{m['member']}*{m['copies']}" for m in members)
    return hashlib.sha256(";".join(content).encode()).hexdigest()


def add_content(rows: Iterable[dict[str, Any]]) -> None:
    """Fill in what follows from the members of each row: content_key, same_as, n_members and n_chains."""
    first: dict[str, str] = {}
    for row in rows:
        key = content_key(row["members"])
        row["content_key"] = key
        row["same_as"] = first.setdefault(key, row["complex_id"])
        row["n_members"] = len(row["members"])
        row["n_chains"] = sum(m["copies"] for m in row["members"])


def shorten(text: str, limit: int = 200) -> str:
    """Return a text cut to `limit` characters."""
    return text if len(text) <= limit else text[: limit - 1] + "…"

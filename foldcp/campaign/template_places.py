"""Which chains of a complex a template is for.

Boltz calls a template by its file, lays all that one file covers into one template, and lets these chains see
each other: their places in the file tell how they lie together. Therefore

* lines of one file make one template, where each chain of the complex and of the file comes up once at most;
* a member of more copies than it has chains in the file gets a further template for the next copies, and one
  of fewer copies a further template for the next chains: two copies on one chain would be told to coincide;
* without a chain, Boltz matches the file's proteins with the complex's by their sequences, one to one.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from foldcp.errors import InputError

Row = Mapping[str, Any]

_SHOWN = 5


def place(given: Sequence[Row], chains: Iterable[Row]) -> list[dict[str, Any]]:
    """Return the templates of one complex.

    Parameters
    ----------
    given
        The `templates` of its row in the COMPLEXES table.
    chains
        Its chains, in the order they are folded.

    Returns
    -------
    list
        The `templates` of its row in the TOKENS table, in an order that the order of lines has no part in.

    Raises
    ------
    InputError
        Naming line, file and reason of each template that cannot be used.
    """
    copies: dict[str, list[str]] = {}
    for chain in chains:
        if chain["entity_type"] == "protein":
            copies.setdefault(chain["member"], []).append(chain["chain_id"])
    mistakes = [_said(row, reason) for row in given if (reason := _mistake(row, copies))]
    if not mistakes:
        files = [list(rows) for _, rows in groupby(sorted(given, key=_content), key=_content)]
        mistakes = [mistake for rows in files if (mistake := _contradiction(rows))]
    if mistakes:
        more = [f"and {len(mistakes) - _SHOWN} more"] if len(mistakes) > _SHOWN else []
        raise InputError("; ".join([*mistakes[:_SHOWN], *more]))
    return [template for rows in files for template in _of_one_file(rows, copies)]


def _content(row: Row) -> str:
    return row["sha256"]


def _said(row: Row, reason: str) -> str:
    return f"row {row['row']} of complexes.templates, {row['file']}: {reason}"


def _mistake(row: Row, copies: Mapping[str, Sequence[str]]) -> str | None:
    if row["error"]:
        return row["error"]
    if row["member"] is not None and row["member"] not in copies:
        return f"{row['member']} is no protein, and only proteins take templates"
    if not copies:
        return "the complex has no protein, and only proteins take templates"
    if row["chain"] is not None and row["member"] is None and len(copies) > 1:
        names = ", ".join(copies)
        return f"is chain {row['chain']} a template for which member? The proteins are {names}"
    return None


def _contradiction(rows: Sequence[Row]) -> str | None:
    with_chain = [row for row in rows if row["chain"] is not None]
    if with_chain and len(with_chain) < len(rows):
        other = next(row for row in rows if row["chain"] is None)
        return _said(other, f"names no chain, but row {with_chain[0]['row']} does; all of a file, or none")
    return None


def _of_one_file(rows: Sequence[Row], copies: Mapping[str, Sequence[str]]) -> Iterator[dict[str, Any]]:
    sha256 = rows[0]["sha256"]
    if rows[0]["chain"] is None:
        meant = {row["member"] for row in rows}
        chains = [c for member, names in copies.items() if {member, None} & meant for c in names]
        yield {"sha256": sha256, "chains": chains, "template_chains": None}
        return
    placed: list[dict[str, str]] = []
    for ours, theirs in _pairs(rows, copies):
        free = (of for of in placed if ours not in of and theirs not in of.values())
        if (template := next(free, None)) is None:
            placed.append(template := {})
        template[ours] = theirs
    for template in placed:
        yield {"sha256": sha256, "chains": list(template), "template_chains": list(template.values())}


def _pairs(rows: Sequence[Row], copies: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str]]:
    """Yield chains of the complex with chains of the file, in turn, until each has come up."""
    for member, ours in copies.items():
        # Without a member it is the only one.
        theirs = list(dict.fromkeys(row["chain"] for row in rows if row["member"] in (member, None)))
        for k in range(max(len(ours), len(theirs)) if theirs else 0):
            yield ours[k % len(ours)], theirs[k % len(theirs)]

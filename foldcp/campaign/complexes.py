"""Stage `complexes`: from a table of complexes or interactions, in any known format, to one row per complex.

Every record of the input becomes a complex or a rejected row with a reason, never both and never neither.
What a record says about its members is kept, with these rules where a table leaves room:

* A malformed identifier rejects the complex: without that member it would be another complex.
* A member *without* identifier (hu.MAP has many: genes with no reviewed entry) keeps the complex and is
  counted in the flag `members_without_accession:<n>`.
* A member listed twice has two copies (`repeated_member:`), so a protein paired with itself is a homodimer.
* Unknown copies, `(0)`, count as one (`unknown_copies:`); so do copies the table does not mention.
* A set of paralogues that are not told apart is folded as its first (`one_of:`).
* A complex of one member whose copies nobody states is kept (`single_member`): it may be a homo-oligomer.
* Complexes of equal content share a `content_key`; `same_as` names the first, and only that one is predicted,
  unless they have structure templates or alignments of their own.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from foldcp.campaign import screen
from foldcp.campaign.copies import Overrides, read_overrides
from foldcp.campaign.formats import Row, RowError, open_table
from foldcp.campaign.formats.detect import Table
from foldcp.campaign.ingested import Ingested, add_content, shorten
from foldcp.campaign.members import MAX_COPIES
from foldcp.campaign.nested import Parsed, expand, merge, parse_record
from foldcp.campaign.structure_templates import with_templates
from foldcp.config import ComplexesConfig
from foldcp.names import distinct_ids
from foldcp.tables.rows import rows_to_table
from foldcp.tables.schemas import COMPLEXES, REJECTED


def read(config: ComplexesConfig, folder: Path | None = None) -> Ingested:
    """Return the complexes of a campaign: those of its table, or the pairs of its screen.

    Parameters
    ----------
    config
        What to read.
    folder
        Campaign folder, which files of templates are copied to; None to leave templates alone.

    Raises
    ------
    UsageError, InputError
        As `ingest`, `foldcp.campaign.screen.pairs` and `foldcp.campaign.structure_templates.with_templates`.
    WriteError
        If a template cannot be copied.
    """
    if config.table is None:
        got = screen.pairs(config.screen)
    else:
        got = ingest(config.table, config.format, config.copies)
    if config.templates is None or folder is None:
        return got
    return with_templates(got, config.templates, folder)


def ingest(table: Path, fmt: str = "auto", copies: Path | None = None) -> Ingested:
    """Read a table of complexes or interactions.

    Parameters
    ----------
    table
        File in one of the formats of `foldcp.campaign.formats`, plain or gzip.
    fmt
        Format, or `auto` to recognise it by its header.
    copies
        CSV with the columns complex_id, member, copies that overrides the table's stoichiometry.

    Raises
    ------
    UsageError
        If `fmt` is unknown.
    InputError
        If a file cannot be read as what it should be, or `copies` names what `table` does not hold.
    """
    source = open_table(Path(table), fmt)
    overrides = read_overrides(Path(copies)) if copies else Overrides.none()
    parsed: list[tuple[Row, Parsed]] = []
    rows: list[dict[str, Any]] = []
    rejected: list[dict[str, Any]] = []
    for row in source.rows:
        try:
            parsed.append((row, _parse(source, row)))
        except RowError as error:
            rejected.append(_rejected(source, row, error))
    # Nested complexes are looked up by identifier; the first row of a repeated one counts.
    by_id = {p.record.source_id: p for _, p in reversed(parsed)}
    for row, understood in parsed:
        try:
            rows.append(_complex(source, row, understood, by_id))
        except RowError as error:
            rejected.append(_rejected(source, row, error))
    rejected.sort(key=lambda row: row["source_row"])
    overrides.apply(rows, known={row["source_id"] for row in rejected})
    wanted = [row["source_id"] or f"row-{row['source_row']}" for row in rows]
    for made, complex_id in zip(rows, distinct_ids(wanted), strict=True):
        made["complex_id"] = complex_id
    add_content(rows)
    return Ingested(
        rows_to_table(COMPLEXES, rows),
        rows_to_table(REJECTED, rejected),
        len(source.rows),
        source.format.name,
    )


def _parse(source: Table, row: Row) -> Parsed:
    if row.error:
        raise row.error
    return parse_record(source.format.record(row))


def _rejected(source: Table, row: Row, error: RowError) -> dict[str, Any]:
    return {
        "stage": "complexes",
        "source_id": row.identifier(*source.format.identifier) or None,
        "source_row": row.number,
        "reason_code": error.code,
        "reason": error.reason,
        "raw": shorten("\t".join(row.cells)),
    }


def _complex(source: Table, row: Row, parsed: Parsed, table: dict[str, Parsed]) -> dict[str, Any]:
    record = parsed.record
    participants, nested = expand(parsed, table)
    members, flags = merge(participants)
    if too_many := [m["member"] for m in members if m["copies"] > MAX_COPIES]:
        raise RowError("malformed_copies", f"more than {MAX_COPIES} copies of {', '.join(too_many)}")
    return {
        "source_id": record.source_id,
        "source_row": row.number,
        "source_format": source.format.name,
        "source_score": record.score,
        "name": record.name,
        "organism": record.organism,
        "members": members,
        "role": "input",
        "annotations": [{"scheme": s, "term": t, "label": label} for s, t, label in record.annotations],
        "flags": list(dict.fromkeys([*record.flags, *_remarks(source, parsed, members, nested), *flags])),
    }


def _remarks(source: Table, parsed: Parsed, members: list[dict], nested: list[str]) -> Iterator[str]:
    yield from (f"nested:{key}" for key in nested)
    if parsed.n_unnamed:
        yield f"members_without_accession:{parsed.n_unnamed}"
    if small := sum(m["namespace"] in ("chebi", "rnacentral") for m in members):
        yield f"non_protein_members:{small}"
    if len(members) == 1 and members[0]["copies_source"] == "assumed":
        yield "single_member"
    record = parsed.record
    if source.latin1 and not all(
        (t or "").isascii() for t in (record.source_id, record.name, record.organism)
    ):
        yield "latin1_text"

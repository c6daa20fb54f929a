"""CORUM, releases 3, 4 and 5, as text or JSON.

Members are separated by `;`. Releases 3 and 4 name no numbers of copies; release 5 has a column
`subunits_stoechiometrie`, aligned with the members (`2;1`) and mostly empty (`;`).
"""

import re
from typing import Any

from foldcp.campaign.formats.record import (
    Annotation,
    Format,
    Part,
    Record,
    Row,
    RowError,
    aligned,
    copies_or_unknown,
    labelled,
    mixed_species,
)

_METHOD = re.compile(r"(MI:[0-9]+)[-:\s]*(.*)", re.DOTALL)
_MEMBERS = ("subunitsuniprotids", "subunitsuniprotid")


def _record(row: Row) -> Record:
    members = row.items(*_MEMBERS)
    if not members:
        raise RowError("no_members", f"the member field is {row.cell(*_MEMBERS)!r}: CORUM names no subunit")
    copies, flags = _copies(row, len(members))
    genes = aligned(row.items("subunitsgenename"), len(members))
    return Record(
        source_id=row.cell("complexid"),
        parts=[Part(*part) for part in zip(members, copies, genes, strict=True)],
        name=row.text("complexname") or None,
        organism=row.text("organism") or None,
        annotations=_annotations(row),
        flags=flags + mixed_species(row.items("swissprotorganism", "subunitsorganism")),
    )


def _copies(row: Row, n_members: int) -> tuple[list[int | None], list[str]]:
    given = row.cell("subunitsstoechiometrie")
    copies = [copies_or_unknown(text) for text in given.split(";")]
    if len(copies) == n_members:
        return copies, []
    # A list of another length cannot be aligned; an empty one says nothing.
    return [None] * n_members, (["stoichiometry_mismatch"] if any(n is not None for n in copies) else [])


def _annotations(row: Row) -> list[Annotation]:
    methods = [
        _METHOD.fullmatch(m) for m in row.items("proteincomplexpurificationmethod", "purificationmethods")
    ]
    return [
        *labelled("funcat", row.items("funcatid"), row.items("funcatdescription")),
        *labelled("fcg", row.items("fcgsid"), row.items("fcgsname")),
        *labelled("go", row.items("goid", "functionsgoid"), row.items("godescription", "functionsgoname")),
        *labelled("method", [m[1] for m in methods if m], [m[2] for m in methods if m]),
    ]


FORMAT = Format(
    "corum",
    (("ComplexID", "complex_id"), ("subunits(UniProt IDs)", "subunits_uniprot_id")),
    _record,
    identifier=("complexid",),
)


def flatten(entry: Any) -> dict[str, str]:
    """Return one object of a CORUM JSON export as the cells of a text row.

    Releases 3 and 4.0 hold the text columns as keys. Later ones nest `subunits` (`swissprot.uniprot_id`,
    `stoechiometrie`), `functions` (`go.go_id`) and `purification_methods` (`mi_id`).

    Raises
    ------
    RowError
        If `entry` is not a JSON object.
    """
    if not isinstance(entry, dict):
        raise RowError("not_an_object", f"expected a JSON object per complex, got {type(entry).__name__}")
    cells = {
        key: ";".join(map(_scalar, value)) if isinstance(value, list) else _scalar(value)
        for key, value in entry.items()
    }
    for key, columns in _NESTED.items():
        if isinstance(values := entry.get(key), list) and all(isinstance(v, dict) for v in values):
            cells |= {column: ";".join(_at(v, *path) for v in values) for column, path in columns.items()}
    return cells


_NESTED: dict[str, dict[str, tuple[str, ...]]] = {
    "subunits": {
        "subunits_uniprot_id": ("swissprot", "uniprot_id"),
        "subunits_gene_name": ("swissprot", "gene_name"),
        "subunits_organism": ("swissprot", "organism"),
        "subunits_stoechiometrie": ("stoechiometrie",),
    },
    "functions": {"functions_go_id": ("go", "go_id"), "functions_go_name": ("go", "name")},
    "purification_methods": {"purification_methods": ("mi_id",)},
}


def _at(value: Any, *path: str) -> str:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return _scalar(value)


def _scalar(value: Any) -> str:
    text = "" if value is None or isinstance(value, dict | list) else str(value)
    # JSON can spell half a character (a lone surrogate), which no table can store.
    return text.encode("utf-8", "replace").decode("utf-8")

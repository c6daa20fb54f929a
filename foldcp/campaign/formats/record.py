"""What every table format is read into: rows with named cells, and records with their participants."""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from foldcp.campaign.members import CopiesError, parse_copies

_BLANK = frozenset({"", "-", "None", "none", "NONE", "NA", "N/A", "nan", "NaN", "null", "NULL"})
_NOT_A_NAME = re.compile(r"[^a-z0-9]+")

Annotation = tuple[str, str, str | None]
"""Scheme, term, label."""


class RowError(Exception):
    """A record that cannot become a complex: a short code, and the reason in words."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def column_name(text: str) -> str:
    """Return the name of a column without the spelling that differs between releases and exports.

    `subunits(UniProt IDs)`, `subunitsUniProt_IDs` and `Subunits.UniProt.IDs.` are one column.
    """
    return _NOT_A_NAME.sub("", text.lower())


def is_blank(text: str) -> bool:
    """Whether a cell says that there is no value: empty, `-`, `None`, `NA`, ..."""
    return text.strip() in _BLANK


@dataclass(frozen=True)
class Row:
    """One record of a table as text.

    Attributes
    ----------
    number
        Record number, 1 = first after the header.
    cells
        Text of each column.
    columns
        Column name (see `column_name`) to position.
    error
        Why the record is no row of its table, where it is none.
    """

    number: int
    cells: Sequence[str]
    columns: Mapping[str, int]
    error: RowError | None = None

    def cell(self, *names: str) -> str:
        """Return the cell of the first of `names` that the table has, stripped; empty when it has none."""
        for name in names:
            position = self.columns.get(name)
            # Versions of MITAB end at different columns.
            if position is not None and position < len(self.cells):
                return self.cells[position].strip()
        return ""

    def text(self, *names: str) -> str:
        """Like `cell`, with an empty text for cells that mean no value."""
        text = self.cell(*names)
        return "" if text in _BLANK else text

    def identifier(self, *names: str) -> str:
        """Like `cell`; only `-` counts as empty, for `none` or `NA` may well be somebody's identifier."""
        text = self.cell(*names)
        return "" if text == "-" else text

    def items(self, *names: str, separator: str = ";") -> list[str]:
        """Return the stripped parts of a cell; no parts for a blank cell."""
        text = self.text(*names)
        return [part.strip() for part in text.split(separator)] if text else []

    def number_of(self, *names: str) -> float | None:
        """Return the cell as a finite number, or None."""
        try:
            value = float(self.text(*names))
        except ValueError:
            return None
        return value if math.isfinite(value) else None


@dataclass(frozen=True)
class Part:
    """A participant as the table writes it; `copies` where the table has a column for them."""

    text: str
    copies: int | None = None
    gene: str | None = None


@dataclass(frozen=True)
class Record:
    """One complex or interaction, its participants not yet understood.

    Attributes
    ----------
    source_id
        Identifier the table gives.
    parts
        Participants in the table's order; a blank text stands for a member without an accession.
    expanded
        Participants with nested complexes resolved, where the table has such a column.
    """

    source_id: str
    parts: list[Part]
    name: str | None = None
    organism: str | None = None
    score: float | None = None
    annotations: list[Annotation] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    expanded: list[Part] = field(default_factory=list)


@dataclass(frozen=True)
class Format:
    """A table format: the columns that tell it from others, and the reader of one row.

    Attributes
    ----------
    name
        Value of `--format`.
    needs
        For each needed column its known spellings.
    record
        Turns a row into a record, or raises `RowError`.
    identifier
        Names of the column that identifies a row.
    """

    name: str
    needs: tuple[tuple[str, ...], ...]
    record: Callable[[Row], Record]
    identifier: tuple[str, ...]

    def missing(self, columns: Mapping[str, int]) -> list[str]:
        """Return the needed columns that `columns` lacks, in their first spelling."""
        return [names[0] for names in self.needs if not any(column_name(n) in columns for n in names)]


def aligned(values: Sequence[str], n: int) -> list[str | None]:
    """Return one value per member; all None where the list is of another length and cannot be aligned."""
    return [None if is_blank(v) else v for v in values] if len(values) == n else [None] * n


def labelled(scheme: str, terms: Sequence[str], labels: Sequence[str]) -> list[Annotation]:
    """Pair terms with labels; labels that hold the separator themselves cannot be paired and are left out."""
    pairs = zip(terms, aligned(labels, len(terms)), strict=True)
    return list(dict.fromkeys((scheme, term, label) for term, label in pairs if not is_blank(term)))


def copies_or_unknown(text: str) -> int | None:
    """Return a database's number of copies: None where it says nothing, 0 (unknown) where it is no number."""
    if is_blank(text):
        return None
    try:
        return parse_copies(text)
    except CopiesError:
        return 0


def mixed_species(organisms: Iterable[str]) -> list[str]:
    """Return the flag `mixed_species` when more than one organism is named."""
    named = {o.strip() for o in organisms if not is_blank(o)}
    return ["mixed_species"] if len(named) > 1 else []


def pair_id(own: str, a: str, b: str) -> str:
    """Return the identifier of an interaction: the table's own, else made of its two interactors."""
    return own or f"{a}_{b}"

"""FASTA files: streamed, checked, and read by the identifiers that biologists' headers carry.

A file that is no FASTA at all is an error. A record that cannot be used is a flaw of that one molecule: it
says so, and stops nothing but the complexes that need it.

The key of a record is what a table of complexes calls the molecule:

==========================================  =======================
header                                      key
==========================================  =======================
``>sp|P12345|NAME_HUMAN Some protein OS=``  ``P12345``
``>tr|A0A024R1R8|...``                      ``A0A024R1R8``
``>sp|P12345-2|NAME_HUMAN Isoform 2 of``    ``P12345-2``
``>9606.ENSP00000000233`` (STRING)          ``ENSP00000000233``
``>ENSP00000000233.5 pep`` (Ensembl)        ``ENSP00000000233``
``>URS00006184A9_559292`` (RNAcentral)      ``URS00006184A9``
anything else                               the first word
==========================================  =======================

Taxon and version do not tell one Ensembl or RNAcentral molecule from another: they are not part of the key.
"""

import re
from collections.abc import Container, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from foldcp.errors import InputError
from foldcp.tables.text import Block, blocks, lines, shorten

SUFFIXES = (".fasta", ".fa", ".faa", ".fna", ".fas", ".fsa")
_URS = re.compile(r"(?P<key>URS[0-9A-F]{10})(?:_(?P<taxid>[0-9]{1,9}))?")
_ENSEMBL = re.compile(r"(?:(?P<taxid>[0-9]{1,9})\.)?(?P<key>ENS[A-Z]*P[0-9]{11})(?:\.[0-9]+)?")
_VALID_LETTERS = "valid: A to Z, upper or lower case"
_GAP = "a gap: this looks like an alignment, which belongs in msa.directory"
_HINTS = {"*": "a stop inside the sequence: translate the reading frame again", "-": _GAP, ".": _GAP}
_TAXID = re.compile(r"\bOX=(\d{1,9})\b")


class Record(NamedTuple):
    """One sequence of a FASTA file."""

    key: str
    """Identifier, as tables of complexes write it."""
    sequence: str
    """Capital letters A to Z; a final stop (`*`) is gone."""
    description: str | None
    taxid: int | None
    file: str
    """Name of the file."""
    line: int
    """Line number of the header."""


class Flaw(NamedTuple):
    """A record that cannot be used."""

    key: str
    """Identifier; empty where the header has none."""
    code: str
    """`malformed_sequence` or `duplicate_sequence`."""
    reason: str
    """File, line, and what is wrong there, in words."""


class Collected(NamedTuple):
    """Records by key, and the flaws of keys that have no usable record."""

    records: dict[str, Record]
    flaws: dict[str, Flaw]


def read(path: Path | str, wanted: Container[str] | None = None) -> Iterator[Record | Flaw]:
    """Yield the records of one FASTA file, plain or gzip; only those in `wanted`, where it is given.

    A record without identifier, without sequence, or with a letter that is none is yielded as a flaw. What
    is not wanted is not even looked at, so that it can do no harm.

    Raises
    ------
    InputError
        Naming file and line: no header before the first sequence, not UTF-8, or a damaged gzip file.
    """
    path = Path(path)
    for block in blocks(lines(path), path):
        key, description, taxid = parse_header(block.header)
        if wanted is not None and key not in wanted:
            continue
        sequence = "".join(part for _, line in block.body for part in line.split()).removesuffix("*")
        if wrong := _what_is_wrong(key, sequence, block):
            yield Flaw(key, "malformed_sequence", f"{path.name}, {wrong}")
        else:
            yield Record(key, sequence.upper(), description, taxid, path.name, block.line)


def files(paths: Iterable[Path | str]) -> list[Path]:
    """Return the FASTA files that `paths` name: files themselves, and the FASTA-named files in folders.

    Raises
    ------
    InputError
        If a path is absent, or a folder holds no FASTA file.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        if not path.is_dir():
            if not path.exists():
                raise InputError(f"{path}: no such FASTA file or folder")
            found.append(path)
            continue
        inside = sorted(p for p in path.iterdir() if p.name.lower().removesuffix(".gz").endswith(SUFFIXES))
        if not inside:
            raise InputError(
                f"{path}: no FASTA file in this folder; expected names that end in {', '.join(SUFFIXES)}"
            )
        found += inside
    return found


def collect(paths: Iterable[Path | str], wanted: Container[str] | None = None) -> Collected:
    """Return the records of files and folders by key; only those in `wanted`, where it is given.

    Only wanted records are held in memory, so a whole UniProt release will do. A key with a flawed record or
    with two different sequences has no usable record: nobody can tell which one was meant.

    Raises
    ------
    InputError
        As `read` and `files`.
    """
    records: dict[str, Record] = {}
    flaws: dict[str, Flaw] = {}
    for path in files(paths):
        for record in read(path, wanted):
            if isinstance(record, Flaw):
                flaws.setdefault(record.key, record)
                continue
            first = records.setdefault(record.key, record)
            if first.sequence != record.sequence:
                reason = (
                    f"{record.file}, line {record.line}: {record.key} has another sequence here than in "
                    f"{first.file}, line {first.line}; keep one of them"
                )
                flaws.setdefault(record.key, Flaw(record.key, "duplicate_sequence", reason))
    return Collected({key: record for key, record in records.items() if key not in flaws}, flaws)


def parse_header(header: str) -> tuple[str, str | None, int | None]:
    """Return key, description and taxon of a header; the key is empty where there is no printable one."""
    word, _, rest = header.partition(" ")
    word, _, tail = word.partition("\t")
    parts = word.split("|")
    key = parts[1] if parts[0] in ("sp", "tr") and len(parts) > 1 else word
    if not key.isprintable():
        key = ""
    description = f"{tail} {rest}".split(" OS=")[0].strip() or None
    taxid = int(found[1]) if (found := _TAXID.search(rest)) else None
    if match := _decorated(key):
        return match["key"], description, int(match["taxid"]) if match["taxid"] else taxid
    return key, description, taxid


def plain_key(key: str) -> str:
    """Return an Ensembl or RNAcentral identifier without taxon and version; any other as it is."""
    return match["key"] if (match := _decorated(key)) else key


def _decorated(key: str) -> re.Match[str] | None:
    return _URS.fullmatch(key) or _ENSEMBL.fullmatch(key)


def _what_is_wrong(key: str, sequence: str, block: Block) -> str | None:
    """Return line and defect of a record, or None where it has none."""
    if not key:
        return f"line {block.line}: the header {shorten('>' + block.header)!r} has no identifier"
    if not sequence:
        return f"line {block.line}: {key} has no sequence"
    if sequence.isalpha() and sequence.isascii():
        return None
    number, letter = next(
        (number, letter)
        for number, line in block.body
        for letter in line
        if not (letter.isascii() and letter.isalpha()) and not letter.isspace()
    )
    return f"line {number}: {key} has {letter!r} in its sequence ({_HINTS.get(letter, _VALID_LETTERS)})"

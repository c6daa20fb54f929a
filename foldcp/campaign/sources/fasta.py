"""FASTA files: streamed, checked, and read by the identifiers that biologists' headers carry.

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

import gzip
import re
import zlib
from collections.abc import Container, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from foldcp.errors import InputError

SUFFIXES = (".fasta", ".fa", ".faa", ".fna", ".fas", ".fsa")
_GZIP = b"\x1f\x8b"
_URS = re.compile(r"(?P<key>URS[0-9A-F]{10})(?:_(?P<taxid>[0-9]{1,9}))?")
_ENSEMBL = re.compile(r"(?:(?P<taxid>[0-9]{1,9})\.)?(?P<key>ENS[A-Z]*P[0-9]{11})(?:\.[0-9]+)?")
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


class Block(NamedTuple):
    """A header and the lines under it, before anything is made of them."""

    line: int
    header: str
    body: list[tuple[int, str]]
    """Line numbers and text, blank lines left out."""


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line numbers (from 1) and lines of a UTF-8 text file, plain or gzip, without line ends.

    Raises
    ------
    InputError
        If the file cannot be opened, is not UTF-8, or is a damaged or truncated gzip file.
    """
    number = 0
    try:
        with path.open("rb") as raw:
            stream = gzip.open(raw) if raw.peek(2)[:2] == _GZIP else raw  # noqa: SIM115
            for number, line in enumerate(stream, start=1):
                yield number, line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}, line {number}: not UTF-8 text ({error.reason})") from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(
            f"{path}, after line {number}: the gzip file is truncated or damaged ({error}); copy it again"
        ) from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None


def blocks(path: Path, comment: str | None = None) -> Iterator[Block]:
    """Yield each header with its lines; lines that start with `comment` are skipped.

    Raises
    ------
    InputError
        If the file holds no record, or text before the first header.
    """
    current: Block | None = None
    for number, line in lines(path):
        text = line.strip()
        if not text or (comment and text.startswith(comment)):
            continue
        if text.startswith(">"):
            if current:
                yield current
            current = Block(number, text[1:].strip(), [])
        elif current is None:
            raise InputError(
                f"{path}, line {number}: expected a header that starts with '>', got {_shorten(text)!r}; "
                "is this a FASTA file?"
            )
        else:
            current.body.append((number, text))
    if current is None:
        raise InputError(f"{path}, line 1: the file holds no FASTA record")
    yield current


def read(path: Path | str) -> Iterator[Record]:
    """Yield the records of one FASTA file, plain or gzip.

    Raises
    ------
    InputError
        Naming file and line: no header, no identifier, no sequence, or a letter that is none.
    """
    path = Path(path)
    for block in blocks(path):
        key, description, taxid = parse_header(path, block)
        yield Record(key, _sequence(path, key, block), description, taxid, path.name, block.line)


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


def collect(paths: Iterable[Path | str], wanted: Container[str] | None = None) -> dict[str, Record]:
    """Return the records of files and folders by key; only those in `wanted`, where it is given.

    Every record is checked, but only wanted ones are held in memory, so a whole UniProt release will do.

    Raises
    ------
    InputError
        As `read` and `files`; also if one key has two different sequences.
    """
    held: dict[str, Record] = {}
    for path in files(paths):
        for record in read(path):
            if wanted is not None and record.key not in wanted:
                continue
            first = held.setdefault(record.key, record)
            if first.sequence != record.sequence:
                raise InputError(
                    f"{path}, line {record.line}: {record.key} has another sequence here than in "
                    f"{first.file}, line {first.line}; keep one of them"
                )
    return held


def parse_header(path: Path, block: Block) -> tuple[str, str | None, int | None]:
    """Return key, description and taxon of a header.

    Raises
    ------
    InputError
        If the header has no printable identifier.
    """
    word, _, rest = block.header.partition(" ")
    word, _, tail = word.partition("\t")
    parts = word.split("|")
    key = parts[1] if parts[0] in ("sp", "tr") and len(parts) > 1 else word
    if not key or not key.isprintable():
        raise InputError(
            f"{path}, line {block.line}: the header {_shorten('>' + block.header)!r} has no identifier"
        )
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


def _sequence(path: Path, key: str, block: Block) -> str:
    text = "".join(part for _, line in block.body for part in line.split()).upper().removesuffix("*")
    if not text:
        raise InputError(f"{path}, line {block.line}: {key} has no sequence")
    if not (text.isalpha() and text.isascii()):
        _explain_letters(path, key, block)
    return text


def _explain_letters(path: Path, key: str, block: Block) -> None:
    for number, line in block.body:
        for letter in line:
            if not (letter.isascii() and letter.isalpha()) and not letter.isspace():
                hint = {
                    "*": "a stop inside the sequence: translate the reading frame again",
                    "-": "a gap: this looks like an alignment, which belongs in msa.directory",
                    ".": "a gap: this looks like an alignment, which belongs in msa.directory",
                }.get(letter, "valid: A to Z, upper or lower case")
                raise InputError(f"{path}, line {number}: {key} has {letter!r} in its sequence ({hint})")


def _shorten(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."

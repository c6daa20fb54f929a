"""Text files of sequences, streamed: lines of a plain, gzip or zstd file, and the records in them."""

import gzip
import io
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, NamedTuple, cast

import pyarrow as pa

from foldcp.errors import InputError, UnreadableError

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"


class Block(NamedTuple):
    """A header and the lines under it, before anything is made of them."""

    line: int
    header: str
    body: list[tuple[int, str]]
    """Line numbers and text, blank lines left out."""


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line numbers (from 1) and lines of a UTF-8 text file, plain, gzip or zstd, without line ends.

    Raises
    ------
    UnreadableError
        If the file cannot be opened or read.
    InputError
        If it is not UTF-8, or is damaged or truncated.
    """
    number, packed = 0, "file"
    try:
        with path.open("rb") as raw:
            packed, stream = _unpacked(raw)
            for number, line in enumerate(stream, start=1):
                yield number, line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}, line {number}: not UTF-8 text ({error.reason})") from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(_damaged(path, number, packed, error)) from None
    except OSError as error:
        # Arrow's zstd speaks through errors that have no number.
        if packed == "zstd file" and error.errno is None:
            raise InputError(_damaged(path, number, packed, error)) from None
        raise UnreadableError(f"{path}: cannot be read: {error.strerror or error}") from None


def _unpacked(raw: io.BufferedReader) -> tuple[str, IO[bytes]]:
    """Return what the file is, and its text as bytes."""
    start = raw.peek(4)[:4]
    if start.startswith(_GZIP):
        return "gzip file", cast(IO[bytes], gzip.open(raw))
    if start == _ZSTD:
        return "zstd file", io.BufferedReader(cast(io.RawIOBase, pa.CompressedInputStream(raw, "zstd")))
    return "file", raw


def _damaged(path: Path, line: int, packed: str, error: Exception) -> str:
    return f"{path}, after line {line}: the {packed} is truncated or damaged ({error}); copy it again"


def blocks(
    numbered: Iterable[tuple[int, str]], path: Path | str, comment: str | None = None
) -> Iterator[Block]:
    """Yield each header with its lines; lines that start with `comment` are skipped.

    Parameters
    ----------
    numbered
        Lines and their numbers, as `lines` yields them.
    path
        What to call the file in errors.

    Raises
    ------
    InputError
        If there is no record, or text before the first header.
    """
    current: Block | None = None
    for number, line in numbered:
        text = line.strip()
        if not text or (comment and text.startswith(comment)):
            continue
        if text.startswith(">"):
            if current:
                yield current
            current = Block(number, text[1:].strip(), [])
        elif current is None:
            raise InputError(
                f"{path}, line {number}: expected a header that starts with '>', got {shorten(text)!r}; "
                "is this a FASTA file?"
            )
        else:
            current.body.append((number, text))
    if current is None:
        raise InputError(f"{path}, line 1: the file holds no FASTA record")
    yield current


def shorten(text: str) -> str:
    """Return the beginning of a text, for a message."""
    return text if len(text) <= 40 else text[:37] + "..."

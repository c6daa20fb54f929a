"""Text out of the files that databases hand out: plain or gzip, in UTF-8, UTF-16 or Latin-1."""

import codecs
import contextlib
import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from foldcp.errors import InputError

_GZIP, _ZIP, _XLS = b"\x1f\x8b", b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_LATIN1 = "latin-1"
_CHUNK = 1 << 20


def read_text(path: Path) -> tuple[str, bool]:
    """Return the text of a table and whether its encoding had to be guessed as Latin-1.

    Raises
    ------
    InputError
        If the file cannot be read, is damaged, or is an archive or a workbook instead of text.
    """
    with _reading(path):
        data = path.read_bytes()
        if data.startswith(_GZIP):
            data = gzip.decompress(data)
    encoding = _encoding(path, iter([data]))
    return data.decode(encoding, errors="replace"), encoding == _LATIN1


def text_opener(path: Path) -> Callable[[], TextIO]:
    """Return what opens a table at its beginning, as often as it is called, for files larger than the memory.

    The file is read once, so that damage shows here.

    Raises
    ------
    InputError
        As `read_text`.
    """
    with _reading(path):
        with path.open("rb") as raw:
            zipped = raw.read(len(_GZIP)) == _GZIP
        with _open_bytes(path, zipped) as data:
            encoding = _encoding(path, iter(partial(data.read, _CHUNK), b""))
    return lambda: io.TextIOWrapper(_open_bytes(path, zipped), encoding, errors="replace", newline="")


def _open_bytes(path: Path, zipped: bool) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path)) if zipped else path.open("rb")


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{path}: damaged gzip file ({error}); download it again") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None


def _encoding(path: Path, chunks: Iterator[bytes]) -> str:
    """Return the encoding of a file from all of its bytes."""
    first = next(chunks, b"")
    if first.startswith((_ZIP, _XLS)):
        raise InputError(
            f"{path}: this is a ZIP archive or an Excel workbook, not text; "
            "unzip it, or save it as CSV or tab-separated text"
        )
    found = "utf-16" if first.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        if found == "utf-8-sig":
            decoder.decode(first)
            for chunk in chunks:
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        # Every byte sequence is valid Latin-1, so accents may come out wrong; accessions never do.
        found = _LATIN1
    for _ in chunks:
        pass
    return found

"""Text out of the files that databases hand out: plain or gzip, in UTF-8, UTF-16 or Latin-1."""

import gzip
import zlib
from pathlib import Path

from foldcp.errors import InputError

_GZIP, _ZIP, _XLS = b"\x1f\x8b", b"PK\x03\x04", b"\xd0\xcf\x11\xe0"


def read_text(path: Path) -> tuple[str, bool]:
    """Return the text of a table and whether its encoding had to be guessed as Latin-1.

    Raises
    ------
    InputError
        If the file cannot be read, is damaged, or is an archive or a workbook instead of text.
    """
    data = _read_bytes(path)
    if data.startswith((_ZIP, _XLS)):
        raise InputError(
            f"{path}: this is a ZIP archive or an Excel workbook, not text; "
            "unzip it, or save it as CSV or tab-separated text"
        )
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace"), False
    try:
        return data.decode("utf-8-sig"), False
    except UnicodeDecodeError:
        # Every byte sequence is valid Latin-1, so accents may come out wrong; accessions never do.
        return data.decode("latin-1"), True


def _read_bytes(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    if not data.startswith(_GZIP):
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: damaged gzip file ({error}); download it again") from None

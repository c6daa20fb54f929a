"""Names that are safe as file and folder names on every system."""

import hashlib
import re

MAX_ID = 80
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_RESERVED = frozenset({"ledger"})
"""Folders that a campaign keeps beside those of its complexes."""


def safe_id(text: str) -> str:
    """Return `text` as a file name: letters, digits, `.`, `_` and `-`, at most 80, not hidden, no option.

    A text that had to be changed gets eight digits of its hash, so that different texts stay different.
    """
    safe = _UNSAFE.sub("-", text).lstrip(".-")
    if safe == text and 0 < len(safe) <= MAX_ID and safe.lower() not in _RESERVED:
        return safe
    # A file name that is no valid UTF-8 reaches Python with surrogates in it.
    digest = hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:8]
    return f"{safe[: MAX_ID - 9].rstrip('.-') or 'id'}-{digest}"

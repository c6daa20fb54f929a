"""Names that are safe as file and folder names on every system."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence

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


def distinct_ids(wanted: Sequence[str], taken: Iterable[str] = ()) -> list[str]:
    """Return a safe identifier for each of `wanted`, distinct even where a file system ignores case.

    Parameters
    ----------
    wanted
        Texts; a repeated one gets a number, but never one that makes it the identifier of another text.
    taken
        Identifiers that are used already.
    """
    names = [safe_id(text) for text in wanted]
    used = {name.lower() for name in taken}
    reserved = used | {name.lower() for name in names}
    copies: Counter[str] = Counter()
    found = []
    for name in names:
        candidate = name
        while candidate.lower() in used or (candidate != name and candidate.lower() in reserved):
            copies[name.lower()] += 1
            suffix = f"-{copies[name.lower()] + 1}"
            candidate = name[: MAX_ID - len(suffix)] + suffix
        used.add(candidate.lower())
        found.append(candidate)
    return found

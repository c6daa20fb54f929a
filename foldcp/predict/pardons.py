"""Pardons: from when on the tries of a complex count. Imports no torch.

A pardon changes no attempt. Attempts that were submitted before the newest pardon of their complex count
towards no limit any more; everything else in the ledger stays as it is.
"""

import contextlib
import json
import os
import socket
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from foldcp.names import safe_id
from foldcp.predict.ledger import Attempt, now
from foldcp.tables.files import append_line, make_folder

_FOLDER = "pardons"


def pardon(ledger: Path, names: Iterable[str]) -> None:
    """Pardon complexes from now on.

    Parameters
    ----------
    ledger
        Folder of the ledger's event files. Each process writes to a file of its own, as in the ledger.
    names
        Complexes.

    Raises
    ------
    WriteError
        If the pardon cannot be written.
    """
    make_folder(ledger / _FOLDER)
    path = ledger / _FOLDER / f"{safe_id(socket.gethostname())}-{os.getpid()}.jsonl"
    append_line(path, json.dumps({"pardoned": sorted(names), "at": now().isoformat()}))


def pardons(ledger: Path) -> dict[str, datetime]:
    """Return when each pardoned complex was pardoned last."""
    found: dict[str, datetime] = {}
    for path in (ledger / _FOLDER).glob("*.jsonl"):
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            # Only a killed process leaves a line that is no JSON; it has not pardoned anybody.
            with contextlib.suppress(json.JSONDecodeError):
                event = json.loads(line)
                at = datetime.fromisoformat(event["at"])
                found |= {name: max(at, found.get(name, at)) for name in event["pardoned"]}
    return found


def is_forgotten(attempt: Attempt, pardoned: Mapping[str, datetime]) -> bool:
    """Return whether an attempt counts no more, because its complex was pardoned after it was submitted."""
    at = pardoned.get(attempt["complex_id"])
    return at is not None and attempt["submitted_at"] < at

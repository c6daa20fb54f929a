"""The ledger: what happened to every attempt to predict a complex.

Each process appends JSON lines to a file of its own, so that writers never share a file (appends to one file
are not atomic on network filesystems), and syncs every line, so that a killed process loses at most the line
it was writing. An attempt is the union of all lines that carry its `attempt` id: the process that runs it
writes one line when it starts and one when it finishes. If that process dies in between, the follower of the
job writes the missing outcome (:func:`close`), and for a complex whose job died before its turn it writes
the whole attempt. Reading a folder therefore gives the truth at any time, from any terminal.
"""

import contextlib
import json
import os
import socket
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from foldcp.names import safe_id
from foldcp.tables.rows import rows_to_table
from foldcp.tables.schemas import LEDGER

_TIMES = ("submitted_at", "started_at", "finished_at")

Attempt = dict[str, Any]


def now() -> datetime:
    """Return the current time, in UTC."""
    return datetime.now(UTC)


def new_attempt() -> str:
    """Return the id of an attempt that is about to start."""
    return uuid.uuid4().hex


class Ledger:
    """The part of the ledger that this process writes.

    Parameters
    ----------
    folder
        Folder of all ledger files of a campaign.
    writer
        Who writes, e.g. ``0000512-00003`` for shard 3 of a bin; host and process id are added.
    common
        Values that every attempt of this process shares: bin, mesh, seed, ...
    """

    def __init__(self, folder: Path, writer: str, **common: Any) -> None:
        self._common = {"host": socket.gethostname(), "pid": os.getpid(), **common}
        parts = [writer, self._common["host"], str(os.getpid()), str(common.get("job_id") or "")]
        name = "-".join(safe_id(part) for part in parts if part)
        self._path = folder / f"{name}.jsonl"
        self._file: int | None = None

    def start(self, attempt: str, **values: Any) -> None:
        """Record that an attempt starts now, under an id from :func:`new_attempt`."""
        self._record({"attempt": attempt, "started_at": now(), **self._common, **values})

    def warned(self, attempt: str) -> None:
        """Record that the process of an attempt was told to end; how it ends is not known yet."""
        self._record({"attempt": attempt, "warned_at": now()})

    def finish(
        self, attempt: str, outcome: str, message: str | None = None, cause: str | None = None, **values: Any
    ) -> None:
        """Record how an attempt ended; the cause is the outcome, unless something finer is known."""
        end = {"outcome": outcome, "cause": cause or outcome, "message": message}
        self._record({"attempt": attempt, "finished_at": now(), **end, **values})

    def never_started(self, outcome: str, message: str, cause: str, **values: Any) -> None:
        """Record the outcome of a complex whose job ended before its turn came."""
        self.finish(new_attempt(), outcome, message, cause, **self._common, **values)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _record(self, event: dict[str, Any]) -> None:
        line = json.dumps(event, default=lambda value: value.isoformat()).encode() + b"\n"
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            # Not buffered by Python: a signal handler may write while the main thread is writing.
            self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            # An earlier process with the same name may have been killed in the middle of a line.
            line = b"\n" + line
        while line:
            line = line[os.write(self._file, line) :]
        os.fsync(self._file)


def attempts(folder: Path, size_bin: str | None = None) -> list[Attempt]:
    """Return every attempt recorded in `folder` (of one bin, or of all), oldest first.

    An attempt that has started and not ended has no ``outcome``. Times are `datetime` values in UTC.
    """
    merged: dict[str, Attempt] = {}
    for path in sorted(folder.glob(f"{size_bin}-*.jsonl" if size_bin else "*.jsonl")):
        for event in _events(path):
            merged.setdefault(event["attempt"], {}).update(event)
    found = [_with_durations(attempt) for attempt in merged.values() if "complex_id" in attempt]
    return sorted(found, key=_age)


def latest(found: Iterable[Attempt]) -> dict[str, Attempt]:
    """Return the last attempt at each complex, by `complex_id`, from attempts in order of age."""
    return {attempt["complex_id"]: attempt for attempt in found}


def compact(found: Iterable[Attempt]) -> pa.Table:
    """Return ended attempts as a table of the LEDGER schema; attempts without an outcome are left out."""
    names = set(LEDGER.schema.names)
    ended = (attempt for attempt in found if "outcome" in attempt)
    return rows_to_table(LEDGER, ({k: v for k, v in attempt.items() if k in names} for attempt in ended))


def _events(path: Path) -> Iterable[dict[str, Any]]:
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            # Only a killed process leaves a line that is no JSON; what it was saying is lost by definition.
            with contextlib.suppress(json.JSONDecodeError):
                event = json.loads(line)
                yield event | {k: datetime.fromisoformat(event[k]) for k in _TIMES if event.get(k)}


def _with_durations(attempt: Attempt) -> Attempt:
    if "started_at" in attempt and "finished_at" in attempt:
        attempt["wall_seconds"] = (attempt["finished_at"] - attempt["started_at"]).total_seconds()
    return attempt


def _age(attempt: Attempt) -> datetime:
    return attempt.get("started_at") or attempt["finished_at"]

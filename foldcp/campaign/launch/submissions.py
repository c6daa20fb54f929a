"""The record of what has been submitted for a bin and is not settled yet, so that nothing is submitted twice.

A campaign's process that is killed leaves jobs that go on in SLURM. Its successor reads here which they are.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from foldcp.predict.shard import ShardSpec
from foldcp.tables.files import append_line, make_folder


@dataclass(frozen=True)
class Submitted:
    """A job: the launcher that has it, and its id there."""

    launcher: str
    job: str


class Submissions:
    """Submitted jobs of one bin, in an append-only file.

    Parameters
    ----------
    path
        The file. It need not exist.
    """

    def __init__(self, path: Path) -> None:
        make_folder(path.parent)
        self._path = path

    def add(self, launcher: str, jobs: Mapping[Path, str]) -> None:
        """Record jobs submitted by a launcher: file of the shard to id of its job."""
        self._append({"launcher": launcher, "submitted": {str(spec): job for spec, job in jobs.items()}})

    def settle(self, spec: Path) -> None:
        """Record that every complex of a job has its outcome."""
        self._append({"settled": str(spec)})

    def open(self) -> dict[Path, Submitted]:
        """Return the jobs that nobody has settled, by the file of their shard."""
        found: dict[Path, Submitted] = {}
        if not self._path.is_file():
            return found
        for line in self._path.read_text(encoding="utf-8").splitlines():
            event = _event(line)
            for spec, job in event.get("submitted", {}).items():
                found[Path(spec)] = Submitted(event["launcher"], job)
            found.pop(Path(event.get("settled", "")), None)
        return found

    def _append(self, event: Mapping[str, object]) -> None:
        append_line(self._path, json.dumps(event))


def _event(line: str) -> dict:
    try:
        event = json.loads(line)
    except json.JSONDecodeError:  # a killed process leaves at most one such line
        return {}
    return event if isinstance(event, dict) else {}


def readable(path: Path) -> ShardSpec | None:
    """Return the shard in a file, or None if the file is gone, half written, or of another version."""
    try:
        return ShardSpec.read(path)
    except (OSError, ValueError, KeyError, TypeError):
        return None

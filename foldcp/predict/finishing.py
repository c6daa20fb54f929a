"""From folded samples to a prediction that counts as done: files, and the completion marker last."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foldcp.predict import markers, writer
from foldcp.predict.engine import Folded
from foldcp.predict.targets import Target
from foldcp.tables.files import writing


@dataclass(frozen=True)
class Unfinished:
    """A complex that is folded and not yet written. It can be pickled, and finished in another process.

    Attributes
    ----------
    target
        The complex.
    directory, staged
        Its folder, and the folder inside, where files are until all of them are written. Error matrices are
        there already.
    folded, structure
        What the engine returned, and Boltz's `StructureV2` whose atoms the coordinates belong to.
    run_key, facts
        What goes into the completion marker.
    seconds
        What the complex has taken so far.
    """

    target: Target
    directory: Path
    staged: Path
    folded: Folded
    structure: Any
    run_key: str
    facts: Mapping[str, Any]
    seconds: float


@dataclass(frozen=True)
class Finished:
    """What a process that finishes complexes says of one: the error, or None if it is done."""

    error: Exception | None


def finish(work: Unfinished) -> None:
    """Write a prediction and mark it as done. Nothing is left of one that fails.

    Raises
    ------
    WriteError
        If the files cannot be written, because the disk is full for instance.
    """
    started, name = time.monotonic(), work.target.id
    try:
        with writing(work.staged):
            writer.write(work.folded, work.structure, name, work.staged, work.facts["note"])
            files = writer.publish(work.staged, work.directory, name, work.target.input)
    finally:
        writer.discard(work.staged)
    seconds = work.seconds + time.monotonic() - started
    facts = {**work.facts, "wall_seconds": round(seconds, 3)}
    markers.write_marker(work.directory, work.run_key, files, facts)

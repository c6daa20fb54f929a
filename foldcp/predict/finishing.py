"""From folded samples to a prediction that counts as done: files, scores, and the completion marker last."""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foldcp.errors import InputError, WriteError
from foldcp.predict import markers, writer
from foldcp.predict.engine import Folded
from foldcp.predict.targets import Target
from foldcp.scores import read_prediction, score
from foldcp.tables.files import writing

_log = logging.getLogger(__name__)


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
    """Write a prediction, score it and mark it as done. Nothing is left of one that fails.

    Raises
    ------
    WriteError
        If the files cannot be written, because the disk is full for instance.
    """
    started, name = time.monotonic(), work.target.id
    try:
        with writing(work.staged):
            writer.write(work.folded, work.structure, name, work.staged, work.facts["note"])
            _score(work.staged, name)
            files = writer.publish(work.staged, work.directory, name, work.target.input)
    finally:
        writer.discard(work.staged)
    seconds = work.seconds + time.monotonic() - started
    facts = {**work.facts, "wall_seconds": round(seconds, 3)}
    markers.write_marker(work.directory, work.run_key, files, facts)


def _score(staged: Path, name: str) -> None:
    """Put the scores beside the files they come from; a prediction without is as good, and is logged."""
    try:
        score(read_prediction(staged)).save(staged / writer.scores_file(name))
    except WriteError:
        raise
    except Exception as error:  # even a defect: what took hours to fold is not lost for it
        # The stage that gathers scores meets the error again, and says so in its table.
        trace = not isinstance(error, InputError)
        _log.warning("%s is predicted, but cannot be scored: %s", name, error, exc_info=trace)

"""One shard: a process per rank that loads the model once and works through its list of complexes.

A complex that fails is recorded with its typed outcome, and the next one follows. A complex that takes the
whole process down (the kernel's out-of-memory killer, a segmentation fault) leaves an attempt in the ledger
that started and never ended. When the shard runs again such a *suspect* comes last, so that it cannot cost
another complex its turn, and after `MAX_DEATHS` deaths it is recorded as crashed and not tried again with
the same input, settings and weights. A job that runs again under its own id was requeued by the scheduler
(preempted, its node lost), which is no fault of the complex it was at.
"""

import dataclasses
import json
import sys
import traceback
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

from foldcp.errors import FoldcpError
from foldcp.predict.ledger import Attempt, Ledger, attempts, new_attempt, now
from foldcp.predict.markers import is_done
from foldcp.predict.outcomes import Outcome, RankError, classify
from foldcp.predict.settings import Settings
from foldcp.predict.targets import Target
from foldcp.tables.files import atomic_write
from foldcp.tables.provenance import code_version

MAX_DEATHS = 2
"""A complex that has killed this many processes is not tried again."""


@dataclasses.dataclass(frozen=True)
class ShardTarget:
    """One complex of a shard.

    Attributes
    ----------
    id, input, input_key
        As in :class:`foldcp.predict.targets.Target`.
    run_key
        What a valid completion marker must carry (:func:`foldcp.predict.markers.run_key`).
    predicted_peak_bytes, predicted_seconds
        What the plan expects.
    """

    id: str
    input: Path
    input_key: str
    run_key: str
    predicted_peak_bytes: int
    predicted_seconds: float


@dataclasses.dataclass(frozen=True)
class ShardSpec:
    """The work of one shard, as its process reads it from a file.

    Attributes
    ----------
    bin, shard
        Size bin, and number of the shard in it.
    targets
        Complexes, longest first.
    settings
        How to predict.
    predictions, ledger
        Folders to write to.
    submitted_at
        When the job was submitted.
    """

    bin: str
    shard: int
    targets: tuple[ShardTarget, ...]
    settings: Settings
    predictions: Path
    ledger: Path
    submitted_at: datetime

    def write(self, path: Path) -> None:
        """Write the specification to a JSON file."""
        with atomic_write(path, "w") as handle:
            values = dataclasses.asdict(self) | {"settings": self.settings.to_json()}
            json.dump(values, handle, indent=1, default=str)

    @classmethod
    def read(cls, path: Path) -> "ShardSpec":
        """Read what :meth:`write` wrote."""
        values = json.loads(path.read_text(encoding="utf-8"))
        values["targets"] = tuple(
            ShardTarget(**target | {"input": Path(target["input"])}) for target in values["targets"]
        )
        values["settings"] = Settings.from_json(values["settings"])
        values["submitted_at"] = datetime.fromisoformat(values["submitted_at"])
        return cls(**values | {k: Path(values[k]) for k in ("predictions", "ledger")})

    def common(self) -> dict[str, Any]:
        """Return the ledger values that all attempts of this shard share."""
        return {
            "bin": self.bin,
            "shard": self.shard,
            "mesh": "x".join(map(str, self.settings.mesh)),
            "seed": self.settings.seed,
            "samples": self.settings.samples,
            "submitted_at": self.submitted_at,
            "foldcp_version": code_version(),
        }

    def writer(self) -> str:
        """Return the ledger name of this shard's processes."""
        return f"{self.bin}-{self.shard:05d}"


def planned(target: ShardTarget) -> dict[str, Any]:
    """Return the ledger values of an attempt at `target` that are known before it starts."""
    values = {k: v for k, v in dataclasses.asdict(target).items() if k not in ("id", "input")}
    return {"complex_id": target.id, **values}


class Shard:
    """A shard at work.

    Parameters
    ----------
    spec
        What to do.
    job_id
        Job that runs it, for the ledger.
    """

    def __init__(self, spec: ShardSpec, job_id: str | None = None) -> None:
        self._spec, self._job_id = spec, job_id
        self._queue_seconds = (now() - spec.submitted_at).total_seconds()
        self._ledger = Ledger(
            spec.ledger, spec.writer(), **spec.common(), job_id=job_id, queue_seconds=self._queue_seconds
        )
        self._session: Any = None
        self._current: str | None = None
        self._leaving = False
        self._position = 0

    def run(self) -> None:
        """Predict every complex that is not done. A failing complex is recorded, and the next one follows."""
        todo = [t for t in self._spec.targets if not is_done(self._spec.predictions / t.id, t.run_key)]
        self._position = len(self._spec.targets) - len(todo)
        deaths = _deaths(self._spec, self._job_id)
        try:
            for target in sorted(todo, key=lambda t: deaths[t.id]):
                self._position += 1
                if deaths[target.id] < MAX_DEATHS:
                    self._attempt(target)
                else:
                    message = f"ended its process {deaths[target.id]} times without a word; not tried again"
                    self._ledger.never_started(Outcome.CRASHED, message, **planned(target))
                    self._say(target, f"{Outcome.CRASHED}: {message}")
        finally:
            if self._session is not None:
                self._session.close()
        self._ledger.close()

    def leave(self, outcome: Outcome, message: str) -> None:
        """Close the current attempt because the process must end now. Safe in a signal handler."""
        self._leaving = True
        if self._current is not None:
            attempt, self._current = self._current, None
            self._ledger.finish(attempt, outcome, message)

    def _attempt(self, target: ShardTarget) -> None:
        session = self._load()
        started = now()
        # A signal may come at any line: set before the start is recorded, cleared before the end is.
        self._current = attempt = new_attempt()
        self._ledger.start(
            attempt, **planned(target), device=session.device_name, weights_sha256=session.weights_sha256
        )
        outcome, message = Outcome.DONE, None
        try:
            session.predict(Target(target.id, target.input, target.input_key), self._spec.predictions)
        except Exception as error:
            if self._leaving:  # submitit ends a job by raising out of its signal handler
                raise
            outcome, message = classify(error)
            if not isinstance(error, FoldcpError):
                traceback.print_exc()
            if _device_lost(error):
                self.leave(outcome, message)
                raise
        self._current = None
        self._ledger.finish(attempt, outcome, message, peak_bytes=session.peak_bytes)
        self._say(
            target, f"{outcome} after {(now() - started).total_seconds():.1f} s {message or ''}".rstrip()
        )

    def _load(self) -> Any:
        # Lazily: a shard with nothing left to do must not pay for importing torch and loading weights.
        if self._session is None:
            from foldcp.predict.session import Session

            self._session = Session(self._spec.settings)
        return self._session

    def _say(self, target: ShardTarget, what: str) -> None:
        where = f"bin {self._spec.bin} shard {self._spec.shard}: {self._position}/{len(self._spec.targets)}"
        print(f"{where} {target.id} {what}", file=sys.stderr, flush=True)


def run_shard(spec: ShardSpec, job_id: str | None = None) -> None:
    """Work through a shard in this process.

    Raises
    ------
    Exception
        Only for what concerns the whole shard: the model cannot be loaded, or the GPU is lost.
    """
    Shard(spec, job_id).run()


def _deaths(spec: ShardSpec, job_id: str | None) -> Counter[str]:
    """Return how many processes each complex has ended, with the same input, settings and weights."""
    keys = {target.id: target.run_key for target in spec.targets}

    def is_death(attempt: Attempt) -> bool:
        if attempt["run_key"] != keys.get(attempt["complex_id"]):
            return False
        if "outcome" in attempt:
            return bool(attempt.get("died"))
        return job_id is None or attempt["job_id"] != job_id

    return Counter(a["complex_id"] for a in attempts(spec.ledger, spec.bin) if is_death(a))


def _device_lost(error: Exception) -> bool:
    # After any other CUDA error the context of this process is unusable: every later complex would fail too.
    # Ranks are processes of their own, which the next complex starts afresh.
    text = "" if isinstance(error, RankError) else str(error)
    return "CUDA error" in text and "out of memory" not in text

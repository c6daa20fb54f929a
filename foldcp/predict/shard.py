"""One shard: a process per rank that loads the model once and works through its list of complexes.

A complex that fails is recorded with its typed outcome, and the next one follows. A complex that takes the
whole process down (the kernel's out-of-memory killer, a segmentation fault) leaves an attempt in the ledger
that started and never ended. Whatever has been tried before comes last, so that it cannot cost another
complex its turn. A job that runs again under its own id was requeued by the scheduler: with a warning, and
then its attempts are closed (`Shard.leave`), or without one, because its machine failed.

A shard may be at two complexes: one that the model folds, and the one before it, whose files are still being
written (`foldcp.predict.behind`). Each has its own attempt, and its own end.
"""

import dataclasses
import json
import sys
import traceback
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from foldcp.errors import FoldcpError
from foldcp.predict import retries
from foldcp.predict.ledger import Attempt, Ledger, attempts, new_attempt, now
from foldcp.predict.markers import is_done
from foldcp.predict.outcomes import KeeperError, Outcome, RankError, cause_of, classify
from foldcp.predict.pardons import is_forgotten, pardons
from foldcp.predict.settings import Settings
from foldcp.predict.targets import Target
from foldcp.tables.files import atomic_write
from foldcp.tables.provenance import code_version

_GIB = 2**30


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
    role
        Why it is predicted, for the ledger: input, decoy, known or candidate.
    msa_rows
        Most rows of its alignment that are read, where the plan cuts it; else None.
    """

    id: str
    input: Path
    input_key: str
    run_key: str
    predicted_peak_bytes: int
    predicted_seconds: float
    role: str | None = None
    msa_rows: int | None = None

    def to_predict(self) -> Target:
        """Return what the session wants to know of it."""
        return Target(self.id, self.input, self.input_key, self.msa_rows)


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
    limits
        How often one complex is tried, by what ended its tries (:mod:`foldcp.predict.retries`).
    peak_correction
        Factor on the predicted peaks that the campaign has learnt.
    config_sha256
        Hash of the configuration, for the ledger.
    """

    bin: str
    shard: int
    targets: tuple[ShardTarget, ...]
    settings: Settings
    predictions: Path
    ledger: Path
    submitted_at: datetime
    limits: Mapping[str, int] = dataclasses.field(default_factory=dict)
    peak_correction: float = 1.0
    config_sha256: str | None = None

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
            "budget": self.settings.budget,
            "peak_correction": self.peak_correction,
            "config_sha256": self.config_sha256,
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


@dataclasses.dataclass(frozen=True)
class _Try:
    """An attempt under way: its id, its complex, the place of that in the list, and when it started."""

    id: str
    target: ShardTarget
    position: int
    started: datetime


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
        self._open: set[str] = set()
        self._leaving = False
        self._position = 0

    def run(self) -> None:
        """Predict every complex that is not done. A failing complex is recorded, and the next one follows."""
        todo = [t for t in self._spec.targets if not is_done(self._spec.predictions / t.id, t.run_key)]
        self._position = len(self._spec.targets) - len(todo)
        before = self._attempts_before(todo)
        order = sorted(todo, key=lambda target: len(before[target.id]))
        following = {target.id: after for target, after in pairwise(order)}
        try:
            for target in order:
                self._position += 1
                if self._has_ended(before[target.id]):
                    continue
                if reason := retries.exhausted(before[target.id], self._spec.limits):
                    last, message = before[target.id][-1], f"not tried again: {reason}"
                    cause = retries.cause_of(last)
                    self._ledger.never_started(last["outcome"], message, cause, **planned(target))
                    self._say(self._position, target, message)
                else:
                    self._attempt(target, following.get(target.id))
            if self._session is not None:
                self._session.wait()
        finally:
            if self._session is not None:
                self._session.close()
        self._ledger.close()

    def leave(self, outcome: Outcome, message: str, cause: str, grace: float | None = None) -> None:
        """Close the attempts under way because the process must end now. Safe in a signal handler.

        What is folded and being written gets a moment, or `grace` seconds, to end by itself.
        """
        self._leaving = True
        if self._session is not None:
            self._session.linger(grace)
        for attempt in list(self._open):
            self._close(attempt, outcome, message, cause)

    def warned(self) -> None:
        """Note that this process was told to end, as clusters do before they preempt or cancel a job."""
        for attempt in list(self._open):
            self._ledger.warned(attempt)

    def _close(self, attempt: str, outcome: str, message: str | None, cause: str, **measured: Any) -> bool:
        """Record how an attempt ended; return whether it was this call that did.

        A signal handler and the thread that waits for files may both want to, at any line of the other.
        """
        try:
            self._open.remove(attempt)
        except KeyError:
            return False
        self._ledger.finish(attempt, outcome, message, cause=cause, **measured)
        return True

    def _has_ended(self, before: list[Attempt]) -> bool:
        """Return whether this very job, before it was requeued, has come to an end that stands."""
        again = {*self._spec.limits, *retries.BLAMELESS}
        return any(
            a["submitted_at"] >= self._spec.submitted_at and retries.cause_of(a) not in again for a in before
        )

    def _attempts_before(self, todo: list[ShardTarget]) -> dict[str, list[Attempt]]:
        """Return attempts by complex since its pardon; those of this job that never ended are closed."""
        undone = {target.id for target in todo}
        keys = {target.id: target.run_key for target in self._spec.targets}
        before: dict[str, list[Attempt]] = {name: [] for name in keys}
        pardoned = pardons(self._spec.ledger)
        for attempt in attempts(self._spec.ledger, self._spec.bin):
            if attempt["run_key"] != keys.get(attempt["complex_id"]):
                continue
            if "outcome" not in attempt and attempt.get("job_id") == self._job_id:
                attempt |= (end := _end_of_requeued(attempt, attempt["complex_id"] not in undone))
                self._ledger.finish(attempt["attempt"], **end)
            if "outcome" in attempt and "started_at" in attempt and not is_forgotten(attempt, pardoned):
                before[attempt["complex_id"]].append(attempt)
        return before

    def _attempt(self, target: ShardTarget, following: ShardTarget | None) -> None:
        session = self._load()
        it = _Try(new_attempt(), target, self._position, now())
        # A signal may come at any line: noted before the start is recorded, forgotten before the end is.
        self._open.add(it.id)
        self._ledger.start(
            it.id, **planned(target), device=session.device_name, weights_sha256=session.weights_sha256
        )
        session.peaks = []  # those of the complex before, should this one never come to be folded
        try:
            self._check_memory(target, session.capacity_bytes)
            if following is not None:
                session.prepare_ahead(following.to_predict())
            folded = session.fold(target.to_predict(), self._spec.predictions)
        except Exception as error:
            if _ends_the_process(error) and not self._leaving:
                session.wait()  # the complex before has no part in this
                (outcome, message), cause = classify(error), cause_of(error)
                self.leave(outcome, message, "killed" if cause == Outcome.CRASHED else cause)
                raise
            self._end(it, _measured(session), error)
        else:
            session.finish_behind(folded, partial(self._end, it, _measured(session)))

    def _end(self, it: _Try, measured: dict[str, Any], error: Exception | None) -> None:
        """Record how an attempt ended: done, unless there is an error."""
        if error is not None and self._leaving and it.id not in self._open:
            raise error  # submitit ends a job by raising out of its signal handler
        outcome, message, cause = Outcome.DONE, None, str(Outcome.DONE)
        if error is not None:
            (outcome, message), cause = classify(error), cause_of(error)
            if not isinstance(error, FoldcpError | MemoryError):
                traceback.print_exception(error)
        if self._close(it.id, outcome, message, cause, **measured):
            seconds = (now() - it.started).total_seconds()
            self._say(it.position, it.target, f"{outcome} after {seconds:.1f} s {message or ''}".rstrip())

    def _check_memory(self, target: ShardTarget, capacity: int | None) -> None:
        # Before folding: a complex that cannot fit would fail after hours, or take other processes with it.
        expected = target.predicted_peak_bytes
        if capacity is not None and expected > capacity:
            raise MemoryError(
                f"the plan expects a peak of {expected / _GIB:.1f} GiB per rank on mesh "
                f"{'x'.join(map(str, self._spec.settings.mesh))} at budget {self._spec.settings.budget}, "
                f"and a rank has {capacity / _GIB:.1f} GiB; not tried"
            )

    def _load(self) -> Any:
        # Lazily: a shard with nothing left to do must not pay for importing torch and loading weights.
        if self._session is None:
            from foldcp.predict.session import Session

            self._session = Session(self._spec.settings)
        return self._session

    def _say(self, position: int, target: ShardTarget, what: str) -> None:
        where = f"bin {self._spec.bin} shard {self._spec.shard}: {position}/{len(self._spec.targets)}"
        print(f"{where} {target.id} {what}", file=sys.stderr, flush=True)


def run_shard(spec: ShardSpec, job_id: str | None = None) -> None:
    """Work through a shard in this process.

    Raises
    ------
    Exception
        Only for what concerns the whole shard: the model cannot be loaded, or the GPU is lost.
    """
    Shard(spec, job_id).run()


def _measured(session: Any) -> dict[str, Any]:
    return {"peak_bytes": session.peak_bytes, "rank_peaks": session.peaks, "hosts": session.hosts}


def _end_of_requeued(attempt: Attempt, done: bool) -> dict[str, Any]:
    """Return how an attempt ended whose job began anew before it could say so."""
    if done:  # the last of its files was its marker
        outcome, message = Outcome.DONE, None
    elif "warned_at" in attempt:
        outcome, message = Outcome.PREEMPTED, "the job was told to end, and began anew"
    else:
        outcome = Outcome.NODE_FAILURE
        message = "the job began anew without warning: its machine failed, or it was requeued by hand"
    return {"outcome": outcome, "message": message, "cause": str(outcome)}


def _ends_the_process(error: Exception) -> bool:
    if isinstance(error, RankError):  # ranks are processes of their own, which the next complex starts afresh
        return isinstance(error, KeeperError)
    # After any other CUDA error the context of this process is unusable: every later complex would fail too.
    return "CUDA error" in str(error) and "out of memory" not in str(error)

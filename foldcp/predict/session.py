"""A session: the model loaded once, targets predicted one after another, each exact and on its own."""

import math
import time
from pathlib import Path
from typing import Any

from foldcp import demo
from foldcp.errors import InputError
from foldcp.predict import checkpoint as checkpoints
from foldcp.predict import engine, markers, writer
from foldcp.predict.ahead import Ahead, Request
from foldcp.predict.behind import Behind, Ended
from foldcp.predict.document import read
from foldcp.predict.finishing import Unfinished, finish
from foldcp.predict.memory import smallest_share
from foldcp.predict.outcomes import NumericalError
from foldcp.predict.preparation import Preparation
from foldcp.predict.seeds import Seeds
from foldcp.predict.settings import Settings
from foldcp.predict.targets import Target
from foldcp.tables.files import writing


class Session:
    """A loaded model and its molecules.

    Parameters
    ----------
    settings
        How to predict.
    checkpoint
        The model, where it is already known; default: the one that the settings name.

    Attributes
    ----------
    settings
        How to predict.
    weights_sha256
        Hash of the checkpoint.
    device, device_name
        `cpu` or `cuda:0`; model of the GPU, or `cpu`.
    note
        What to say beside any score; None with trained weights.
    peaks
        Peak memory of each rank in what was folded last, failed or not, in bytes; None where nobody saw it.
        Empty if it did not fold.
    preparation
        Parsing and featurizing.

    Raises
    ------
    MissingError
        If weights, molecules or the device are not on this machine.
    """

    def __init__(self, settings: Settings, checkpoint: checkpoints.Checkpoint | None = None) -> None:
        self.settings = settings
        checkpoint = checkpoint or checkpoints.find(settings)
        self.weights_sha256 = checkpoint.sha256
        self.engine = engine.load(checkpoint.path, settings)
        self.device, self.device_name = self.engine.device, self.engine.device_name
        self.note = demo.NOTE if settings.demo else None
        self.peaks: list[int | None] = []
        self.preparation = Preparation(checkpoint.molecules, settings.deletions, settings.how_to_pair)
        self._ahead, self._behind = Ahead(self.preparation), Behind()

    @property
    def hosts(self) -> list[str]:
        """Hosts of the ranks, in order of rank, each once."""
        return list(dict.fromkeys(place.host for place in self.engine.places))

    @property
    def capacity_bytes(self) -> int | None:
        """Memory that every rank can have, on its GPU or its host; None if unknown."""
        return smallest_share(self.engine.places)

    @property
    def peak_bytes(self) -> int | None:
        """Peak memory of the worst rank in what was folded last; None if it did not fold."""
        return max((peak for peak in self.peaks if peak is not None), default=None)

    def prepare_ahead(self, target: Target) -> None:
        """Start to prepare a target that :meth:`predict` will be called for soon, and return at once.

        It is prepared in a process of its own, while this one folds, as soon as that is worth its start; the
        prediction is the same to the last bit, and an error of the input is raised when it is predicted.
        """
        settings = target.under(self.settings)
        self._ahead.ask(Request(target, settings.campaign, settings.seed, settings.msa_rows))

    def predict(self, target: Target, predictions: Path) -> None:
        """Predict one target.

        Writes `predictions/<id>/` in Boltz's layout, with the completion marker last. Files appear there only
        when all of them are written; until the marker follows, the folder does not count as done.

        Raises
        ------
        InputError
            If the input cannot be folded as written.
        NumericalError
            If a coordinate or a score is not finite.
        WriteError
            If the files cannot be written, because the disk is full for instance.
        Exception
            Whatever else goes wrong, e.g. out of memory; `foldcp.predict.outcomes.classify` sorts it.
        """
        finish(self.fold(target, predictions))

    def fold(self, target: Target, predictions: Path) -> Unfinished:
        """Fold one target, and return what :meth:`finish_behind` makes a prediction of.

        Raises
        ------
        InputError, NumericalError, WriteError, Exception
            As :meth:`predict`.
        """
        started, self.peaks = time.monotonic(), []
        self._behind.get_ready()
        directory, settings = predictions / target.id, target.under(self.settings)
        document = read(target.input)
        seeds = Seeds(settings.campaign, settings.seed, document.key())
        ready = self._ahead.prepare(document, target, seeds, settings.msa_rows)
        staged = writer.stage(directory)
        try:
            with writing(staged):
                folded = self._fold(ready.features, seeds, staged)
            _check_finite(folded)
        except BaseException:
            writer.discard(staged)
            raise
        key = markers.run_key(target.input_key, settings, self.weights_sha256)
        facts = self._facts(target, ready.features, seeds, folded)
        seconds = time.monotonic() - started
        return Unfinished(target, directory, staged, folded, ready.structure, key, facts, seconds)

    def finish_behind(self, work: Unfinished, ended: Ended) -> None:
        """Make a prediction of what was folded, while the next target is folded where that is worth it.

        What is folded waits for nothing but what was folded before it.

        Parameters
        ----------
        work
            From :meth:`fold`.
        ended
            Called once when it has ended: with None if it is done, else with the error.
        """
        self._behind.finish(work, ended)

    def wait(self) -> None:
        """Wait until everything that was folded is finished.

        Raises
        ------
        Exception
            If the end of something could not be understood, or not be told.
        """
        self._behind.wait()

    def linger(self, seconds: float | None = None) -> None:
        """Give what is being finished a moment, or so long, to end. Safe in a signal handler."""
        self._behind.linger(seconds)

    def _fold(self, features: Any, seeds: Seeds, spool: Path) -> engine.Folded:
        rows, columns = self.settings.mesh
        if features.n_tokens < max(rows, columns):
            raise InputError(
                f"{features.n_tokens} tokens cannot be cut over a {rows}x{columns} mesh, where each rank "
                "needs a row and a column of pairs; choose a smaller mesh"
            )
        try:
            samples = [seeds.sample(number) for number in range(self.settings.samples)]
            return self.engine.fold(features, samples, self.settings, spool, seeds.alignment)
        finally:
            self.peaks = self.engine.peaks

    def close(self) -> None:
        """End all processes of the session. What is being finished gets a moment to end."""
        self._behind.close()
        self._ahead.close()
        self.engine.close()

    def _facts(self, target: Target, features: Any, seeds: Seeds, folded: engine.Folded) -> dict[str, Any]:
        ranked = enumerate(writer.ranks(folded))
        samples = [{"sample": n, "rank": rank, "seed": seeds.sample(n)} for n, rank in ranked]
        return {
            "id": target.id,
            "input_key": target.input_key,
            "model": self.settings.model,
            "note": self.note,
            "weights_sha256": self.weights_sha256,
            "molecules": self.preparation.molecules.source,
            "engine": self.engine.name,
            "mesh": "x".join(map(str, self.settings.mesh)),
            "device": self.device_name,
            "seed": self.settings.seed,
            "campaign": self.settings.campaign,
            "settings": target.under(self.settings).to_json(),
            "samples": samples,
            "n_tokens": features.n_tokens,
            "msa_rows": features.n_sequences,
            "paired_depth": features.paired_depth,
            "chains": features.chains,
            "peak_bytes": self.peak_bytes,
            "peaks": self.peaks,
            "hosts": self.hosts,
        }


def _check_finite(folded: engine.Folded) -> None:
    import numpy as np

    bad = int((~np.isfinite(folded.coordinates)).any(axis=(1, 2)).sum())
    if bad:
        raise NumericalError(f"the model returned coordinates that are not numbers, in {bad} of its samples")
    for confidence in folded.confidence:
        numbers = {name: value for name, value in confidence.items() if isinstance(value, float)}
        if wrong := [name for name, value in numbers.items() if not math.isfinite(value)]:
            raise NumericalError(f"the model returned scores that are not numbers: {', '.join(wrong)}")

"""Scores of one prediction: all metrics of its samples, as rows of the score tables, kept as a small file."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foldcp.errors import InputError
from foldcp.scores.sample import Sample
from foldcp.scores.sample_rows import measure
from foldcp.tables.files import atomic_write

Row = dict[str, Any]

SCORING_VERSION = 2
"""Raised when a change of foldcp changes scores, so that kept ones are made again."""

_TABLES = ("samples", "chains", "interfaces")


@dataclass(frozen=True)
class Scored:
    """What the samples of one prediction score.

    Attributes
    ----------
    samples, chains, interfaces
        Rows of the tables of these names, by column, without the columns that only a campaign knows; one for
        each sample, chain, and ordered pair of different chains. None where there is no value.
    note
        foldcp's remark on a prediction whose scores mean nothing.
    """

    samples: list[Row]
    chains: list[Row]
    interfaces: list[Row]
    note: str | None = None

    def save(self, path: Path) -> None:
        """Write JSON, by column, atomically; `WriteError` if that is not possible."""
        tables = {name: _columns(getattr(self, name)) for name in _TABLES}
        kept = {"scoring_version": SCORING_VERSION, "note": self.note, **tables}
        text = json.dumps(kept, allow_nan=False, separators=(",", ":"))
        with atomic_write(path, "w") as handle:
            handle.write(text)

    @classmethod
    def load(cls, path: Path) -> "Scored":
        """Read what `save` wrote.

        Raises
        ------
        InputError
            If the file is absent, damaged, or of another version of scoring: score the prediction again.
        """
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            version = kept["scoring_version"]
            if version != SCORING_VERSION:
                raise InputError(
                    f"{path}: is of version {version} of scoring, this is {SCORING_VERSION}; score it again"
                )
            return cls(**{name: _rows(kept[name]) for name in _TABLES}, note=kept["note"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{path}: holds no scores: {error!r}; score the prediction again") from None


def score(samples: Iterable[Sample]) -> Scored:
    """Return the scores of all samples of one prediction, in the order of their numbers."""
    samples = sorted(samples, key=lambda sample: sample.number)
    scored = Scored([], [], [], next((s.note for s in samples if s.note is not None), None))
    for sample in samples:
        measured = measure(sample)
        scored.samples.append(measured.sample)
        scored.chains.extend(measured.chains)
        scored.interfaces.extend(measured.interfaces)
    return scored


def _columns(rows: list[Row]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in (rows[0] if rows else ())}


def _rows(columns: dict[str, list[Any]]) -> list[Row]:
    names = tuple(columns)
    return [dict(zip(names, values, strict=True)) for values in zip(*columns.values(), strict=True)]

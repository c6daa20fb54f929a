"""What foldcp adds to each complex of a list: its time beside the model's, all in turn or while others fold.

Demo model on the CPU, one thread, fp32, one sample; a second core prepares the next complex, and writes and
scores the last one, while one folds. A list of complexes of one size, all different, goes through a session,
as a shard's does. *Added* is all that a complex costs (read, featurize, write, score, checksum) but the
engine's forward pass, which is timed inside it, and the first two complexes, during which the other processes
start. With the released weights folding takes far longer, so the share is an upper bound for real campaigns.
"""

import contextlib
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

COMPLEXES = 8
STEPS, RECYCLES = 20, 3


def _input(folder: Path, tokens: int, number: int) -> Path:
    draw = random.Random(f"{tokens}/{number}")
    halves = ["".join(draw.choices("ACDEFGHIKLMNPQRSTVWY", k=k)) for k in (tokens // 2, tokens - tokens // 2)]
    path = folder / f"n{tokens}_{number}.yaml"
    chains = [
        f"  - protein: {{id: {c}, sequence: {s}, msa: empty}}" for c, s in zip("AB", halves, strict=True)
    ]
    path.write_text("version: 1\nsequences:\n" + "\n".join(chains) + "\n")
    return path


@dataclass
class _Timed:
    """A function that notes how long each call took, in seconds."""

    call: Callable[..., Any]
    seconds: list[float] = field(default_factory=list)

    def __call__(self, *arguments: Any) -> Any:
        start = time.perf_counter()
        try:
            return self.call(*arguments)
        finally:
            self.seconds.append(time.perf_counter() - start)


def _list(session: Any, tokens: int, ahead: bool, behind: bool, folder: Path) -> tuple[float, float]:
    """Predict a list of complexes; return the median seconds of folding, and of all else."""
    from foldcp.predict import targets

    todo = [targets.from_file(_input(folder, tokens, number)) for number in range(COMPLEXES)]
    out = folder / f"out_{tokens}_{ahead}_{behind}"

    def predict(target: Any) -> None:
        if behind:
            session.finish_behind(session.fold(target, out), _raise)
        else:
            session.predict(target, out)

    fold, session.engine.fold = session.engine.fold, _Timed(session.engine.fold)
    timed = _Timed(predict)
    try:
        for target, following in zip(todo, [*todo[1:], None], strict=True):
            if ahead and following is not None:
                session.prepare_ahead(following)
            timed(target)
        session.wait()
        folding = session.engine.fold.seconds[2:]
    finally:
        session.engine.fold = fold
    added = [whole - part for whole, part in zip(timed.seconds[2:], folding, strict=True)]
    return statistics.median(folding), statistics.median(added)


def _raise(error: Exception | None) -> None:
    if error is not None:
        raise error


def run() -> str:
    from foldcp.predict import ahead, behind
    from foldcp.predict.session import Session
    from foldcp.predict.settings import Settings

    ahead.WORTH = behind.WORTH = 0.0  # else these processes would start after some more complexes

    settings = Settings(
        model="demo", device="cpu", precision="fp32", steps=STEPS, recycles=RECYCLES, threads=1
    )
    start = time.perf_counter()
    session = Session(settings)
    took = time.perf_counter() - start
    lines = [
        f"Import, model and molecules: {took:.1f} s, once per job.",
        "",
        "| tokens | prepared | written and scored | folding, median s | added, median s | added |",
        "|---|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as name, contextlib.closing(session):
        for tokens in (100, 300):
            for early, late in ((False, False), (True, False), (True, True)):
                folding, added = _list(session, tokens, early, late, Path(name))
                how = " | ".join("while another folds" if other else "in its turn" for other in (early, late))
                lines.append(f"| {tokens} | {how} | {folding:.2f} | {added:.3f} | {added / folding:.1%} |")
    return "\n".join(lines)

"""What foldcp adds to one prediction: its time against the model's forward pass, in pairs.

Demo model on the CPU, one thread, fp32, one sample. A pair is the whole of `Session.predict` (read,
featurize, fold, write, checksum) and the engine's forward pass alone on the same features, in alternating
order. With the released weights folding takes far longer, so the share is an upper bound for real campaigns.
"""

import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

RUNS = 5
STEPS, RECYCLES = 20, 3


def _input(folder: Path, tokens: int) -> Path:
    draw = random.Random(tokens)
    halves = ["".join(draw.choices("ACDEFGHIKLMNPQRSTVWY", k=k)) for k in (tokens // 2, tokens - tokens // 2)]
    path = folder / f"n{tokens}.yaml"
    chains = [
        f"  - protein: {{id: {c}, sequence: {s}, msa: empty}}" for c, s in zip("AB", halves, strict=True)
    ]
    path.write_text("version: 1\nsequences:\n" + "\n".join(chains) + "\n")
    return path


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def run() -> str:
    from foldcp.predict import document, targets
    from foldcp.predict.seeds import Seeds
    from foldcp.predict.session import Session
    from foldcp.predict.settings import Settings

    settings = Settings(
        model="demo", device="cpu", precision="fp32", steps=STEPS, recycles=RECYCLES, threads=1
    )
    start = time.perf_counter()
    session = Session(settings)
    lines = [
        f"Import, model and molecules: {time.perf_counter() - start:.1f} s, once per job.",
        "",
        "| tokens | whole, median s | forward pass, median s | added, median of pairs |",
        "|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for tokens in (100, 300):
            target = targets.from_file(_input(folder, tokens))
            read = document.read(target.input)
            seeds = Seeds("", settings.seed, read.key())
            _, features = session.prepare(read, target.id, seeds)
            calls = {
                "whole": lambda target=target: session.predict(target, folder / "out"),
                "fold": lambda features=features: session.engine.fold(features, [1], settings, folder),
            }
            pairs = []
            for number in range(RUNS):
                order = list(calls) if number % 2 else list(reversed(calls))
                pairs.append({what: _seconds(calls[what]) for what in order})
            whole, fold = (statistics.median(pair[what] for pair in pairs) for what in calls)
            added = statistics.median(pair["whole"] / pair["fold"] - 1 for pair in pairs)
            lines.append(f"| {tokens} | {whole:.2f} | {fold:.2f} | {added:.1%} |")
    return "\n".join(lines)

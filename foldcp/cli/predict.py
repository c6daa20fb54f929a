"""`foldcp predict`: fold inputs one after another with a model that is loaded once."""

import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from foldcp.errors import FoldcpError, UsageError
from foldcp.predict.checkpoint import Checkpoint
from foldcp.predict.outcomes import Outcome, classify
from foldcp.predict.settings import DEVICES, PRECISIONS, Settings
from foldcp.predict.targets import Target


def predict(
    inputs: Annotated[
        list[Path], typer.Argument(metavar="INPUT...", help="Boltz YAML or FASTA files, or folders of them.")
    ],
    out: Annotated[Path, typer.Option(help="Folder to write to: OUT/predictions/<name>/.")],
    mesh: Annotated[str, typer.Option(help="Mesh of GPUs, rows x columns. This version: 1x1.")] = "1x1",
    model: Annotated[
        str, typer.Option(help="demo, boltz2, or a checkpoint file you trust (loading it runs its code).")
    ] = "boltz2",
    seed: Annotated[int, typer.Option(help="Seed of all randomness.")] = 7,
    campaign: Annotated[
        str, typer.Option(help="Part of every seed; give a campaign's name to repeat one of its complexes.")
    ] = "campaign",
    samples: Annotated[int, typer.Option(help="Structures per input.")] = 1,
    recycles: Annotated[int, typer.Option(help="Recycling passes of the trunk.")] = 3,
    steps: Annotated[int, typer.Option(help="Diffusion steps.")] = 200,
    device: Annotated[str, typer.Option(help=f"{', '.join(DEVICES)}; auto: a GPU if there is one.")] = "auto",
    precision: Annotated[
        str | None,
        typer.Option(
            help=f"{', '.join(PRECISIONS)}; default: bf16-mixed, as Boltz, on a GPU, and fp32 on a CPU."
        ),
    ] = None,
    pae: Annotated[bool, typer.Option("--pae", help="Also write predicted errors, N x N numbers.")] = False,
    cache: Annotated[
        Path | None, typer.Option(help="Folder of weights and molecules; default: the user's cache folders.")
    ] = None,
    threads: Annotated[int | None, typer.Option(help="CPU threads; default: torch's own choice.")] = None,
) -> None:
    """Predict the structure of complexes from Boltz inputs, in Boltz's layout of files.

    What is done already, with the same input, settings and weights, is not done again. A failing input does
    not stop the others; the exit code is then 1. One line per input goes to stdout, progress to stderr.

    \b
    Example:
      foldcp predict complex.yaml more/ --out results --samples 5
      foldcp predict complex.yaml --out results --model demo --steps 20
    """
    settings = Settings(
        model=model,
        cache=cache,
        device=device,
        precision=precision or _precision_for(device),
        samples=samples,
        recycles=recycles,
        steps=steps,
        pae=pae,
        seed=seed,
        campaign=campaign,
        threads=threads,
        mesh=_parse_mesh(mesh),
    )
    _run(settings, inputs, out / "predictions")


def _run(settings: Settings, inputs: list[Path], predictions: Path) -> None:
    from foldcp.predict import checkpoint, targets

    files = targets.find(inputs)
    batch = _Batch(settings, checkpoint.find(settings), predictions, len(files))
    outcomes = [batch.run(file) for file in files]
    failed = sum(outcome is not Outcome.DONE for outcome in outcomes)
    _say(f"{len(files) - failed} of {len(files)} predicted, in {predictions}")
    if failed:
        raise typer.Exit(1)


def _precision_for(device: str) -> str:
    if device == "auto":
        import torch

        device = "cuda" if torch.cuda.is_available() else "cpu"
    return "bf16-mixed" if device == "cuda" else "fp32"


def _parse_mesh(text: str) -> tuple[int, int]:
    rows, _, columns = text.lower().partition("x")
    if not (rows.isdecimal() and columns.isdecimal()):
        raise UsageError(f"mesh {text!r} is not rows x columns; valid: 1x1")
    return int(rows), int(columns)


class _Batch:
    """Inputs on their way through one session, which is opened when the first of them needs it."""

    def __init__(self, settings: Settings, checkpoint: Checkpoint, predictions: Path, count: int) -> None:
        self._settings, self._checkpoint, self._predictions = settings, checkpoint, predictions
        self._predict: Callable[[Target, Path], None] | None = None
        self._count, self._number = count, 0

    def run(self, file: Path) -> Outcome:
        """Predict one input, and report how it went."""
        from foldcp.predict import markers, targets

        self._number += 1
        try:
            target = targets.from_file(file)
            directory = self._predictions / target.id
            key = markers.run_key(target.input_key, self._settings, self._checkpoint.sha256)
            if markers.is_done(directory, key):
                return self._report(file, Outcome.DONE, f"already in {directory}")
            self._open()(target, self._predictions)
        except Exception as error:
            if self._predict is None and not isinstance(error, FoldcpError):
                raise
            outcome, message = classify(error)
            if outcome is Outcome.CRASHED:
                traceback.print_exc()
            return self._report(file, outcome, message)
        return self._report(file, Outcome.DONE, _summary(directory))

    def _open(self) -> Callable[[Target, Path], None]:
        if self._predict is None:
            from foldcp.predict.session import Session

            _say(f"loading {self._checkpoint.path}")
            session = Session(self._settings, self._checkpoint)
            _say(f"predicting on {session.device_name}")
            if note := session.note:
                _say(f"note: {note}")
            self._predict = session.predict
        return self._predict

    def _report(self, file: Path, outcome: Outcome, message: str) -> Outcome:
        _say(f"{self._number}/{self._count} {file.name}: {outcome}")
        typer.echo(f"{file}\t{outcome}\t{message}")
        return outcome


def _summary(directory: Path) -> str:
    from foldcp.predict import markers

    marker = markers.read_marker(directory) or {}
    peak = f", peak {marker['peak_bytes'] / 2**30:.2f} GiB" if marker.get("peak_bytes") else ""
    note = f"; {marker['note']}" if marker.get("note") else ""
    return f"{directory} ({marker['n_tokens']} tokens, {marker['wall_seconds']:.1f} s{peak}{note})"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)

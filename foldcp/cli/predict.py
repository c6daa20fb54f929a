"""`foldcp predict`: fold inputs one after another with a model that is loaded once."""

import contextlib
import sys
import traceback
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from foldcp.cli.options import (
    BudgetOption,
    CacheOption,
    CampaignOption,
    CheckpointOption,
    DeletionsOption,
    DeviceOption,
    InputsArgument,
    KernelsOption,
    MeshOption,
    MsaRowsOption,
    PairingOption,
    PrecisionOption,
    ThreadsOption,
)
from foldcp.errors import FoldcpError, MissingError, UsageError
from foldcp.plan.mesh import Mesh
from foldcp.predict.checkpoint import Checkpoint
from foldcp.predict.outcomes import KeeperError, Outcome, classify
from foldcp.predict.ranks import World, follow
from foldcp.predict.settings import Settings
from foldcp.predict.targets import Target

if TYPE_CHECKING:
    from foldcp.predict.session import Session

_End = tuple[Outcome, str]
"""How an input ended, and one line about it."""


def predict(
    inputs: InputsArgument,
    out: Annotated[Path, typer.Option(help="Folder to write to: OUT/predictions/<name>/.")],
    mesh: MeshOption = "1x1",
    model: CheckpointOption = "boltz2",
    seed: Annotated[int, typer.Option(help="Seed of all randomness.")] = 7,
    campaign: CampaignOption = "campaign",
    samples: Annotated[int, typer.Option(help="Structures per input.")] = 1,
    recycles: Annotated[int, typer.Option(help="Recycling passes of the trunk.")] = 3,
    steps: Annotated[int, typer.Option(help="Diffusion steps.")] = 200,
    device: DeviceOption = "auto",
    precision: PrecisionOption = None,
    pae: Annotated[bool, typer.Option("--pae", help="Also write predicted errors, N x N numbers.")] = False,
    deletions: DeletionsOption = "kept",
    pairing: PairingOption = "greedy",
    msa_rows: MsaRowsOption = None,
    cache: CacheOption = None,
    budget: BudgetOption = "small",
    kernels: KernelsOption = "auto",
    threads: ThreadsOption = None,
) -> None:
    """Predict the structure of complexes from Boltz inputs, in Boltz's layout of files.

    What is done already, with the same input, settings and weights, is not done again. A failing input does
    not stop the others; the exit code is then 1. One line per input goes to stdout, progress to stderr.

    A mesh starts its own ranks on this machine. Under srun or torchrun, each task starts an equal share of
    them: one task per node, or one per GPU.

    \b
    Example:
      foldcp predict complex.yaml more/ --out results --samples 5
      foldcp predict complex.yaml --out results --model demo --steps 20
      foldcp predict complex.yaml --out results --mesh 2x4
      srun -N 2 -n 2 --gpus-per-node 8 foldcp predict complex.yaml --out results --mesh 4x4
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
        deletions=deletions,
        pairing=pairing,
        msa_rows=msa_rows,
        seed=seed,
        campaign=campaign,
        threads=threads,
        mesh=Mesh.parse(mesh).shape,
        budget=budget,
        kernels=kernels,
    )
    _start(settings, inputs, out / "predictions")


def _start(settings: Settings, inputs: list[Path], predictions: Path) -> None:
    with World.current() as world:
        if world.follows:
            follow(world)
        else:
            _run(settings, inputs, predictions)


def _run(settings: Settings, inputs: list[Path], predictions: Path) -> None:
    from foldcp.predict import checkpoint, targets
    from foldcp.tables.files import make_folder

    files = targets.find(inputs)
    make_folder(predictions)
    outcomes = _Batch(settings, checkpoint.find(settings), predictions).run(files)
    failed = sum(outcome is not Outcome.DONE for outcome in outcomes)
    _say(f"{len(files) - failed} of {len(files)} predicted, in {predictions}")
    if failed:
        raise typer.Exit(1)


def _precision_for(device: str) -> str:
    if device == "auto":
        import torch

        device = "cuda" if torch.cuda.is_available() else "cpu"
    return "bf16-mixed" if device == "cuda" else "fp32"


class _Batch:
    """Inputs on their way through one session."""

    def __init__(self, settings: Settings, checkpoint: Checkpoint, predictions: Path) -> None:
        self._settings, self._checkpoint, self._predictions = settings, checkpoint, predictions

    def run(self, files: list[Path]) -> list[Outcome]:
        """Predict what is not done, and report how each input went."""
        looked = [self._look(file) for file in files]
        # Before any input is reported: without a session none of them can be predicted.
        session = self._open() if any(isinstance(found, Target) for found in looked) else None
        following = dict(pairwise(found for found in looked if isinstance(found, Target)))
        outcomes = []
        with contextlib.closing(session) if session else contextlib.nullcontext():
            for number, (file, found) in enumerate(zip(files, looked, strict=True), 1):
                if isinstance(found, Target):
                    assert session is not None  # opened as soon as there is a target
                    outcome, message = self._predict(session, found, following.get(found))
                else:
                    outcome, message = found
                _say(f"{number}/{len(files)} {file.name}: {outcome}")
                typer.echo(f"{file}\t{outcome}\t{message}")
                outcomes.append(outcome)
        return outcomes

    def _look(self, file: Path) -> Target | _End:
        """Return the target of a file, or how it ended where there is nothing to predict."""
        from foldcp.predict import markers, targets

        try:
            target = targets.from_file(file, self._settings.how_to_pair)
            directory = self._predictions / target.id
            key = markers.run_key(target.input_key, self._settings, self._checkpoint.sha256)
            return (Outcome.DONE, f"already in {directory}") if markers.is_done(directory, key) else target
        except Exception as error:
            return _end(error)

    def _open(self) -> "Session":
        from foldcp.predict.session import Session

        _say(f"loading {self._checkpoint.path}")
        session = Session(self._settings, self._checkpoint)
        _say(f"predicting on {session.device_name}")
        if note := session.note:
            _say(f"note: {note}")
        return session

    def _predict(self, session: "Session", target: Target, following: Target | None) -> _End:
        try:
            if following is not None:
                session.prepare_ahead(following)
            session.predict(target, self._predictions)
        except Exception as error:
            return _end(error)
        return Outcome.DONE, _summary(self._predictions / target.id)


def _end(error: Exception) -> _End:
    """Return how the input ended that raised `error`; raise what every other input would raise too."""
    if isinstance(error, MissingError | UsageError | KeeperError):
        raise error
    if not isinstance(error, FoldcpError):
        traceback.print_exception(error)
    return classify(error)


def _summary(directory: Path) -> str:
    from foldcp.predict import markers

    marker = markers.read_marker(directory) or {}
    peak = f", peak {marker['peak_bytes'] / 2**30:.2f} GiB" if marker.get("peak_bytes") else ""
    note = f"; {marker['note']}" if marker.get("note") else ""
    return f"{directory} ({marker['n_tokens']} tokens, {marker['wall_seconds']:.1f} s{peak}{note})"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)

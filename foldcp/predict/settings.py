"""Settings of a prediction: everything besides the input that a run depends on. Imports no torch."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from foldcp.config.alignments import MOST_ROWS
from foldcp.errors import UsageError, unknown_choice
from foldcp.msa.pairing import STRATEGIES, Pairing

DEVICES = ["auto", "cpu", "cuda"]
PRECISIONS = ["fp32", "bf16-mixed", "bf16"]
BUDGETS = ["small", "medium", "large"]
KERNELS = ["auto", "off"]
DELETIONS = ["kept", "boltz"]
MODELS = ["demo", "boltz2"]


def check_model(model: str) -> None:
    """Check that `model` is a name in `MODELS` or the path of a file that exists.

    Raises
    ------
    UsageError
        If it is neither.
    """
    if model not in MODELS and not Path(model).expanduser().is_file():
        raise unknown_choice("model", model, [*MODELS, "the path of a checkpoint file that exists"])


@dataclass(frozen=True)
class Settings:
    """How to predict.

    Attributes
    ----------
    model
        `demo`, `boltz2`, or the path of a checkpoint file.
    cache
        Folder of weights and molecules; None takes the user's cache folder.
    device
        `auto` (a GPU where there is one), `cpu` or `cuda`.
    precision
        `fp32`; `bf16-mixed`, which is what Boltz itself uses and keeps the pair representation in fp32;
        `bf16`, which halves that too.
    samples, recycles, steps
        Structures per complex, recycling passes of the trunk, diffusion steps.
    pae
        Whether to also write the predicted aligned and distance errors, N x N numbers each.
    deletions
        `kept`: the model reads the deletions of every row of an alignment; `boltz`: as Boltz 2.2.1, which
        loses nearly all of them.
    pairing
        Which rows of different chains' a3m alignments stand side by side (`foldcp.msa.pairing`): `greedy`,
        `complete`, or `none`, which is how Boltz reads them.
    max_rows, max_paired
        Most rows of one protein's alignment, and most that pair chains (None: as many).
    msa_rows
        Most rows of the complex's alignment that are read, its first ones; None reads all that Boltz stacks.
        A target may have a limit of its own (`foldcp.predict.targets.Target`).
    seed, campaign
        Seed and name that all randomness derives from (`foldcp.predict.seeds`).
    threads
        CPU threads of each rank; None is torch's own choice, or a share of the cores for each of several.
    mesh
        Rows and columns of ranks that share one complex.
    budget
        How much memory intermediates may take (`foldcp.mesh.Budget`): `small`, `medium` or `large`.
    kernels
        `auto` takes cuEquivariance's attention kernel where it is installed and right, which changes results
        by rounding; `off` never does.

    Raises
    ------
    UsageError
        If a value is not valid.
    """

    model: str = "boltz2"
    cache: Path | None = None
    device: str = "auto"
    precision: str = "bf16-mixed"
    samples: int = 1
    recycles: int = 3
    steps: int = 200
    pae: bool = False
    deletions: str = "kept"
    pairing: str = "greedy"
    max_rows: int = MOST_ROWS
    max_paired: int | None = None
    msa_rows: int | None = None
    seed: int = 7
    campaign: str = "campaign"
    threads: int | None = None
    mesh: tuple[int, int] = (1, 1)
    budget: str = "small"
    kernels: str = "auto"

    def __post_init__(self) -> None:
        if self.device not in DEVICES:
            raise unknown_choice("device", self.device, DEVICES)
        if self.precision not in PRECISIONS:
            raise unknown_choice("precision", self.precision, PRECISIONS)
        if self.budget not in BUDGETS:
            raise unknown_choice("budget", self.budget, BUDGETS)
        if self.kernels not in KERNELS:
            raise unknown_choice("kernels", self.kernels, KERNELS)
        if self.deletions not in DELETIONS:
            raise unknown_choice("deletions", self.deletions, DELETIONS)
        if self.pairing not in STRATEGIES:
            raise unknown_choice("pairing", self.pairing, list(STRATEGIES))
        if not 1 <= self.max_rows <= MOST_ROWS:
            raise UsageError(f"max_rows is {self.max_rows}; valid: 1 to {MOST_ROWS}")
        if self.max_paired is not None and not 1 <= self.max_paired <= self.max_rows:
            raise UsageError(f"max_paired is {self.max_paired}; valid: 1 to max_rows, {self.max_rows}")
        if len(self.mesh) != 2 or min(self.mesh) < 1:
            mesh = "x".join(map(str, self.mesh))
            raise UsageError(f"mesh {mesh} is not valid: rows x columns, each at least 1, e.g. 2x3")
        least_of = {"samples": 1, "recycles": 0, "steps": 2, "seed": 0, "threads": 1, "msa_rows": 1}
        for name, least in least_of.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise UsageError(f"{name} is {value}, but must be at least {least}")

    @property
    def how_to_pair(self) -> Pairing:
        """How alignments are paired."""
        return Pairing(self.pairing, self.max_rows, self.max_paired)

    @property
    def demo(self) -> bool:
        """Whether the weights are random, so that scores mean nothing."""
        return self.model == "demo"

    def to_json(self) -> dict[str, Any]:
        """Return the settings as JSON values."""
        values = asdict(self)
        return {**values, "cache": None if self.cache is None else str(self.cache), "mesh": list(self.mesh)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Settings":
        """Return the settings that `to_json` wrote.

        Raises
        ------
        UsageError
            If a key or a value is unknown.
        """
        known = [field.name for field in fields(cls)]
        if unknown := sorted(set(values) - set(known)):
            raise UsageError(f"unknown settings {unknown}; valid: {', '.join(known)}")
        settings = cls(**{**values, "mesh": tuple(values.get("mesh", (1, 1)))})
        return replace(settings, cache=None if settings.cache is None else Path(settings.cache))

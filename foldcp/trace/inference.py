"""Memory of one inference on a mesh: the real code, on a fake rank of a fake mesh with a fake GPU.

Traced, not modelled: every tensor that the code makes on its device. Passed over, because it is the same
again: blocks beyond the second of a stack, recycling passes and diffusion steps beyond the second, pieces
beyond the second of a loop over a tile. Not seen, for no tensor holds it: `HIDDEN`.
"""

from dataclasses import dataclass

from foldcp.demo.sizes import Sizes
from foldcp.errors import UsageError, unknown_choice
from foldcp.predict.settings import BUDGETS, PRECISIONS

RELEASED = Sizes(
    token_s=384,
    token_z=128,
    atom_s=128,
    atom_z=16,
    atom_blocks=3,
    trunk_blocks=64,
    msa_blocks=4,
    confidence_blocks=8,
    template_blocks=2,
    single_heads=16,
    pair_heads=4,
    pair_head_width=32,
    msa_s=64,
    template_dim=64,
    diffusion_blocks=24,
    diffusion_heads=16,
    fourier_dim=256,
)
"""Sizes of the released structure model."""
HIDDEN = 1_600_000_000
"""Modelled, in bytes: CUDA context and libraries, workspaces of cuBLAS, buffers of NCCL."""


@dataclass(frozen=True)
class Case:
    """What to trace.

    Attributes
    ----------
    n_tokens, n_atoms
        N and A of the complex.
    n_sequences, n_templates
        Rows of the alignment, templates.
    n_samples
        Structures to draw.
    mesh
        Rows and columns.
    precision
        fp32, bf16-mixed or bf16.
    budget
        small, medium or large.
    """

    n_tokens: int
    n_atoms: int
    n_sequences: int = 1024
    n_templates: int = 0
    n_samples: int = 1
    mesh: tuple[int, int] = (1, 1)
    precision: str = "bf16-mixed"
    budget: str = "small"

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise unknown_choice("precision", self.precision, list(PRECISIONS))
        if self.budget not in BUDGETS:
            raise unknown_choice("budget", self.budget, list(BUDGETS))
        if self.n_tokens < max(self.mesh):
            raise UsageError(
                f"{self.n_tokens} tokens cannot be cut over a {self.mesh[0]}x{self.mesh[1]} mesh: each rank "
                "needs a row and a column of pairs; choose a smaller mesh"
            )
        if self.n_atoms < self.n_tokens:
            raise UsageError(
                f"{self.n_atoms} atoms for {self.n_tokens} tokens; a token has at least one atom"
            )

    @property
    def pairs(self) -> int:
        """Token pairs of the largest tile."""
        p, q = self.mesh
        return -(-self.n_tokens // p) * -(-self.n_tokens // q)


@dataclass(frozen=True)
class Stage:
    """Bytes of one stage on the worst rank, above the weights: alive when it begins, and at its peak."""

    name: str
    before: int
    peak: int


@dataclass(frozen=True)
class Traced:
    """What a trace found.

    Attributes
    ----------
    case
        What was traced.
    weights
        Bytes of the model's parameters, whole on every rank.
    stages
        The stages in the order in which they first run.
    alive
        Bytes and maker of each tensor that was alive at the peak, largest first.
    """

    case: Case
    weights: int
    stages: tuple[Stage, ...]
    alive: tuple[tuple[int, str], ...]

    @property
    def activations(self) -> int:
        """Bytes above the weights at the peak."""
        return max(stage.peak for stage in self.stages)

    @property
    def total(self) -> int:
        """Bytes of the worst rank: activations, weights, and what no tensor holds."""
        return self.activations + self.weights + HIDDEN


def trace(case: Case, sizes: Sizes = RELEASED) -> Traced:
    """Run the inference of a case on fake tensors; return what the most burdened rank would need.

    Parameters
    ----------
    case : Case
        What to trace.
    sizes : Sizes
        Widths and depths of the model.

    Raises
    ------
    UsageError
        If this process is a rank of a running mesh.
    MissingError
        If this build of torch has no fake GPU.
    """
    from foldcp.mesh import LiveBytes
    from foldcp.model.fold import Boltz2OnMesh, Options
    from foldcp.trace.alike import alike_once
    from foldcp.trace.complexes import protein_complex
    from foldcp.trace.fake_gpu import GPU, fake_gpu
    from foldcp.trace.fake_mesh import fake_mesh
    from foldcp.trace.model import fake_model
    from foldcp.trace.stages import StageWatch

    features = protein_complex(case.n_tokens, case.n_atoms, case.n_sequences, case.n_templates)
    options = Options(recycles=1, steps=2, budget=case.budget, precision=case.precision)
    live = LiveBytes(GPU.type)
    watch = StageWatch(live)
    with fake_mesh(*case.mesh) as mesh, fake_gpu():
        model = fake_model(sizes)
        with alike_once(live), watch.watching(), live:
            Boltz2OnMesh(model.module, mesh).fold(features, range(case.n_samples), options)
    stages = tuple(Stage(name, watch.before.get(name, 0), peak) for name, peak in live.peaks.items())
    return Traced(case, model.weights_bytes, stages, tuple(live.at_peak))

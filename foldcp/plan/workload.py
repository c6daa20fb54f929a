"""What is asked of the model, and how large the model is."""

from dataclasses import dataclass

from foldcp.config import PredictConfig
from foldcp.demo.sizes import SIZES


@dataclass(frozen=True)
class Workload:
    """One prediction's settings, as far as they cost time or memory.

    Attributes
    ----------
    samples
        Structures per complex.
    recycles
        Recycling passes; the trunk runs `recycles + 1` times.
    steps
        Diffusion steps.
    precision
        fp32, bf16-mixed or bf16.
    model
        demo, boltz2 or the path of a checkpoint (taken to be as large as boltz2).
    budget
        Memory for intermediates: small, medium or large.
    """

    samples: int = 1
    recycles: int = 3
    steps: int = 200
    precision: str = "bf16-mixed"
    model: str = "boltz2"
    budget: str = "small"

    @classmethod
    def of(cls, config: PredictConfig) -> "Workload":
        """Return the workload of a campaign."""
        return cls(
            config.samples, config.recycles, config.steps, config.precision, config.model, config.budget
        )

    @property
    def sizes(self) -> "ModelSizes":
        """Sizes of the model asked for."""
        return DEMO if self.model == "demo" else BOLTZ2


@dataclass(frozen=True)
class Size:
    """Size of one complex: tokens, heavy atoms, rows of its alignment that are read, templates."""

    tokens: int
    atoms: int
    msa_depth: int = 1
    templates: int = 0

    @property
    def template_passes(self) -> int:
        """Templates that the trunk runs: without any, one of zeros."""
        return max(1, self.templates)


@dataclass(frozen=True)
class ModelSizes:
    """Widths (channels) and depths (layers) of a Boltz-2."""

    token_s: int
    token_z: int
    atom_s: int
    msa_s: int
    template_dim: int
    triangle_heads: int
    pairformer_blocks: int
    pairformer_heads: int
    msa_blocks: int
    template_blocks: int
    confidence_blocks: int
    transformer_depth: int
    transformer_heads: int
    atom_depth: int
    """Layers of the atom encoder, and as many of the decoder."""
    weights_bytes: int


BOLTZ2 = ModelSizes(
    token_s=384,
    token_z=128,
    atom_s=128,
    msa_s=64,
    template_dim=64,
    triangle_heads=4,
    pairformer_blocks=64,
    pairformer_heads=16,
    msa_blocks=4,
    template_blocks=2,
    confidence_blocks=8,
    transformer_depth=24,
    transformer_heads=16,
    atom_depth=3,
    weights_bytes=2_030_000_000,
)
"""The released Boltz-2 structure model."""

DEMO = ModelSizes(
    token_s=SIZES.token_s,
    token_z=SIZES.token_z,
    atom_s=SIZES.atom_s,
    msa_s=SIZES.msa_s,
    template_dim=SIZES.template_dim,
    triangle_heads=SIZES.pair_heads,
    pairformer_blocks=SIZES.trunk_blocks,
    pairformer_heads=SIZES.single_heads,
    msa_blocks=SIZES.msa_blocks,
    template_blocks=SIZES.template_blocks,
    confidence_blocks=SIZES.confidence_blocks,
    transformer_depth=SIZES.diffusion_blocks,
    transformer_heads=SIZES.diffusion_heads,
    atom_depth=SIZES.atom_blocks,
    weights_bytes=10_000_000,
)
"""The demo model, as `foldcp.demo` builds it."""

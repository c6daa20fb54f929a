"""The time model: operations of Boltz-2 inference over an assumed throughput, plus fixed costs.

Counted are the multiply-adds (two operations each) of the layers; embeddings, norms and pointwise operations
are left out, the effective throughput of `gpus.yaml` absorbs them. Legend: n tokens, a atom channels, c pair
channels, s single channels, m alignment channels, d = 2 s diffusion channels.

The trunk and the confidence module run at the precision asked for; Boltz-2 always samples in fp32.

CPU: calibrated with the real code on a shared server. One Pairformer layer of released widths at 512 tokens
took 10.1 s on two cores: 0.055e12 operations per second. The demo model (4 trunk passes, 20 steps) took 0.5 s
of one core at 40 tokens, 2.2 s at 120, 9 s at 250 and 30 s at 400: mostly spent on attention logits, and the
0.02e12 that `gpus.yaml` states for one core.
"""

from dataclasses import dataclass

from foldcp.plan.gpus import Gpu
from foldcp.plan.memory import MAX_MSA_ROWS
from foldcp.plan.mesh import Mesh
from foldcp.plan.workload import ModelSizes, Size, Workload

_AVERAGING_WIDTH, _AVERAGING_HEADS = 256, 8
"""Pair-weighted averaging: 8 heads x 32."""
_OUTER_WIDTH = 32
"""Outer product mean: hidden channels."""
_WINDOW_KEYS = 128
"""Keys an atom attends to."""
_CONFIDENCE_BINS = 64
_HEAD_WIDTH = 32
"""Channels of a triangle-attention head; narrower ones (demo model) are no faster."""
_LOGIT_COST = 50
"""Operations that moving and normalising one attention logit is worth, measured on the CPU."""


@dataclass(frozen=True)
class Overheads:
    """Costs that do not grow with the input. Assumptions, except where measured."""

    startup_seconds: float = 45.0
    """Importing torch and loading weights and molecules, once per job."""
    complex_seconds: float = 0.3
    token_seconds: float = 2.0e-3
    """Parsing, featurizing and writing one complex, and each of its tokens."""
    layer_seconds: float = 2.5e-3
    """Launching the kernels of one layer; measured on the CPU, which launches for a GPU too."""
    mesh_efficiency: float = 0.7
    """Share of the added GPUs' throughput that is left after communication."""


OVERHEADS = Overheads()


def pair_block_flops(n: int, c: int, heads: int) -> float:
    """Return the operations of one pair stack: two triangle multiplications, two attentions, a transition."""
    logit = 2 * _HEAD_WIDTH + _LOGIT_COST / 2
    return 2.0 * n * n * (24 * c * c + 10 * c * heads * _HEAD_WIDTH + n * (2 * c + 2 * heads * logit))


def trunk_flops(size: Size, model: ModelSizes) -> float:
    """Return the operations of one trunk pass: template module for each template, MSA module, Pairformer."""
    n, rows = size.tokens, min(size.msa_depth, MAX_MSA_ROWS)
    c, s, m = model.token_z, model.token_s, model.msa_s
    pair = pair_block_flops(n, c, model.triangle_heads)
    single = 2.0 * n * (17 * s * s + n * (c * model.pairformer_heads + 2 * s))
    per_row = m * (3 * _AVERAGING_WIDTH + 2 * _OUTER_WIDTH + 12 * m)
    averaging = n * (c * _AVERAGING_HEADS + rows * _AVERAGING_WIDTH)
    outer = n * (rows + c) * _OUTER_WIDTH**2
    msa = 2.0 * n * (rows * per_row + averaging + outer) + pair
    template = pair_block_flops(n, model.template_dim, model.triangle_heads)
    templates = size.template_passes * model.template_blocks * template
    return model.pairformer_blocks * (pair + single) + model.msa_blocks * msa + templates


def diffusion_flops(size: Size, model: ModelSizes) -> float:
    """Return the operations of one denoising step of one sample: atom layers and token transformer."""
    n, d, a = size.tokens, 2 * model.token_s, model.atom_s
    tokens = model.transformer_depth * 2.0 * n * (19 * d * d + 2 * n * d) + 2.0 * n * 13 * d * d
    atoms = 2 * model.atom_depth * 2.0 * size.atoms * (19 * a * a + 2 * _WINDOW_KEYS * a)
    return tokens + atoms + 4.0 * size.atoms * a * d


def confidence_flops(size: Size, model: ModelSizes) -> float:
    """Return the operations of the confidence module for one sample."""
    n, c, s = size.tokens, model.token_z, model.token_s
    single = 2.0 * n * (17 * s * s + n * (c * model.pairformer_heads + 2 * s))
    heads = 2.0 * n * n * c * _CONFIDENCE_BINS * 4
    return model.confidence_blocks * (pair_block_flops(n, c, model.triangle_heads) + single) + heads


def conditioning_flops(size: Size, model: ModelSizes) -> float:
    """Return the operations of the diffusion's pair conditioning and bias, computed once."""
    c = model.token_z
    return 2.0 * size.tokens**2 * (14 * c * c + c * model.transformer_depth * model.transformer_heads)


def layer_calls(size: Size, workload: Workload) -> int:
    """Return how many layers one prediction runs."""
    m = workload.sizes
    trunk = m.pairformer_blocks + m.msa_blocks + size.template_passes * m.template_blocks
    return (
        (workload.recycles + 1) * trunk
        + workload.steps * (m.transformer_depth + 2 * m.atom_depth)
        + workload.samples * m.confidence_blocks
    )


def predicted_seconds(size: Size, workload: Workload, mesh: Mesh, gpu: Gpu) -> float:
    """Return the predicted wall time of one complex on its mesh, in seconds, model already loaded."""
    m = workload.sizes
    trunk = (workload.recycles + 1) * trunk_flops(size, m) + conditioning_flops(size, m)
    trunk += workload.samples * confidence_flops(size, m)
    sampling = workload.samples * workload.steps * diffusion_flops(size, m)
    serial = trunk / gpu.flops_per_second(workload.precision) + sampling / gpu.flops_per_second("fp32")
    speed = 1.0 + (mesh.ranks - 1) * OVERHEADS.mesh_efficiency
    fixed = OVERHEADS.complex_seconds + size.tokens * OVERHEADS.token_seconds
    return serial / speed + layer_calls(size, workload) * OVERHEADS.layer_seconds + fixed

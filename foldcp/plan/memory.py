"""The memory model: peak bytes of the worst rank, all coefficients in one place.

The peak is what stays (weights, framework) plus the most expensive stage. Each stage costs bytes per
token pair, per alignment element (row x token), per atom and per token:

* pairs and alignment elements are tiled over the p x q mesh: a rank holds ceil(N/p) x ceil(N/q) pairs and
  ceil(S/p) x ceil(N/q) alignment elements;
* atoms are spread over all p q ranks;
* token vectors are small and whole on every rank.

The coefficients are those of serial Boltz-2 2.2.1 without fused kernels, at released widths. Those per pair
were measured on its modules; those per alignment element, atom and token are estimated from the tensors the
modules hold. Precision `bf16` is charged like `bf16-mixed`, and a mesh is charged the same bytes per pair as
one GPU: both are upper bounds until the traced coefficients of the parallel model replace these. The demo
model is narrower but has the same attention logits, which dominate; it is charged like Boltz-2.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from types import MappingProxyType

from foldcp.plan.mesh import Mesh
from foldcp.plan.workload import Size, Workload

MAX_MSA_ROWS = 8192
"""Boltz reads at most this many rows of an alignment."""
PARALLEL_SAMPLES = 5
"""Boltz denoises at most this many samples at once."""


@dataclass(frozen=True)
class Coefficients:
    """Bytes at one precision; `pair_*` per token pair, `msa_*` per alignment element, the rest as named."""

    pair_features: int
    """Dense features that Boltz moves to the device: one-hots of atoms x tokens, distogram target, bonds."""
    pair_resident: int
    """z, its initial value and the relative-position encoding, alive through the whole forward pass."""
    pair_template: int
    pair_pairformer: int
    pair_conditioning: int
    pair_bias: int
    """Diffusion bias of 24 layers x 16 heads while it is put together."""
    pair_bias_stored: int
    """The same bias once stored; alive from conditioning to the end."""
    pair_attention_sample: int
    """Logits and weights of one diffusion-transformer layer, per sample denoised at once."""
    pair_confidence: int
    """Confidence heads; they compete with the confidence module's own Pairformer."""
    pair_confidence_own: int
    """The confidence module's own pair representation."""
    pair_logits_sample: int
    """PAE and PDE logits, 64 bins each, per sample: kept for all samples."""
    msa_features: int
    msa_transient: int
    """The embedded alignment and its pair-weighted averaging."""
    atom: int
    """Atom windows (32 x 128 pairs of 16 channels) and the biases of six atom layers."""
    atom_sample: int
    token_sample: int
    """Activations of the diffusion transformer."""
    framework: int = 1_600_000_000
    """CUDA context, libraries, workspaces; on a CPU the Python process."""


BF16 = Coefficients(
    pair_features=568,
    pair_resident=1280,
    pair_template=4453,
    pair_pairformer=4612,
    pair_conditioning=2816,
    pair_bias=2304,
    pair_bias_stored=768,
    pair_attention_sample=128,
    pair_confidence=3109,
    pair_confidence_own=512,
    pair_logits_sample=512,
    msa_features=40,
    msa_transient=1700,
    atom=20_000,
    atom_sample=10_000,
    token_sample=61_000,
)
FP32 = Coefficients(
    pair_features=568,
    pair_resident=1536,
    pair_template=6750,
    pair_pairformer=7684,
    pair_conditioning=4096,
    pair_bias=3072,
    pair_bias_stored=1536,
    pair_attention_sample=128,
    pair_confidence=3111,
    pair_confidence_own=512,
    pair_logits_sample=512,
    msa_features=40,
    msa_transient=3360,
    atom=20_000,
    atom_sample=10_000,
    token_sample=61_000,
)
COEFFICIENTS: Mapping[str, Coefficients] = MappingProxyType({"fp32": FP32, "bf16-mixed": BF16, "bf16": BF16})


def stage_bytes(size: Size, workload: Workload, mesh: Mesh) -> dict[str, int]:
    """Return the bytes that each stage of one prediction needs on the worst rank, all told.

    Parameters
    ----------
    size
        Tokens, atoms and alignment rows of the complex.
    workload
        Samples, precision and model.
    mesh
        Mesh the prediction is tiled over.

    Returns
    -------
    dict
        Stage name to bytes, weights and framework included.
    """
    c = COEFFICIENTS[workload.precision]
    cols = ceil(size.tokens / mesh.cols)
    pairs = ceil(size.tokens / mesh.rows) * cols
    alignment = ceil(min(size.msa_depth, MAX_MSA_ROWS) / mesh.rows) * cols
    atoms = ceil(size.atoms / mesh.ranks)
    at_once = min(workload.samples, PARALLEL_SAMPLES)

    kept = workload.sizes.weights_bytes + c.framework + c.msa_features * alignment + c.atom * atoms
    kept += (c.pair_features + c.pair_resident) * pairs
    sampling = (c.atom_sample * atoms + c.token_sample * size.tokens) * at_once
    confidence = max(c.pair_pairformer, c.pair_confidence) + c.pair_confidence_own
    return {
        "template": kept + c.pair_template * pairs,
        "msa": kept + c.msa_transient * alignment + c.pair_resident * pairs,
        "pairformer": kept + c.pair_pairformer * pairs,
        "conditioning": kept + max(c.pair_conditioning, c.pair_bias) * pairs,
        "diffusion": kept + (c.pair_bias_stored + c.pair_attention_sample * at_once) * pairs + sampling,
        "confidence": kept
        + (c.pair_bias_stored + confidence + c.pair_logits_sample * workload.samples) * pairs,
    }


def peak_bytes(size: Size, workload: Workload, mesh: Mesh) -> int:
    """Return the predicted peak memory of the worst rank, in bytes."""
    return max(stage_bytes(size, workload, mesh).values())

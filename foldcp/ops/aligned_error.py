"""Predicted aligned error and the TM sums of it, reduced row block by row block.

Source: AlphaFold 3, supplementary section 5.9.1; `boltz.model.layers.confidence_utils`.

Every TM score is a mean over a set of whole chains of `E_ij = Σ_b p_ij(b) / (1 + (v_b / d₀)²)`. So N × chains
sums replace N² expectations of 64 bins.
"""

import torch
from torch import Tensor

from foldcp.mesh import Place, all_reduce
from foldcp.mesh.cuts import shift
from foldcp.ops.pair_head import PairHead


def aligned_error(
    head: PairHead, z: Tensor, values: Tensor, members: Tensor, place: Place
) -> tuple[Tensor, Tensor]:
    """Return the TM sums `T_ic = Σ_j E_ij members_jc`, (N, C) on every rank, and the expected error.

    The latter is this rank's tile `Σ_b p_ij(b) v_b`, (I, J) in ångströms.

    Parameters
    ----------
    head : PairHead
        The head.
    z : Tensor
        Pair tile (I, J, D).
    values : Tensor
        (bins, 2): error v_b in ångströms and `1 / (1 + (v_b / d₀)²)` of each bin.
    members : Tensor
        (N, C): 1 where unmasked token j is of chain c, else 0.
    place : Place
        Mesh, N and budget.
    """
    mesh, n = place.mesh, place.n_tokens
    own, columns = mesh.rows(n), mesh.columns(n)
    sums = values.new_zeros(n, members.shape[1])
    pae = values.new_empty(z.shape[:2])
    words = z.shape[2] + (head.width + 3) * len(values)
    for block in place.budget.pieces(len(z), words * 4 * z.shape[1]):
        rows = shift(block, -own.start)
        expected_IJX = _expectations(head.logits(z[block], rows, columns), values)
        # In-place products stay in fp32 under autocast.
        sums[rows].addmm_(expected_IJX[..., 1], members[columns])
        pae[block] = expected_IJX[..., 0]
    return all_reduce(sums, mesh, "everyone"), pae


def _expectations(logits: Tensor, values: Tensor) -> Tensor:
    """Return `Σ_b softmax(logits)_b values_b` of several values per bin, (I, J, X)."""
    p = torch.softmax(logits.float(), dim=-1)
    flat = values.new_zeros(p[..., 0].numel(), values.shape[1])
    return flat.addmm_(p.flatten(0, 1), values).unflatten(0, p.shape[:2])

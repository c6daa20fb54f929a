"""Expectation over the bins of a symmetric head: distogram and predicted distance error.

Source: `boltz.model.modules.trunkv2.DistogramModule`, `boltz.model.modules.confidencev2.ConfidenceHeads`.

The serial heads project `z + zᵀ`, a tile as large as z. A projection is linear: `W (z + zᵀ) = W z + (W z)ᵀ`.
So a few bins at a time are projected and transposed, and the softmax over bins is an online one.
"""

import torch
from torch import Tensor

from foldcp.mesh import Place, transpose
from foldcp.mesh.cuts import blocks, shift, size
from foldcp.ops.online_softmax import Partial, merge, softmax_partial
from foldcp.ops.pair_head import PairHead


def symmetric_bins(head: PairHead, z: Tensor, values: Tensor, place: Place) -> Tensor:
    """Return `Σ_b softmax_b(W (z_ij + z_ji) + bias) v_b`, (I, J) in fp32.

    Parameters
    ----------
    head : PairHead
        The head, of any number of bins.
    z : Tensor
        Pair tile (I, J, D).
    values : Tensor
        v (bins,): bin centres give the expected value, ones and zeros the probability of a set of bins.
    place : Place
        Mesh, N and budget; its bytes are for the logits of a group of bins.
    """
    n_bins, (height, width) = len(values), place.largest_tile
    # Logits, their transpose, its messages and the sum; beside them two partial results and their weights.
    count = place.budget.blocks(n_bins, 4 * 4 * height * width, fixed=8 * 4 * height * width)
    past: Partial | None = None
    for bins in blocks(n_bins, count):
        logits = _logits(head, z, bins, place)
        with torch.autocast(z.device.type, enabled=False):
            past = merge(past, softmax_partial(logits, values[bins, None]))
        del logits  # before the next group's are made
    assert past is not None  # there is at least one bin
    return past.result()[..., 0]


def _logits(head: PairHead, z: Tensor, bins: slice, place: Place) -> Tensor:
    """Return the symmetric logits of a group of bins (I, J, G) in fp32."""
    n, mesh = place.n_tokens, place.mesh
    own, columns = mesh.rows(n), mesh.columns(n)
    halves = []
    for rows in place.budget.pieces(len(z), (z.shape[2] + head.width * size(bins)) * 4 * z.shape[1]):
        halves.append(head.logits(z[rows], shift(rows, -own.start), columns, bins))
    half = torch.cat(halves)
    halves.clear()
    logits = half.float() + transpose(half, mesh, (n, n))
    if head.intra.bias is not None:
        logits += head.intra.bias[bins]
    return logits

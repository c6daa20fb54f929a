"""Recycling: a pass begins from the initial pairs and what the last pass has made of them.

Source: AlphaFold 3, supplementary algorithm 1, line 8; `boltz.model.models.boltz2.Boltz2.forward`.
"""

from collections.abc import Callable

from torch import Tensor, nn

from foldcp.mesh import Place
from foldcp.mesh.cuts import shift
from foldcp.ops.residual import residual


def recycle(
    norm: nn.LayerNorm, project: nn.Linear, z: Tensor, z_init: Callable[[slice], Tensor], place: Place
) -> Tensor:
    """Return `z_init + W norm(z)`, where z_init is made block by block of rows and never stored.

    Parameters
    ----------
    norm, project : nn.LayerNorm, nn.Linear
        The serial layers; the norm's bias lets something through even for z = 0, in the first pass.
    z : Tensor
        Pair tile (I, J, D), which takes the result.
    z_init : callable
        Makes the rows (…, J, D) of any tokens i.
    place : Place
        Mesh, N and budget; its bytes are for a block of rows.
    """
    out = residual(z)
    words = 4 * z.shape[2] + 40  # z_init, its largest term, norm and projection; indices of pairs
    first = place.mesh.rows(place.n_tokens).start
    for rows in place.budget.pieces(len(z), words * 4 * z.shape[1]):
        block = z_init(shift(rows, -first))
        block += project(norm(z[rows].to(norm.weight.dtype)))
        out[rows] = block
    return out

"""Which tokens touch another chain.

Source: `boltz.model.modules.confidencev2.ConfidenceHeads` (weights of the interface pLDDT).
"""

from torch import Tensor

from foldcp.mesh import Place, all_reduce
from foldcp.mesh.cuts import shift
from foldcp.ops.distances import distances

CONTACT = 8.0
"""Ångströms between representative atoms below which tokens touch."""


def interface_tokens(x: Tensor, asym_id: Tensor, place: Place) -> Tensor:
    """Return 1 for tokens with a token of another chain within `CONTACT`, else 0: (N,), whole on every rank.

    Parameters
    ----------
    x : Tensor
        Positions of representative atoms (N, 3), whole on every rank.
    asym_id : Tensor
        Chain of each token (N,).
    place : Place
        Mesh, N and budget.
    """
    mesh, n = place.mesh, place.n_tokens
    own, columns = mesh.rows(n), mesh.columns(n)
    touching = x.new_zeros(n)
    for block in place.budget.pieces(own.stop - own.start, 8 * 4 * (columns.stop - columns.start)):
        rows = shift(block, -own.start)
        other = asym_id[rows, None] != asym_id[columns]
        touching[rows] = (other & (distances(x, rows, columns) < CONTACT)).any(dim=1).to(x.dtype)
    return all_reduce(touching, mesh, "everyone", "max")

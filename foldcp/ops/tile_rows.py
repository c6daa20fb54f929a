"""A matrix that lies in tiles, row block by row block: never whole, on no rank and no host."""

from collections.abc import Iterator

from torch import Tensor

from foldcp.mesh import Place, all_reduce
from foldcp.mesh.cuts import blocks, overlap, shift, size


def whole_rows(tile: Tensor, place: Place) -> Iterator[tuple[slice, Tensor]]:
    """Yield the matrix in blocks of consecutive rows, the same on every rank.

    Forward: each rank fills in its piece `M[rows ∩ R_r, C_c]` of `M[rows, :]`; the sum over all is whole.

    Parameters
    ----------
    tile : Tensor
        This rank's tile (I, J) of an N × N matrix.
    place : Place
        Mesh, N and budget; its bytes are for a block of rows.

    Yields
    ------
    slice, Tensor
        Which rows of the matrix, and the rows (…, N).
    """
    mesh, n = place.mesh, place.n_tokens
    own, columns = mesh.rows(n), mesh.columns(n)
    for rows in blocks(n, place.budget.blocks(n, 2 * tile.itemsize * n)):
        block, mine = tile.new_zeros(size(rows), n), overlap(rows, own)
        block[shift(mine, rows.start), columns] = tile[shift(mine, own.start)] if size(mine) else 0
        yield rows, all_reduce(block, mesh, "everyone")

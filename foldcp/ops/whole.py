"""From every rank's block of an axis to the whole axis on every rank."""

from torch import Tensor

from foldcp.mesh import Mesh, all_reduce


def whole(mine: Tensor, own: slice, length: int, mesh: Mesh, dim: int) -> Tensor:
    """Return the whole axis: each rank fills in its own block, and the sum over all ranks is whole.

    Parameters
    ----------
    mine : Tensor
        This rank's block.
    own : slice
        Where on the axis it lies; the ranks' blocks do not overlap.
    length : int
        Length of the whole axis.
    mesh : Mesh
        The mesh.
    dim : int
        The axis' dimension, not counted from the end.
    """
    if mesh.size == 1:
        return mine
    filled = mine.new_zeros(*mine.shape[:dim], length, *mine.shape[dim + 1 :])
    filled.narrow(dim, own.start, own.stop - own.start).copy_(mine)
    return all_reduce(filled, mesh, "everyone")

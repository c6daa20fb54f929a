"""The verb `transpose`: every rank ends with its tile of Mᵀ in the same layout."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from foldcp.mesh.agree import agree
from foldcp.mesh.cuts import block, overlap, shift, size
from foldcp.mesh.exchange import exchange
from foldcp.mesh.mesh import Mesh


def transpose(x: Tensor, mesh: Mesh, shape: tuple[int, int], dims: tuple[int, int] = (0, 1)) -> Tensor:
    """Return this rank's tile of the transposed matrix.

    Forward: `M[R_r, C_c] → Mᵀ[R_r, C_c]`. Gradient: the transpose of the gradient. For p = q the ranks (r, c)
    and (c, r) swap tiles; otherwise each rank sends one piece to every rank whose block it overlaps.

    Parameters
    ----------
    x : Tensor
        Tile of M, with the rows of M (cut over mesh rows) on `dims[0]` and its columns (cut over mesh
        columns) on `dims[1]`; other dimensions are carried along.
    mesh : Mesh
        The mesh.
    shape : tuple of int
        Rows and columns of the whole M.
    dims : tuple of int
        Where the two tile dimensions are.

    Returns
    -------
    Tensor
        Tile of Mᵀ, rows on `dims[0]`; it may be a strided view.

    Raises
    ------
    MeshError
        On all ranks, if dtypes, carried dimensions or tile sizes do not fit.
    """
    expected = (size(mesh.rows(shape[0])), size(mesh.columns(shape[1])))
    got = (x.shape[dims[0]], x.shape[dims[1]])
    carried = [n for dim, n in enumerate(x.shape) if dim not in dims]
    problem = "" if got == expected else f"the tile is {got}, its block of {shape} is {expected}"
    agree(mesh, "transpose", (x.dtype, carried, shape, dims), problem=problem)
    if mesh.size == 1:
        return x.transpose(*dims)
    return _Transpose.apply(x, mesh, shape, dims)


class _Transpose(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, mesh: Mesh, shape: tuple[int, int], dims: tuple[int, int]) -> Tensor:
        ctx.call = (mesh, shape[::-1], dims)
        return _move(x.detach(), mesh, shape, dims)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        return _move(grad, *ctx.call), None, None, None


def _move(x: Tensor, mesh: Mesh, shape: tuple[int, int], dims: tuple[int, int]) -> Tensor:
    """Exchange the pieces of x that other tiles of Mᵀ need, and put together the own one."""
    sends, receives, places = [], [], []
    for r in range(mesh.p):
        for c in range(mesh.q):
            rank, mine = mesh.grid[r][c], (r, c) == (mesh.r, mesh.c)
            given = _shared(mesh, shape, source=(mesh.r, mesh.c), target=(r, c))
            taken = _shared(mesh, shape, source=(r, c), target=(mesh.r, mesh.c))
            piece = _cut(x, given, (mesh.rows(shape[0]).start, mesh.columns(shape[1]).start), dims)
            if not mine and piece.numel():
                sends.append((rank, piece.contiguous()))
            if size(taken[0]) and size(taken[1]):
                buffer = piece if mine else _like(x, taken, dims)
                places.append((taken, buffer))
                if not mine:
                    receives.append((rank, buffer))
    exchange(mesh, "transpose", sends, receives)
    if len(places) == 1:
        return places[0][1].transpose(*dims)
    tile = _like(x, (mesh.rows(shape[1]), mesh.columns(shape[0])), dims)
    origin = (mesh.rows(shape[1]).start, mesh.columns(shape[0]).start)
    for (rows, columns), piece in places:
        _cut(tile, (columns, rows), origin, dims).copy_(piece.transpose(*dims))
    return tile


def _shared(
    mesh: Mesh, shape: tuple[int, int], source: tuple[int, int], target: tuple[int, int]
) -> tuple[slice, slice]:
    """Return the rows and columns of M that lie in the source's tile of M and in the target's tile of Mᵀ."""
    rows = overlap(block(shape[0], mesh.p, source[0]), block(shape[0], mesh.q, target[1]))
    columns = overlap(block(shape[1], mesh.q, source[1]), block(shape[1], mesh.p, target[0]))
    return rows, columns


def _cut(x: Tensor, cuts: tuple[slice, slice], origin: tuple[int, int], dims: tuple[int, int]) -> Tensor:
    """Return the view of a tile that starts at `origin` on the rows and columns `cuts` of the matrix."""
    for cut, start, dim in zip(cuts, origin, dims, strict=True):
        inside = shift(cut, start)
        x = x.narrow(dim, inside.start if size(cut) else 0, size(cut))
    return x


def _like(x: Tensor, cuts: tuple[slice, slice], dims: tuple[int, int]) -> Tensor:
    shape = list(x.shape)
    shape[dims[0]], shape[dims[1]] = size(cuts[0]), size(cuts[1])
    return x.new_empty(shape)

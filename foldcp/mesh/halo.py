"""Halo exchange along the flat rank order: windows of atoms read a few atoms of their neighbours."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from foldcp.mesh.agree import agree
from foldcp.mesh.cuts import overlap, shift, size
from foldcp.mesh.exchange import exchange
from foldcp.mesh.mesh import Mesh, flat_block


def halo(x: Tensor, mesh: Mesh, length: int, before: int, after: int, unit: int = 1) -> Tensor:
    """Return this rank's block extended by the rows before and after it, zero beyond the ends of the axis.

    Forward: `x[lo : hi] → x[lo - before : hi + after]`. Gradient: rows go back to their owner and are added.
    A halo may be wider than the neighbour's block; then it reaches further.

    Parameters
    ----------
    x : Tensor
        This rank's block of the axis, `mesh.flat(length, unit)`, on dimension 0.
    mesh : Mesh
        The mesh.
    length : int
        Length of the whole axis.
    before, after : int
        Rows wanted on either side.
    unit : int
        Blocks begin at multiples of this (atoms per window).

    Raises
    ------
    MeshError
        On all ranks, if they do not agree on the call.
    """
    expected = size(mesh.flat(length, unit))
    problem = "" if len(x) == expected else f"dimension 0 is {len(x)}, its block of {length} is {expected}"
    agree(mesh, "halo", (x.dtype, tuple(x.shape[1:]), length, before, after, unit), problem=problem)
    return _Halo.apply(x, _Reach(mesh, length, before, after, unit))


class _Reach:
    """Which rows of whose block reach into whose halo."""

    def __init__(self, mesh: Mesh, length: int, before: int, after: int, unit: int) -> None:
        self.mesh = mesh
        self.blocks = [flat_block(length, mesh.size, index, unit) for index in range(mesh.size)]
        self.wanted = [slice(b.start - before, b.stop + after) if size(b) else b for b in self.blocks]
        self.mine = mesh.everyone.index

    def given(self) -> list[tuple[int, slice]]:
        """Return rank and own rows (from the own block's start) for every halo that reads them."""
        own = self.blocks[self.mine]
        shared = [(rank, overlap(own, want)) for rank, want in self._others(self.wanted)]
        return [(rank, shift(rows, own.start)) for rank, rows in shared if size(rows)]

    def taken(self) -> list[tuple[int, slice]]:
        """Return rank and rows (from the own halo's start) for every block that the own halo reads."""
        own = self.wanted[self.mine]
        shared = [(rank, overlap(own, block)) for rank, block in self._others(self.blocks)]
        return [(rank, shift(rows, own.start)) for rank, rows in shared if size(rows)]

    def _others(self, cuts: list[slice]) -> list[tuple[int, slice]]:
        return list(zip(self.mesh.everyone.ranks, cuts, strict=True))


class _Halo(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, reach: _Reach) -> Tensor:
        ctx.reach, ctx.shape = reach, x.shape
        wide = x.new_zeros((size(reach.wanted[reach.mine]), *x.shape[1:]))
        for rows, received in _moved(reach, x.detach(), reach.given(), reach.taken()):
            wide[rows] = received
        return wide

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        reach = ctx.reach
        total = grad.new_zeros(ctx.shape)
        for rows, received in _moved(reach, grad, reach.taken(), reach.given()):
            total[rows] += received
        return total, None


def _moved(
    reach: _Reach, x: Tensor, given: list[tuple[int, slice]], taken: list[tuple[int, slice]]
) -> list[tuple[slice, Tensor]]:
    """Send rows of x and return what arrived, with the rows that it belongs to."""
    me = reach.mesh.everyone.ranks[reach.mine]
    sends = [(rank, x[rows].contiguous()) for rank, rows in given if rank != me]
    receives = [(rank, x.new_empty((size(rows), *x.shape[1:]))) for rank, rows in taken if rank != me]
    exchange(reach.mesh, "halo", sends, receives)
    arrived = dict(receives) | {rank: x[rows] for rank, rows in given if rank == me}
    return [(rows, arrived[rank]) for rank, rows in taken]

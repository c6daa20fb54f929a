"""The verb `panels`: chunks of a contracted axis travel past, the next one in flight while this one is used.

A product `Σ_k A[i, k] B[k, j]` on tiles needs `A[R_r, :]` and `B[:, C_c]`. Held whole, these panels would be
N²/√P. So chunk after chunk, the rank that owns `A[R_r, k]` broadcasts it along its mesh row and the owner of
`B[k, C_c]` along its mesh column.
"""

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.autograd.function import once_differentiable

from foldcp.mesh.agree import agree
from foldcp.mesh.cuts import block, chunks, owner, shift, size
from foldcp.mesh.mesh import Line, Mesh
from foldcp.mesh.tally import Tally

Operand = tuple[Tensor, int]
"""A local tile and the dimension of it that is contracted."""


def panels(
    mesh: Mesh,
    length: int,
    rows: Sequence[Operand] = (),
    columns: Sequence[Operand] = (),
    width: int | None = None,
) -> Iterator[list[Tensor]]:
    """Yield, for each chunk k of the contracted axis, every operand's chunk: `A[R_r, k] …, B[k, C_c] …`.

    Gradient: what the ranks of the line computed for a chunk is summed on its owner. All ranks must use every
    chunk in the same order, and each rank's result must enter the loss, or the others wait.

    Parameters
    ----------
    mesh : Mesh
        The mesh.
    length : int
        Length of the whole contracted axis.
    rows : sequence of (Tensor, int)
        Row operands, which travel along the mesh row: tiles whose dimension `int` is the contracted axis, cut
        over mesh columns.
    columns : sequence of (Tensor, int)
        Column operands, which travel along the mesh column: contracted axis cut over mesh rows.
    width : int, optional
        Most items in a chunk; default: lcm(p, q) chunks.

    Yields
    ------
    list of Tensor
        The chunks, row operands first. Read only: the owner's are views of its tile.

    Raises
    ------
    MeshError
        On all ranks, if they do not agree on the call.
    """
    _agree(mesh, length, rows, columns, width)
    spans = chunks(length, mesh.p, mesh.q, width)
    travelling = [(tile, dim, mesh.row) for tile, dim in rows]
    travelling += [(tile, dim, mesh.column) for tile, dim in columns]
    in_flight = _launch(travelling, length, spans[0], mesh.tally)
    for following in [*spans[1:], None]:
        arriving = in_flight
        in_flight = _launch(travelling, length, following, mesh.tally) if following else []
        arrived = _arrived(arriving)
        arriving.clear()
        yield arrived
        arrived.clear()  # kept by nobody but the caller: what it has dropped is free before the next launch


def _arrived(arriving: list[tuple[Tensor, dist.Work | None]]) -> list[Tensor]:
    """Wait for chunks and return them; a function, so that no loop variable keeps the last one alive."""
    for _, work in arriving:
        if work is not None:
            work.wait()
    return [chunk for chunk, _ in arriving]


def _agree(
    mesh: Mesh, length: int, rows: Sequence[Operand], columns: Sequence[Operand], width: int | None
) -> None:
    problem = ""
    for operands, line in ((rows, mesh.row), (columns, mesh.column)):
        for tile, dim in operands:
            expected = size(block(length, line.size, line.index))
            if tile.shape[dim] != expected:
                problem = (
                    f"dimension {dim} of {tuple(tile.shape)} should be {expected}, its block of {length}"
                )
    agree(
        mesh,
        "panels",
        (length, width, [tile.dtype for tile, _ in (*rows, *columns)]),
        row=[_free_shape(*operand) for operand in rows],
        column=[_free_shape(*operand) for operand in columns],
        problem=problem,
    )


def _free_shape(tile: Tensor, dim: int) -> list[int | str]:
    return [n if place != dim else "k" for place, n in enumerate(tile.shape)]


def _launch(
    travelling: list[tuple[Tensor, int, Line]], length: int, span: slice, tally: Tally
) -> list[tuple[Tensor, dist.Work | None]]:
    """Start the broadcast of each operand's chunk; return the buffers with the handles to wait for."""
    launched = []
    for tile, dim, line in travelling:
        source = owner(length, line.size, span)
        if source == line.index:
            inside = shift(span, block(length, line.size, line.index).start)
            piece = tile.narrow(dim, inside.start, size(span))
        else:  # empty, but in the graph: this rank's gradient must reach the owner
            piece = tile.narrow(dim, 0, 0)
        handles: list[dist.Work | None] = [None]
        shape = list(tile.shape)
        shape[dim] = size(span)
        if not prod(shape):  # another dimension is empty on this whole line: nothing to send
            piece = tile.new_empty(shape)
        elif line.group is not None:
            piece = _Travel.apply(piece, line, source, shape, handles, tally)
            if source == line.index:
                tally.add("panels", line.size - 1, piece.nbytes * (line.size - 1))
        launched.append((piece, handles[0]))
    return launched


class _Travel(torch.autograd.Function):
    """Forward: the owner's piece is copied along the line. Gradient: summed over the line, to the owner."""

    @staticmethod
    def forward(
        ctx: Any,
        piece: Tensor,
        line: Line,
        source: int,
        shape: list[int],
        handles: list[dist.Work | None],
        tally: Tally,
    ) -> Tensor:
        """Start to broadcast the owner's piece; return the buffer (`shape`), full once the handle is done."""
        ctx.line, ctx.source, ctx.shape, ctx.tally = line, source, piece.shape, tally
        mine = line.index == source
        buffer = piece.detach().contiguous() if mine else piece.new_empty(shape)
        handles[0] = dist.broadcast(buffer, line.ranks[source], group=line.group, async_op=True)
        return buffer

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        line = ctx.line
        total = grad.clone(memory_format=torch.contiguous_format)
        dist.reduce(total, line.ranks[ctx.source], group=line.group)
        mine = line.index == ctx.source
        if not mine:
            ctx.tally.add("panels", 1, total.nbytes)
        return (total if mine else total.new_zeros(ctx.shape)), None, None, None, None, None

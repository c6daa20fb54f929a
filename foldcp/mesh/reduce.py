"""Reductions along a line of the mesh: sums and maxima over a mesh row, a mesh column or all ranks."""

from typing import Any, Literal

import torch
import torch.distributed as dist
from torch import Tensor
from torch.autograd.function import once_differentiable

from foldcp.errors import unknown_choice
from foldcp.mesh.agree import agree
from foldcp.mesh.mesh import Line, Mesh
from foldcp.mesh.tally import Tally

Over = Literal["row", "column", "everyone"]
_OPS = {"sum": dist.ReduceOp.SUM, "max": dist.ReduceOp.MAX}


def all_reduce(x: Tensor, mesh: Mesh, over: Over, op: Literal["sum", "max"] = "sum") -> Tensor:
    """Return the element-wise sum or maximum of x over a line of ranks, the same on each of them.

    Gradients: of the sum `ḡ_x = Σ_ranks ḡ_y`; of the maximum the same where x attains it, shared among ties.

    Parameters
    ----------
    x : Tensor
        Local tensor, of one shape along the line; it is not changed.
    mesh : Mesh
        The mesh.
    over : {"row", "column", "everyone"}
        The ranks of this mesh row, of this mesh column, or all.
    op : {"sum", "max"}
        The reduction.

    Raises
    ------
    UsageError
        If `over` or `op` is none of these.
    MeshError
        On all ranks, if dtypes or shapes differ.
    """
    if op not in _OPS:
        raise unknown_choice("reduction", op, list(_OPS))
    if over not in ("row", "column", "everyone"):
        raise unknown_choice("line of ranks", over, ["row", "column", "everyone"])
    shape = {over: tuple(x.shape)}
    agree(
        mesh,
        "all_reduce",
        (over, op, x.dtype, shape.get("everyone", ())),
        row=shape.get("row", ()),
        column=shape.get("column", ()),
    )
    line: Line = getattr(mesh, over)
    if line.group is None:
        return x
    return _AllReduce.apply(x, line, op, mesh.tally)


class _AllReduce(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, line: Line, op: str, tally: Tally) -> Tensor:
        y = _reduced(x, line, op, tally)
        ctx.line, ctx.op, ctx.tally = line, op, tally
        if op == "max":
            ctx.save_for_backward(x == y)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        total = _reduced(grad, ctx.line, "sum", ctx.tally)
        if ctx.op == "max":
            (attained,) = ctx.saved_tensors
            share = attained.to(grad.dtype)
            total = total * share / _reduced(share, ctx.line, "sum", ctx.tally)
        return total, None, None, None


def _reduced(x: Tensor, line: Line, op: str, tally: Tally) -> Tensor:
    y = x.detach().clone(memory_format=torch.contiguous_format)
    dist.all_reduce(y, op=_OPS[op], group=line.group)
    tally.add("all_reduce", 2 * (line.size - 1), 2 * y.nbytes * (line.size - 1) // line.size)
    return y

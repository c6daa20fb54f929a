"""A mesh seen from one of its ranks, the others not being there: messages arrive at once and say nothing."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch.distributed as dist

from foldcp.errors import UsageError
from foldcp.mesh import Mesh
from foldcp.mesh.mesh import Line


@contextmanager
def fake_mesh(p: int, q: int) -> Iterator[Mesh]:
    """Yield a p×q mesh as its most burdened rank sees it, over torch's `fake` backend.

    Cuts round down, so that the last block of rows, columns, sequences and windows is a largest one. On a
    square mesh it is the rank left of the last one: on the diagonal a transposed tile is a mere view.
    Handshakes are left out, for there is nobody to disagree with.

    Raises
    ------
    UsageError
        If this process already is a rank of something.
    """
    if dist.is_initialized():
        raise UsageError("memory is traced in a process of its own, not in a rank of a running mesh")
    # Private to torch's tests, but the one implementation there is; it registers the backend.
    from torch.testing._internal.distributed.fake_pg import FakeStore

    r, c = p - 1, q - 2 if p == q > 1 else q - 1
    dist.init_process_group("fake", store=FakeStore(), rank=r * q + c, world_size=p * q)
    try:
        yield _seen_from(r, c, p, q)
    finally:
        dist.destroy_process_group()


def _seen_from(r: int, c: int, p: int, q: int) -> Mesh:
    grid = tuple(tuple(range(row * q, (row + 1) * q)) for row in range(p))
    row, column = _line(grid[r], c), _line(tuple(ranks[c] for ranks in grid), r)
    return Mesh(p, q, r, c, row, column, _line(tuple(range(p * q)), r * q + c), grid, control=None)


def _line(ranks: tuple[int, ...], index: int) -> Line:
    return Line(ranks, index, dist.new_group(list(ranks)) if len(ranks) > 1 else None)

"""A p × q mesh of ranks, its lines of communication, and where a block of tokens lies.

Rank (r, c) of the mesh holds the pair tile `z[R_r, C_c]`: row block r of p, column block c of q (see `cuts`).
The transposed mesh `mesh.T` is the same ranks seen with rows and columns exchanged: an operation along
columns is the operation along rows of the transposed tile on `mesh.T`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property

import torch
import torch.distributed as dist

from foldcp.mesh.cuts import block
from foldcp.mesh.errors import MeshError
from foldcp.mesh.tally import Tally


@dataclass(frozen=True)
class Line:
    """Ranks that a tensor travels along, in order, and the place of this rank among them."""

    ranks: tuple[int, ...]
    index: int
    group: dist.ProcessGroup | None
    """None where the line is this rank alone, so that nothing travels."""

    @property
    def size(self) -> int:
        """How many ranks the line has."""
        return len(self.ranks)


@dataclass
class Handshakes:
    """Whether verbs compare their calls over the mesh before they move anything (`agree`)."""

    wanted: bool = True

    @contextmanager
    def spared(self, repeated: bool) -> Iterator[None]:
        """Leave handshakes out of a sequence of calls that repeats one which had them.

        The ranks have agreed on each call then, and take the same steps again. `repeated` must be the same on
        all ranks.
        """
        before, self.wanted = self.wanted, self.wanted and not repeated
        try:
            yield
        finally:
            self.wanted = before


@dataclass(frozen=True, eq=False)
class Mesh:
    """p rows × q columns of ranks, seen from rank (r, c). Build it with `Mesh.create`."""

    p: int
    q: int
    r: int
    c: int
    row: Line
    """The q ranks of this mesh row, ordered by column."""
    column: Line
    """The p ranks of this mesh column, ordered by row."""
    everyone: Line
    """All p·q ranks in flat order, row after row."""
    grid: tuple[tuple[int, ...], ...]
    """`grid[r][c]` is the rank."""
    control: dist.ProcessGroup | None
    """A gloo group for handshakes on host memory, whatever moves the data."""
    tally: Tally = field(default_factory=Tally)
    handshakes: Handshakes = field(default_factory=Handshakes)

    @classmethod
    def create(cls, p: int, q: int, timeout: timedelta | None = None) -> "Mesh":
        """Arrange all ranks of torch's default process group as a mesh, row after row.

        Every rank must call this.

        Parameters
        ----------
        p, q : int
            Rows and columns. A 1×1 mesh needs no process group.
        timeout : timedelta, optional
            How long a message may take before it is an error; default: torch's.

        Raises
        ------
        MeshError
            If the number of ranks is not p·q.
        """
        n_ranks = dist.get_world_size() if dist.is_initialized() else 1
        if p < 1 or q < 1 or p * q != n_ranks:
            raise MeshError(
                f"a {p}x{q} mesh takes exactly {p * q} ranks, but torch's process group has {n_ranks}. "
                "Start that many processes (torchrun, srun) or choose another mesh"
            )
        flat = dist.get_rank() if n_ranks > 1 else 0
        grid = tuple(tuple(range(r * q, (r + 1) * q)) for r in range(p))
        everyone = _own_line([tuple(range(p * q))], flat, timeout)
        control = _group(everyone.ranks, timeout, "gloo")
        row = _own_line(list(grid), flat, timeout)
        column = _own_line(list(zip(*grid, strict=True)), flat, timeout)
        mesh = cls(p, q, *divmod(flat, q), row, column, everyone, grid, control)
        _meet(mesh)
        return mesh

    @cached_property
    def T(self) -> "Mesh":  # noqa: N802
        """The same ranks with rows and columns exchanged; messages count in the same tally."""
        grid = tuple(zip(*self.grid, strict=True))
        return Mesh(
            self.q,
            self.p,
            self.c,
            self.r,
            self.column,
            self.row,
            self.everyone,
            grid,
            self.control,
            self.tally,
            self.handshakes,
        )

    @property
    def size(self) -> int:
        """How many ranks the mesh has."""
        return self.p * self.q

    def rows(self, length: int) -> slice:
        """Return R_r, the row block of this rank on an axis of `length`."""
        return block(length, self.p, self.r)

    def columns(self, length: int) -> slice:
        """Return C_c, the column block of this rank on an axis of `length`."""
        return block(length, self.q, self.c)

    def flat(self, length: int, unit: int = 1) -> slice:
        """Return this rank's block of an axis cut over all ranks, at multiples of `unit` (a window)."""
        return flat_block(length, self.size, self.everyone.index, unit)

    def largest_tile(self, n_tokens: int) -> tuple[int, int]:
        """Return the height and width of the mesh's largest tile, equal on all ranks."""
        return -(-n_tokens // self.p), -(-n_tokens // self.q)


def flat_block(length: int, parts: int, index: int, unit: int) -> slice:
    """Return block `index` of an axis cut into `parts` at multiples of `unit`."""
    units = block(-(-length // unit), parts, index)
    return slice(min(units.start * unit, length), min(units.stop * unit, length))


def _own_line(lines: list[tuple[int, ...]], rank: int, timeout: timedelta | None) -> Line:
    """Make the groups of all parallel lines, as torch asks of every rank; return the own one."""
    groups = [_group(ranks, timeout) for ranks in lines]
    return next(Line(r, r.index(rank), group) for r, group in zip(lines, groups, strict=True) if rank in r)


def _group(
    ranks: tuple[int, ...], timeout: timedelta | None, backend: str | None = None
) -> dist.ProcessGroup | None:
    return dist.new_group(list(ranks), timeout=timeout, backend=backend) if len(ranks) > 1 else None


def _meet(mesh: Mesh) -> None:
    """Use each group once with all its ranks: torch asks that before partial point-to-point calls."""
    for line in (mesh.everyone, mesh.row, mesh.column):
        if line.group is not None:
            on_gpu = dist.get_backend(line.group) == "nccl"
            dist.all_reduce(torch.zeros(1, device="cuda" if on_gpu else "cpu"), group=line.group)

"""The one object that governs chunking: how many bytes a transient may take on a rank.

Operations state what one unit of work costs (a channel, a row of pairs, a head) and ask into how many blocks
to cut it. There is no other chunk size in foldcp.
"""

from dataclasses import dataclass

from foldcp.errors import unknown_choice
from foldcp.mesh.cuts import blocks
from foldcp.mesh.mesh import Mesh

LEVELS = {"small": 256, "medium": 1024, "large": 4096}
"""Named budgets, in bytes per token pair of the largest tile; the fp32 tile itself is 512."""

_PIECES = {"cpu": 4 * 2**20, "cuda": 256 * 2**20}
"""Work that needs no message is cut at least this fine. On a CPU pieces that stay in cache are faster; a
GPU wants them larger, but no larger than helps."""


@dataclass(frozen=True)
class Budget:
    """Bytes that the transients of one operation may take on a rank, above its input and its output tile."""

    bytes: int
    device: str = "cpu"
    """Kind of the device: `cpu` or `cuda`."""

    @classmethod
    def level(cls, name: str, mesh: Mesh, n_tokens: int, device: str = "cpu") -> "Budget":
        """Return a named budget for a model of `n_tokens` on a mesh: small, medium or large."""
        if name not in LEVELS:
            raise unknown_choice("budget", name, list(LEVELS))
        height, width = mesh.largest_tile(n_tokens)
        return cls(LEVELS[name] * height * width, device)

    def blocks(self, length: int, bytes_each: int, fixed: int = 0) -> int:
        """Return into how many blocks to cut `length` units of `bytes_each`, beside `fixed` bytes that stay.

        A block is at least one unit, however small the budget. Ranks that must take the same number of steps
        pass figures that are equal on all of them (`Mesh.largest_tile`).
        """
        affordable = max(1, (self.bytes - fixed) // bytes_each)
        return min(max(1, -(-length // affordable)), max(1, length))

    def pieces(self, length: int, bytes_each: int) -> list[slice]:
        """Return slices for work that needs no message: within a quarter of the budget."""
        local = Budget(min(self.bytes // 4, _PIECES[self.device]))
        return blocks(length, local.blocks(length, bytes_each))

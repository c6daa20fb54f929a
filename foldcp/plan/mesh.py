"""Choice of the mesh: the fewest ranks that fit, tiling whole nodes, as square as possible.

Rectangles are free (8-GPU nodes and 2-GPU workstations need them). Among meshes of equal rank count the
squarest sends least: a travelling panel holds N²/p or N²/q pairs, so both should be large. Rows never
outnumber columns.
"""

from dataclasses import dataclass
from math import ceil, isqrt

from foldcp.errors import UsageError


@dataclass(frozen=True, order=True)
class Mesh:
    """A mesh of `rows` x `cols` ranks (p x q), one GPU each."""

    rows: int = 1
    cols: int = 1

    def __str__(self) -> str:
        return f"{self.rows}x{self.cols}"

    @classmethod
    def parse(cls, text: str) -> "Mesh":
        """Return the mesh written as rows x columns, e.g. `2x3`.

        Raises
        ------
        UsageError
            If the text is no mesh.
        """
        rows, _, cols = text.lower().partition("x")
        if not (rows.isdecimal() and cols.isdecimal() and int(rows) and int(cols)):
            raise UsageError(f"mesh {text!r} is not rows x columns, e.g. 2x3")
        return cls(int(rows), int(cols))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.rows, self.cols

    @property
    def ranks(self) -> int:
        """Number of ranks."""
        return self.rows * self.cols

    def nodes(self, gpus_per_node: int) -> int:
        """Return the number of nodes the mesh spans."""
        return ceil(self.ranks / gpus_per_node)


def squarest(ranks: int) -> Mesh:
    """Return the most square mesh of exactly `ranks` ranks, with rows <= columns."""
    rows = next(p for p in range(isqrt(ranks), 0, -1) if ranks % p == 0)
    return Mesh(rows, ranks // rows)


def candidates(max_ranks: int, gpus_per_node: int) -> list[Mesh]:
    """Return the meshes a plan may choose, fewest ranks first.

    A rank count either divides `gpus_per_node`, so that several meshes share a node, or is a multiple of it,
    so that whole nodes are filled.
    """
    counts = range(1, max_ranks + 1)
    return [squarest(n) for n in counts if gpus_per_node % n == 0 or n % gpus_per_node == 0]

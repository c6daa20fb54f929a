"""Where an operation runs: the mesh, the number of tokens cut over it, and the budget."""

from dataclasses import dataclass, replace

from foldcp.mesh.budget import Budget
from foldcp.mesh.errors import MeshError
from foldcp.mesh.mesh import Mesh


@dataclass(frozen=True)
class Place:
    """A mesh, the length N of the token axis cut over it, and what transients may take on a rank."""

    mesh: Mesh
    n_tokens: int
    budget: Budget

    def __post_init__(self) -> None:
        if self.n_tokens < max(self.mesh.p, self.mesh.q):
            raise MeshError(
                f"{self.n_tokens} tokens cannot be cut over a {self.mesh.p}x{self.mesh.q} mesh: each rank "
                "needs at least one row and one column of pairs. Choose a smaller mesh"
            )

    @classmethod
    def create(cls, mesh: Mesh, n_tokens: int, level: str, device: str = "cpu") -> "Place":
        """Return the place with a named budget, small, medium or large, on a kind of device: cpu or cuda."""
        return cls(mesh, n_tokens, Budget.level(level, mesh, n_tokens, device))

    @property
    def T(self) -> "Place":  # noqa: N802
        """The same place on the transposed mesh."""
        return replace(self, mesh=self.mesh.T)

    @property
    def largest_tile(self) -> tuple[int, int]:
        """Height and width of the mesh's largest tile: all ranks derive common block counts from it."""
        return self.mesh.largest_tile(self.n_tokens)

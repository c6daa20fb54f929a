"""The bias of token attention from a pair tile: `b_hij = W_l norm_l(z_ij)` for each layer l.

Source: AlphaFold 3, supplementary algorithm 24, line 3.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from foldcp.mesh import Budget
from foldcp.ops.precision import working_dtype


class PairBias:
    """The bias of every layer on one tile: that of the first layers stored, that of the others recomputed.

    Stored, H numbers per pair and layer stay; recomputed, nothing does but the tile. A tile of which the bias
    of all layers is stored is not held.

    Parameters
    ----------
    projections : sequence of (nn.LayerNorm, nn.Linear)
        The serial norm and the linear layer to H heads of each layer.
    z : Tensor
        Pair tile (I, J, D).
    budget : Budget
        Bytes for the rows that are being projected.
    stored_bytes : int
        What the stored bias may take.
    """

    def __init__(
        self,
        projections: Sequence[tuple[nn.LayerNorm, nn.Linear]],
        z: Tensor,
        budget: Budget,
        stored_bytes: int = 0,
    ) -> None:
        self.projections, self.budget = list(projections), budget
        self.n_heads = self.projections[0][1].out_features
        self.z: Tensor | None = z
        dtype = working_dtype(self.projections[0][1].weight)
        bytes_per_layer = self.n_heads * z.shape[0] * z.shape[1] * dtype.itemsize
        n_stored = min(len(projections), stored_bytes // bytes_per_layer)
        self.stored = [self._projected(layer, z) for layer in range(n_stored)]
        if n_stored == len(projections):
            self.z = None

    def rows(self, layer: int, rows: slice) -> Tensor:
        """Return the bias of a layer for a block of the tile's rows (H, rows, J), in fp32."""
        if layer < len(self.stored):
            return self.stored[layer][:, rows].float()
        assert self.z is not None  # dropped only when all layers are stored
        return self._projected(layer, self.z[rows]).float()

    def _projected(self, layer: int, z: Tensor) -> Tensor:
        norm, linear = self.projections[layer]
        bias = z.new_empty(self.n_heads, *z.shape[:2], dtype=working_dtype(linear.weight))
        for rows in self.budget.pieces(len(z), (2 * z.shape[2] + self.n_heads) * 4 * z.shape[1]):
            bias[:, rows] = linear(norm(z[rows].to(norm.weight.dtype))).permute(2, 0, 1)
        return bias

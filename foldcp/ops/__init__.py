"""The equations of the model on local tiles: free functions of a serial layer's weights, tiles and a place.

Conventions, the same in every file:

* `layer` is the untouched serial Boltz-2 layer; its parameters are read where they are.
* A pair tile is `z[R_r, C_c]`, shape (I, J, D), of one complex: there is no batch dimension. What belongs to
  the diffusion has a leading dimension B of samples.
* `place` holds the mesh, the whole N and the budget. Numbers of blocks come from the budget and the largest
  tile of the mesh, so that all ranks take the same steps.
* Operations on a residual stream return `x + layer(x)`. Without gradients they write into `x` and return it,
  for a second tile would double the memory; with gradients they leave `x` alone. `pair_bias_attention` alone
  returns the update, for it has another share of the tokens than its input.
* Which entries of a sparse feature fall into a block is worked out on the host; devices see index tensors.
"""

from foldcp.ops.outer_product_mean import outer_product_mean
from foldcp.ops.pair_averaging import pair_averaging
from foldcp.ops.pair_bias_attention import pair_bias_attention
from foldcp.ops.transition import transition
from foldcp.ops.triangle_attention import triangle_attention
from foldcp.ops.triangle_multiplication import triangle_multiplication

__all__ = [
    "outer_product_mean",
    "pair_averaging",
    "pair_bias_attention",
    "transition",
    "triangle_attention",
    "triangle_multiplication",
]

"""Where the confidence module starts: the trunk's pair representation and the distances of one sample."""

from collections.abc import Callable

import torch
from boltz.model.modules.confidencev2 import ConfidenceModule
from torch import Tensor, nn

from foldcp.features import Features
from foldcp.mesh import Place
from foldcp.mesh.cuts import shift
from foldcp.ops.distances import distances
from foldcp.ops.pair_features import bond_features, contact_features
from foldcp.ops.relative_position import relative_position

Term = Callable[[Tensor, slice], None]
"""Adds its share to a block of rows (…, J, D), those of the given tokens."""


class ConfidencePairs(nn.Module):
    """What `boltz.model.modules.confidencev2.ConfidenceModule` adds to z before its Pairformer, on tiles.

    Parameters
    ----------
    module : ConfidenceModule
        The serial module.
    """

    def __init__(self, module: ConfidenceModule) -> None:
        super().__init__()
        self.module = module

    def forward(
        self, z: Tensor, s_inputs: Tensor, x: Tensor, features: Features, place: Place, reuse: bool
    ) -> Tensor:
        """Return the pair tile (I, J, D), in the format of z.

        Parameters
        ----------
        z : Tensor
            Pair tile (I, J, D) of the trunk.
        s_inputs : Tensor
            Normalised input embedding (N, D_s), whole on every rank.
        x : Tensor
            Positions of representative atoms (N, 3), whole on every rank.
        features : Features
            Features of the complex, on the host.
        place : Place
            Mesh, N and budget.
        reuse : bool
            Whether to write into z instead of a new tile.
        """
        module, mesh = self.module, place.mesh
        own, columns = mesh.rows(place.n_tokens), mesh.columns(place.n_tokens)
        terms = [self._of_tokens(s_inputs, columns), self._of_distances(x, columns)]
        if module.add_z_input_to_z:
            terms.append(self._of_features(features, columns, z.device))
        out = z if reuse else torch.empty_like(z)
        for local in place.budget.pieces(len(z), 6 * 4 * z.shape[1] * z.shape[2]):
            block = module.z_norm(z[local].to(module.z_norm.weight.dtype))
            for add in terms:
                add(block, shift(local, -own.start))
            out[local] = block
        return out

    def _of_tokens(self, s_inputs: Tensor, columns: slice) -> Term:
        module, s_inputs_J = self.module, s_inputs[columns]
        left, right_J = module.s_to_z(s_inputs), module.s_to_z_transpose(s_inputs_J)
        if module.add_s_to_z_prod:
            factor, factor_J = module.s_to_z_prod_in1(s_inputs), module.s_to_z_prod_in2(s_inputs_J)

        def add(block: Tensor, rows: slice) -> None:
            block += left[rows, None]
            block += right_J
            if module.add_s_to_z_prod:
                block += module.s_to_z_prod_out(factor[rows, None] * factor_J)

        return add

    def _of_distances(self, x: Tensor, columns: slice) -> Term:
        embedding, boundaries = self.module.dist_bin_pairwise_embed, self.module.boundaries

        def add(block: Tensor, rows: slice) -> None:
            block += embedding(torch.bucketize(distances(x, rows, columns), boundaries, out_int32=True))

        return add

    def _of_features(self, features: Features, columns: slice, device: torch.device) -> Term:
        module, tokens, pairs = self.module, features.tokens.to(device), features.pairs
        cyclic = any(features.tokens.cyclic_period.tolist())

        def add(block: Tensor, rows: slice) -> None:
            block += relative_position(module.rel_pos, tokens, rows, columns, cyclic)
            block += bond_features(module, pairs, rows, columns)
            block += contact_features(module.contact_conditioning, pairs, rows, columns)

        return add

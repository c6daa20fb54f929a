"""Atom encoder and decoder on windows cut over all ranks. B: samples; a: own atoms; w: own windows.

All of it is fp32, whatever the precision of the trunk: coordinates come out of it.
"""

from collections.abc import Callable

import torch
from boltz.model.modules import encodersv2
from torch import Tensor, nn

from foldcp.errors import UsageError
from foldcp.mesh import Place
from foldcp.ops.atom_attention import atom_transformer
from foldcp.ops.atom_features import atom_embedding
from foldcp.ops.atom_pairs import atom_pairs
from foldcp.ops.atom_windows import AtomShare
from foldcp.ops.token_atoms import atoms_to_tokens, tokens_to_atoms


class AtomEmbedding(nn.Module):
    """`boltz.model.modules.encodersv2.AtomEncoder` on the own windows.

    Parameters
    ----------
    layer : AtomEncoder
        The serial layer.
    """

    def __init__(self, layer: encodersv2.AtomEncoder) -> None:
        super().__init__()
        self.layer = layer

    def forward(
        self,
        share: AtomShare,
        place: Place,
        s: Tensor | None = None,
        z: Tensor | None = None,
        project: Callable[[Tensor], Tensor] | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return queries and conditioning of the own atoms (a, D) each, and their pairs (w, Q, K, D_p).

        Parameters
        ----------
        share : AtomShare
            The own windows.
        place : Place
            Mesh, N and budget.
        s, z : Tensor, optional
            Tokens (N, D_s), whole, and conditioned pair tile (I, J, D_z): where the layer reads the trunk.
        project : callable, optional
            What is wanted of the pairs, applied to group after group of windows, (w, Q, K, D_p) to
            (w, Q, K, C): so the pairs, D_p wide, are never whole. By default they are returned themselves.

        Raises
        ------
        UsageError
            If the share was cut for other windows than the layer's.
        """
        layer = self.layer
        _check_windows(share, layer.atoms_per_window_queries, layer.atoms_per_window_keys)
        with torch.autocast(share.device.type, enabled=False):
            q = c = atom_embedding(layer, share, place.budget)
            if layer.structure_prediction:
                assert s is not None and z is not None, "this layer reads the trunk"
                c = c + tokens_to_atoms(layer.s_to_c_trans(s.float())[None], share)[0]
            out: Tensor | None = None
            for rows, p in atom_pairs(layer, c, z, share, place):
                wanted = p if project is None else project(p)
                if out is None:
                    out = wanted.new_empty(share.n_windows, *wanted.shape[1:])
                out[rows] = wanted
                del p, wanted
        assert out is not None  # there is at least one group, if an empty one
        return q, c, out


class AtomAttentionEncoder(nn.Module):
    """`boltz.model.modules.encodersv2.AtomAttentionEncoder` on the own windows.

    Parameters
    ----------
    layer : AtomAttentionEncoder
        The serial layer.
    """

    def __init__(self, layer: encodersv2.AtomAttentionEncoder) -> None:
        super().__init__()
        self.layer = layer

    def forward(
        self, q: Tensor, c: Tensor, bias: Tensor, share: AtomShare, place: Place, r: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return tokens (B, N, D_t), whole on every rank, and atoms (B, a, D).

        Parameters
        ----------
        q, c : Tensor
            Queries and conditioning of the own atoms (a, D), the same for all samples.
        bias : Tensor
            Biases of all layers (w, Q, K, L·H).
        share : AtomShare
            The own windows.
        place : Place
            Mesh, N and budget.
        r : Tensor, optional
            Scaled positions of the own atoms (B, a, 3): where the layer reads them. Otherwise B is 1.
        """
        layer = self.layer
        with torch.autocast(share.device.type, enabled=False):
            x = q[None]
            if layer.structure_prediction:
                assert r is not None, "this layer reads positions"
                x = x + layer.r_to_q_trans(r.float())
            x = atom_transformer(layer.atom_encoder, x, c, bias, share, place)
            project = layer.atom_to_token_trans
            return atoms_to_tokens(project, project[0].out_features, x, share, place), x


class AtomAttentionDecoder(nn.Module):
    """`boltz.model.modules.encodersv2.AtomAttentionDecoder` on the own windows.

    Parameters
    ----------
    layer : AtomAttentionDecoder
        The serial layer.
    """

    def __init__(self, layer: encodersv2.AtomAttentionDecoder) -> None:
        super().__init__()
        self.layer = layer

    def forward(
        self, tokens: Tensor, q: Tensor, c: Tensor, bias: Tensor, share: AtomShare, place: Place
    ) -> Tensor:
        """Return the update of the own atoms' scaled positions (B, a, 3).

        Parameters
        ----------
        tokens : Tensor
            Tokens (B, N, 2 D_s), whole on every rank.
        q : Tensor
            Own atoms (B, a, D), as the encoder returned them.
        c : Tensor
            Their conditioning (a, D).
        bias : Tensor
            Biases of all layers (w, Q, K, L·H).
        share : AtomShare
            The own windows.
        place : Place
            Mesh, N and budget.
        """
        layer = self.layer
        with torch.autocast(share.device.type, enabled=False):
            q = q + tokens_to_atoms(layer.a_to_q_trans(tokens.float()), share)
            q = atom_transformer(layer.atom_decoder, q, c, bias, share, place)
            return layer.atom_feat_to_atom_pos_update(q)


def _check_windows(share: AtomShare, queries: int, keys: int) -> None:
    if (share.queries, share.keys) != (queries, keys):
        raise UsageError(
            f"the atoms are cut for windows of {share.queries} queries and {share.keys} keys, the model has "
            f"{queries} and {keys}. Pass the model's numbers to AtomShare.create"
        )

"""Relative position encoding: one vector for each pair of tokens, looked up and never stored whole.

Source: AlphaFold 3, supplementary algorithm 3; `boltz.model.modules.encodersv2.RelativePositionEncoder`.

The serial layer multiplies 139 one-hot features of a pair with a matrix. Four of them can be 1, so the
product is a sum of four of the matrix' columns.
"""

import torch
from boltz.model.modules.encodersv2 import RelativePositionEncoder
from torch import Tensor
from torch.nn.functional import embedding_bag, pad

from foldcp.features import Tokens


def relative_position(
    encoder: RelativePositionEncoder, tokens: Tokens, rows: slice, columns: slice, cyclic: bool
) -> Tensor:
    """Return `W[residue_ij] + W[token_ij] + W[entity_ij] + W[copy_ij]`, the third where it is the same.

    Residue, token and copy are each a difference of indices i - j, clipped, or a class of its own: residues
    of different chains, tokens of different residues, and copies that are not compared.

    Parameters
    ----------
    encoder : RelativePositionEncoder
        The serial layer.
    tokens : Tokens
        Tokens of the complex, on the layer's device.
    rows, columns : slice
        Any tokens i and j of the complex.
    cyclic : bool
        Whether any chain is cyclic, which the host knows.

    Returns
    -------
    Tensor
        (I, J, D), new memory.
    """
    weight = encoder.linear_layer.weight
    picked = torch.stack(_columns(encoder, tokens, rows, columns, cyclic), dim=-1)
    table = pad(weight.T, (0, 0, 0, 1))  # one row more, of zeros: a term that is absent
    return embedding_bag(picked.flatten(0, 1), table, mode="sum").unflatten(0, picked.shape[:2])


def _columns(
    encoder: RelativePositionEncoder, tokens: Tokens, rows: slice, columns: slice, cyclic: bool
) -> list[Tensor]:
    """Return which four columns of W each pair (I, J) picks."""
    chain, residue, entity, token, copy = (
        x[rows, None] - x[columns]
        for x in (tokens.asym_id, tokens.residue_index, tokens.entity_id, tokens.token_index, tokens.sym_id)
    )
    other_residue = (chain != 0) | (residue != 0)
    if cyclic and encoder.cyclic_pos_enc:
        residue = _shorter_way(residue, tokens.cyclic_period[columns])
    not_compared = entity != 0 if encoder.fix_sym_check else chain == 0
    classes, absent = 2 * encoder.r_max + 2, encoder.linear_layer.in_features
    return [
        _clipped(residue, encoder.r_max, chain != 0),
        classes + _clipped(token, encoder.r_max, other_residue),
        torch.where(entity == 0, 2 * classes, absent),
        2 * classes + 1 + _clipped(copy, encoder.s_max, not_compared),
    ]


def _clipped(difference: Tensor, most: int, apart: Tensor) -> Tensor:
    """Return the class of a difference, 0 to 2 `most`, and the one after these where `apart`."""
    return (difference + most).clamp_(0, 2 * most).masked_fill_(apart, 2 * most + 1)


def _shorter_way(difference: Tensor, period_J: Tensor) -> Tensor:
    """Return the difference of residues round a ring, the way that is shorter; a period of 0 is no ring."""
    period_J = torch.where(period_J > 0, period_J, 10000.0)  # the serial layer's stand-in for no ring
    return (difference - period_J * torch.round(difference / period_J)).long()

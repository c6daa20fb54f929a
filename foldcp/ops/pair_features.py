"""What is known of single pairs of tokens: bonds and contact conditions, for any block of pairs.

Nearly every pair has neither, and gets the same vector as all others. So a block is that vector, expanded,
unless it holds listed pairs. Which it holds is found on the host, where the lists are.

Source: `boltz.model.models.boltz2.Boltz2`, `boltz.model.modules.trunkv2.ContactConditioning`.
"""

from typing import Any

import numpy as np
import torch
from boltz.data import const
from boltz.model.modules.trunkv2 import ContactConditioning
from torch import Tensor
from torch.nn.functional import linear

from foldcp.features import PairFeatures
from foldcp.mesh.cuts import size

_N_DEFAULTS = 2
"""Kinds of contact conditions without features of their own: UNSPECIFIED and UNSELECTED."""


def bond_features(part: Any, pairs: PairFeatures, rows: slice, columns: slice) -> Tensor:
    """Return `w + T[type_ij]` where tokens i and j are bonded, `T[0]` elsewhere.

    Parameters
    ----------
    part : Boltz2 or ConfidenceModule
        What holds `token_bonds` (w) and, in some models, `token_bonds_type` (T).
    pairs : PairFeatures
        Features of pairs, on the host.
    rows, columns : slice
        Any tokens i and j of the complex.

    Returns
    -------
    Tensor
        (I, J, D), read only: it may be one vector, expanded.
    """
    bonded = part.token_bonds.weight[:, 0]
    listed = _inside(pairs.bond_places, rows, columns)
    types = getattr(part, "token_bonds_type", None)
    if types is None:
        return _block(torch.zeros_like(bonded), bonded, pairs.bonds[listed], rows, columns)
    kinds = pairs.bond_types[listed].to(bonded.device)
    return _block(types.weight[0], bonded + types.weight[kinds], pairs.bonds[listed], rows, columns)


def contact_features(layer: ContactConditioning, pairs: PairFeatures, rows: slice, columns: slice) -> Tensor:
    """Return `W [one-hot(kind_ij), d̂_ij, cos(2π (u d̂_ij + v))] + b` where listed, one vector elsewhere.

    Forward: `d̂` is the threshold, shifted and scaled to [0, 1] between the layer's cutoffs.

    Parameters
    ----------
    layer : ContactConditioning
        The serial layer.
    pairs, rows, columns
        As of `bond_features`.

    Returns
    -------
    Tensor
        (I, J, D), read only: it may be one vector, expanded.
    """
    default = layer.encoding_unselected if pairs.other_contacts else layer.encoding_unspecified
    listed = _inside(pairs.contact_places, rows, columns)
    kinds, thresholds = (
        x[listed].to(default.device) for x in (pairs.contact_kinds, pairs.contact_thresholds)
    )
    scaled = (thresholds - layer.cutoff_min) / (layer.cutoff_max - layer.cutoff_min)
    n_kinds = len(const.contact_conditioning_info) - _N_DEFAULTS
    of_kind, of_distance = layer.encoder.weight.split([n_kinds, layer.encoder.in_features - n_kinds], dim=1)
    x = torch.cat([scaled[:, None], layer.fourier_embedding(scaled)], dim=-1)
    values = linear(x, of_distance, layer.encoder.bias) + of_kind.T[kinds - _N_DEFAULTS]
    return _block(default, values, pairs.contacts[listed], rows, columns)


def _inside(places: np.ndarray, rows: slice, columns: slice) -> list[int]:
    """Return which of the pairs (E, 2), sorted by i, lie in a block."""
    first, last = np.searchsorted(places[:, 0], [rows.start, rows.stop])
    j = places[first:last, 1]
    return (first + np.flatnonzero((columns.start <= j) & (j < columns.stop))).tolist()


def _block(default: Tensor, values: Tensor, index: Tensor, rows: slice, columns: slice) -> Tensor:
    """Return a block of pairs with the default (D,), and values (E, D) at the pairs listed."""
    block = default.expand(size(rows), size(columns), -1)
    if not len(index):
        return block
    block = block.clone(memory_format=torch.contiguous_format)
    i, j = index.to(default.device).unbind(dim=1)
    block[i - rows.start, j - columns.start] = values.to(block.dtype)
    return block

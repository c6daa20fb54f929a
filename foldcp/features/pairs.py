"""Bonds, and pairs of tokens under a contact or pocket condition, as lists of entries.

Boltz writes each into a dense N × N array, where a later entry replaces an earlier one at the same place.
"""

from typing import Any

import numpy as np
import torch
from boltz.data import const

from foldcp.features.compact import PairFeatures

_KINDS = const.contact_conditioning_info


def pair_features(tokenized: Any) -> PairFeatures:
    """Return the bonds and conditions of a Boltz `Tokenized`."""
    n_tokens, bonds = len(tokenized.tokens), tokenized.bonds
    # Boltz writes both directions of a bond before the next bond.
    ends = np.stack([bonds["token_1"], bonds["token_2"], bonds["token_2"], bonds["token_1"]], 1)
    bonded, bond = _last_entries(ends.reshape(-1, 2), n_tokens)
    conditions = _conditions(tokenized)
    contacts, condition = _last_entries(conditions[:, :2].astype(np.int64), n_tokens)
    kinds, thresholds = conditions[condition, 2:].T
    return PairFeatures(
        bonds=torch.from_numpy(bonded),
        bond_types=torch.from_numpy(np.repeat(bonds["type"], 2)[bond]).long(),
        contacts=torch.from_numpy(contacts),
        contact_kinds=torch.from_numpy(kinds).long(),
        contact_thresholds=torch.from_numpy(thresholds).float(),
        other_contacts=_KINDS["UNSELECTED"] if len(contacts) else _KINDS["UNSPECIFIED"],
    )


def _last_entries(pairs: np.ndarray, n_tokens: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct pairs in order, and which entry is the last for each."""
    places = pairs[:, 0].astype(np.int64) * n_tokens + pairs[:, 1]
    places, from_end = np.unique(places[::-1], return_index=True)
    return np.stack(np.divmod(places, n_tokens), 1), len(pairs) - 1 - from_end


def _conditions(tokenized: Any) -> np.ndarray:
    """Return (entries, 4): tokens i and j, kind, threshold, in Boltz's order of writing."""
    tokens, options = tokenized.tokens, tokenized.record.inference_options
    token_at = _places(tokens)
    written = [np.empty((0, 4))]
    for binder, contacts, distance, _ in options.pocket_constraints or []:
        members = np.flatnonzero(tokens["asym_id"] == binder)
        for token in sorted({token_at[place] for place in contacts if place in token_at}):
            written.append(_entries(members, token, _KINDS["BINDER>POCKET"], distance))
            written.append(_entries(token, members, _KINDS["POCKET>BINDER"], distance))
    for one, other, distance, _ in options.contact_constraints or []:
        if one in token_at and other in token_at:
            i, j = token_at[one], token_at[other]
            written.append(_entries(i, j, _KINDS["CONTACT"], distance))
            written.append(_entries(j, i, _KINDS["CONTACT"], distance))
    return np.concatenate(written)


def _places(tokens: Any) -> dict[tuple[int, int], int]:
    """Return how constraints name tokens, by chain and residue, or atom of a ligand, to the token."""
    is_ligand = tokens["mol_type"] == const.chain_type_ids["NONPOLYMER"]
    inner = np.where(is_ligand, tokens["atom_idx"], tokens["res_idx"])
    return {place: i for i, place in enumerate(zip(tokens["asym_id"].tolist(), inner.tolist(), strict=True))}


def _entries(i: np.ndarray | int, j: np.ndarray | int, kind: int, threshold: float) -> np.ndarray:
    return np.stack(np.broadcast_arrays(np.atleast_1d(i), j, kind, threshold), 1)

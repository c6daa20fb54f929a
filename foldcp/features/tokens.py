"""Features of the tokens."""

from typing import Any

import numpy as np
import torch
from boltz.data import const
from torch import Tensor

from foldcp.features.alignment import column_statistics
from foldcp.features.atom_rows import AtomRows
from foldcp.features.compact import Alignment, Tokens
from foldcp.features.contacts import contact_atoms
from foldcp.features.frames import frame_atoms

_DEFAULT_METHOD = "x-ray diffraction"


def token_features(tokenized: Any, rows: AtomRows, alignment: Alignment) -> Tokens:
    """Return the features of the tokens.

    Parameters
    ----------
    tokenized
        Boltz's `Tokenized`.
    rows
        Index maps of `tokenized.tokens`.
    alignment
        The paired alignment.
    """
    tokens = tokenized.tokens
    profile, deletion_mean = column_statistics(alignment)
    names = ("entity_id", "sym_id", "asym_id", "mol_type", "res_type", "modified")
    return Tokens(
        token_index=torch.arange(len(tokens)),
        residue_index=_long(tokens["res_idx"]),
        **{name: _long(tokens[name]) for name in names},
        method=torch.full((len(tokens),), _method(tokenized.record)),
        cyclic_period=_cyclic_period(tokenized),
        mask=torch.ones(len(tokens)),
        profile=profile,
        deletion_mean=deletion_mean,
        rep_atom=_long(rows.position(tokens, "disto_idx")),
        frame_atoms=frame_atoms(tokenized, rows),
        contact_atom=contact_atoms(tokenized, rows),
    )


def _long(column: np.ndarray) -> Tensor:
    return torch.from_numpy(column.astype(np.int64))


def _method(record: Any) -> int:
    method = (record.structure.method or _DEFAULT_METHOD).lower()
    return const.method_types_ids.get(method, const.method_types_ids[_DEFAULT_METHOD])


def _cyclic_period(tokenized: Any) -> Tensor:
    """Return (N,): residues of the chain if the input calls it cyclic or a bond closes it, else 0."""
    chains, bonds = tokenized.structure.chains, tokenized.structure.bonds
    # Boltz counts the residues of bonds from the first chain on, so that it finds that one alone: parity.
    lengths = chains["res_num"][bonds["chain_1"]]
    first, last = np.sort(np.stack([bonds["res_1"], bonds["res_2"]]), 0)
    closing = (bonds["chain_1"] == bonds["chain_2"]) & (first == 0) & (last == lengths - 1) & (lengths > 2)
    period = np.zeros(len(chains))
    period[bonds["chain_1"][closing]] = lengths[closing]
    chain = np.searchsorted(chains["asym_id"], tokenized.tokens["asym_id"])
    return torch.from_numpy(np.maximum(period[chain], tokenized.tokens["cyclic_period"])).float()

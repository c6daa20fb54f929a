"""The compact features of one complex: plain records of tensors, with Boltz's names where it has one.

N tokens, A atoms (padded to whole windows of 32), S sequences of the alignment, T templates.
"""

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor


class _Record:
    """A frozen dataclass of tensors."""

    def to(self, device: str | torch.device) -> Self:
        """Return a copy with every tensor on `device`."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]
        moved = {name: value.to(device) for name, value in values.items() if isinstance(value, Tensor)}
        return replace(self, **moved)  # type: ignore[type-var]


@dataclass(frozen=True)
class Tokens(_Record):
    """One row per token.

    Attributes
    ----------
    token_index, residue_index, asym_id, entity_id, sym_id, mol_type, res_type, modified, method
        int64 (N,). Boltz's identifiers; `res_type` is an index into its 33 residue types.
    cyclic_period
        float32 (N,). Residues of a cyclic chain, else 0.
    mask
        float32 (N,). 1 where the token takes part (Boltz's `token_pad_mask`).
    profile, deletion_mean
        float32 (N, 33) and (N,). Column statistics of the alignment.
    rep_atom
        int64 (N,). Atom that stands for the token in distances (Boltz's `token_to_rep_atom`).
    frame_atoms
        int64 (N, 3). Atoms of the token's frame (Boltz's `frames_idx`).
    contact_atom
        int64 (N,). Atom at which contacts of a residue are measured; -1 where interface scores do not count
        the token.
    """

    token_index: Tensor
    residue_index: Tensor
    asym_id: Tensor
    entity_id: Tensor
    sym_id: Tensor
    mol_type: Tensor
    res_type: Tensor
    modified: Tensor
    method: Tensor
    cyclic_period: Tensor
    mask: Tensor
    profile: Tensor
    deletion_mean: Tensor
    rep_atom: Tensor
    frame_atoms: Tensor
    contact_atom: Tensor


@dataclass(frozen=True)
class Atoms(_Record):
    """One row per atom, padded to a multiple of 32; a class of -1 has a one-hot row of zeros (padding).

    Attributes
    ----------
    ref_pos, ref_charge
        float32 (A, 3) and (A,). Reference conformer, randomly rotated per residue, in ångströms; charge.
    ref_element
        int64 (A,). Atomic number, or -1.
    ref_chars
        int64 (A, 4). Characters of the atom's name, each below 64, or -1.
    backbone
        int64 (A,). Which backbone atom it is (0: none), or -1.
    ref_space_uid
        int64 (A,). Residue whose conformer the atom belongs to.
    token
        int64 (A,). The atom's token, or -1.
    mask
        float32 (A,). 1 where the atom takes part (Boltz's `atom_pad_mask`).
    """

    ref_pos: Tensor
    ref_charge: Tensor
    ref_element: Tensor
    ref_chars: Tensor
    backbone: Tensor
    ref_space_uid: Tensor
    token: Tensor
    mask: Tensor


@dataclass(frozen=True)
class Alignment(_Record):
    """The paired alignment.

    Attributes
    ----------
    residues
        uint8 (S, N). Residue types.
    deletions
        int16 (S, N). Residues deleted before this one.
    paired
        bool (S, N). Whether this chain's part of the row is paired with others.
    mask
        bool (S, N). Whether the element takes part.
    """

    residues: Tensor
    deletions: Tensor
    paired: Tensor
    mask: Tensor


@dataclass(frozen=True)
class Templates(_Record):
    """T templates on the tokens of the complex; without any, one of zeros, as Boltz has it.

    Attributes
    ----------
    res_type
        int64 (T, N).
    frame_rot, frame_t
        float32 (T, N, 3, 3) and (T, N, 3). Backbone frames.
    cb, ca
        float32 (T, N, 3). Positions in ångströms.
    mask_cb, mask_frame, mask
        float32 (T, N).
    visibility
        float32 (T, N). Tokens see each other's template where these are equal (Boltz's `visibility_ids`).
    """

    res_type: Tensor
    frame_rot: Tensor
    frame_t: Tensor
    cb: Tensor
    ca: Tensor
    mask_cb: Tensor
    mask_frame: Tensor
    mask: Tensor
    visibility: Tensor


@dataclass(frozen=True)
class PairFeatures(_Record):
    """What is known of single pairs of tokens: each once, in order of i, both directions where symmetric.

    Kept on the host: which entries fall into a tile is decided there.

    Attributes
    ----------
    bonds
        int64 (E, 2). Bonded tokens i, j.
    bond_types
        int64 (E,). Type of each bond.
    contacts
        int64 (C, 2). Tokens i, j under a contact or pocket condition.
    contact_kinds
        int64 (C,). Index into Boltz's `contact_conditioning_info`.
    contact_thresholds
        float32 (C,). Distance in ångströms.
    other_contacts
        The kind of all other pairs: UNSPECIFIED (0) without conditions, else UNSELECTED (1).
    """

    bonds: Tensor
    bond_types: Tensor
    contacts: Tensor
    contact_kinds: Tensor
    contact_thresholds: Tensor
    other_contacts: int

    @cached_property
    def bond_places(self) -> np.ndarray:
        """`bonds` for look-up on the host."""
        return _places(self.bonds)

    @cached_property
    def contact_places(self) -> np.ndarray:
        """`contacts` for look-up on the host."""
        return _places(self.contacts)


def _places(index: Tensor) -> np.ndarray:
    # By way of a list: while memory is traced, tensors do not share theirs with numpy.
    return np.array(index.tolist(), dtype=np.int64).reshape(-1, 2)


@dataclass(frozen=True)
class Features:
    """What the model reads of one complex.

    Attributes
    ----------
    tokens, atoms, alignment, templates, pairs
        The records.
    chains
        One entry per chain in token order: `chain_index`, `chain_id`, `entity_type`, `n_tokens`.
    """

    tokens: Tokens
    atoms: Atoms
    alignment: Alignment
    templates: Templates
    pairs: PairFeatures
    chains: list[dict[str, Any]]

    @property
    def n_tokens(self) -> int:
        """Number of tokens, N."""
        return len(self.tokens.asym_id)

    @property
    def n_atoms(self) -> int:
        """Number of atoms with padding, A."""
        return len(self.atoms.mask)

    @property
    def n_sequences(self) -> int:
        """Rows of the alignment that are read, S."""
        return len(self.alignment.residues)

    @property
    def paired_depth(self) -> int:
        """Rows of the alignment in which at least two chains are paired, the queries' among them."""
        asym_id = self.tokens.asym_id
        starts = torch.cat([asym_id.new_ones(1), asym_id.diff()]).nonzero().flatten()
        return 1 + int((self.alignment.paired[1:, starts].sum(1) > 1).sum())

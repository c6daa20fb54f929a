"""A made-up complex of a given size: proteins in chains of 500 residues, with an alignment and templates."""

import torch
from boltz.data import const
from torch import Tensor

from foldcp.features import Alignment, Atoms, Features, PairFeatures, Templates, Tokens

CHAIN = 500
"""Residues of a chain."""
_WINDOW = 32
"""Atoms are padded to whole windows."""


def protein_complex(n_tokens: int, n_atoms: int, n_sequences: int, n_templates: int) -> Features:
    """Return features of a complex on the host; what takes room only is one row, seen again and again.

    Parameters
    ----------
    n_tokens, n_atoms : int
        N and A, before A is padded; each residue has A/N atoms, give or take one.
    n_sequences : int
        S, rows of the alignment.
    n_templates : int
        T; without any there is one of zeros, as Boltz has it.
    """
    index = torch.arange(n_tokens)
    token = torch.arange(n_atoms) * n_tokens // n_atoms
    first = torch.searchsorted(token, index)
    lengths = [min(CHAIN, n_tokens - start) for start in range(0, n_tokens, CHAIN)]
    return Features(
        tokens=_tokens(index, first, n_atoms),
        atoms=_atoms(token, -(-n_atoms // _WINDOW) * _WINDOW),
        alignment=_alignment(n_sequences, n_tokens),
        templates=_templates(max(1, n_templates), n_tokens, float(n_templates > 0)),
        pairs=_no_pairs(),
        chains=[
            {"chain_index": chain, "chain_id": f"C{chain}", "entity_type": "protein", "n_tokens": length}
            for chain, length in enumerate(lengths)
        ],
    )


def _tokens(index: Tensor, first: Tensor, n_atoms: int) -> Tokens:
    n, chain = len(index), index // CHAIN
    return Tokens(
        token_index=index,
        residue_index=index % CHAIN,
        asym_id=chain,
        entity_id=chain,
        sym_id=torch.zeros_like(index),
        mol_type=torch.full_like(index, const.chain_type_ids["PROTEIN"]),
        res_type=torch.full_like(index, 2),
        modified=torch.zeros_like(index),
        method=torch.zeros_like(index),
        cyclic_period=torch.zeros(n),
        mask=torch.ones(n),
        profile=torch.full((n, const.num_tokens), 1 / const.num_tokens),
        deletion_mean=torch.zeros(n),
        rep_atom=(first + 1).clamp(max=n_atoms - 1),
        contact_atom=first,
        frame_atoms=(first[:, None] + torch.arange(3)).clamp(max=n_atoms - 1),
    )


def _atoms(token: Tensor, padded: int) -> Atoms:
    def fill(x: Tensor, empty: int) -> Tensor:
        return torch.cat([x, x.new_full((padded - len(token), *x.shape[1:]), empty)])

    a = len(token)
    generator = torch.Generator().manual_seed(0)
    return Atoms(
        ref_pos=fill(torch.randn(a, 3, generator=generator), 0),
        ref_charge=torch.zeros(padded),
        ref_element=fill(torch.full((a,), 6), -1),
        ref_chars=fill(torch.full((a, 4), 35), -1),
        backbone=fill(torch.zeros(a, dtype=torch.long), -1),
        ref_space_uid=fill(token, 0),
        token=fill(token, -1),
        mask=fill(torch.ones(a), 0),
    )


def _alignment(n_sequences: int, n_tokens: int) -> Alignment:
    shape = (n_sequences, n_tokens)
    return Alignment(
        residues=torch.full((1, n_tokens), 2, dtype=torch.uint8).expand(shape),
        deletions=torch.zeros(1, n_tokens, dtype=torch.int16).expand(shape),
        paired=torch.ones(1, n_tokens, dtype=torch.bool).expand(shape),
        mask=torch.ones(1, n_tokens, dtype=torch.bool).expand(shape),
    )


def _templates(n_templates: int, n_tokens: int, present: float) -> Templates:
    shape = (n_templates, n_tokens)
    mask, positions = torch.full(shape, present), torch.zeros(*shape, 3)
    return Templates(
        res_type=torch.zeros(shape, dtype=torch.long),
        frame_rot=torch.eye(3).expand(*shape, 3, 3) * present,
        frame_t=positions,
        cb=positions,
        ca=positions,
        mask_cb=mask,
        mask_frame=mask,
        mask=mask,
        visibility=mask,
    )


def _no_pairs() -> PairFeatures:
    nothing = torch.zeros(0, dtype=torch.long)
    return PairFeatures(
        bonds=nothing.view(0, 2),
        bond_types=nothing,
        contacts=nothing.view(0, 2),
        contact_kinds=nothing,
        contact_thresholds=torch.zeros(0),
        other_contacts=0,
    )

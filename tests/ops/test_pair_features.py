"""Terms of the initial pairs, block by block, against the serial layers on the whole."""

from dataclasses import replace
from unittest.mock import patch

import pytest
import torch
from model.cases import CHAINS, compact_of, complex_batch, tiny_model

from foldcp.ops.pair_features import bond_features, contact_features
from foldcp.ops.relative_position import relative_position

LONG = ((79, 0, 0, "PROTEIN"), (71, 0, 1, "PROTEIN"), (40, 1, 3, "NONPOLYMER"))
"""Longer than the 32 residues that are told apart; the second chain is cyclic, so that its ends meet."""
TOLERANCE = 2e-6
"""At most a handful of fp32 terms in another order."""


def blocks(n):
    """Return blocks of pairs that meet no boundary of a chain, and one pair alone."""
    return [(slice(0, n), slice(0, n)), (slice(1, n - 2), slice(n // 3, n)), (slice(7, 8), slice(3, 4))]


def largest_error(serial, block_of, n):
    with torch.no_grad():
        return max(
            ((block_of(rows, columns) - serial[rows, columns]).abs().max() / serial.abs().max()).item()
            for rows, columns in blocks(n)
        )


def position_error(chains, cyclic=True, breakage=None, fix_sym_check=True, **settings):
    batch, encoder = complex_batch(chains), tiny_model().rel_pos
    if not cyclic:
        batch["cyclic_period"].zero_()
    tokens = compact_of(batch).tokens
    if breakage:
        tokens = replace(tokens, **{breakage: tokens.asym_id.roll(1)})
    with patch.multiple(encoder, fix_sym_check=fix_sym_check, **settings):
        serial = encoder(batch)[0]
        return largest_error(
            serial, lambda i, j: relative_position(encoder, tokens, i, j, cyclic), len(serial)
        )


@pytest.mark.parametrize("chains", [CHAINS, LONG], ids=["many", "long"])
@pytest.mark.parametrize("cyclic", [True, False])
@pytest.mark.parametrize("fix_sym_check", [True, False])
def test_relative_position(chains, cyclic, fix_sym_check):
    assert position_error(chains, cyclic, fix_sym_check=fix_sym_check) < TOLERANCE


def test_a_model_that_knows_no_rings():
    assert position_error(LONG, cyclic_pos_enc=False) < TOLERANCE


@pytest.mark.parametrize("name", ["asym_id", "residue_index", "entity_id", "token_index", "sym_id"])
def test_each_index_of_a_token_counts(name):
    assert position_error(LONG, breakage=name) > 1e-2


def test_rings_count():
    batch, encoder = complex_batch(LONG), tiny_model().rel_pos
    tokens = compact_of(batch).tokens
    serial = encoder(batch)[0]
    assert (
        largest_error(serial, lambda i, j: relative_position(encoder, tokens, i, j, False), len(serial))
        > 1e-2
    )


def bond_error(with_types, break_type=False):
    batch, model = complex_batch(), tiny_model()
    pairs = compact_of(batch).pairs
    if break_type:
        pairs = replace(pairs, bond_types=pairs.bond_types.clamp(max=1))
    serial = model.token_bonds(batch["token_bonds"])
    part = torch.nn.Module()
    part.token_bonds = model.token_bonds
    if with_types:
        serial = serial + model.token_bonds_type(batch["type_bonds"])
        part.token_bonds_type = model.token_bonds_type
    return largest_error(serial[0], lambda i, j: bond_features(part, pairs, i, j), serial.shape[1])


@pytest.mark.parametrize("with_types", [True, False])
def test_bonds(with_types):
    assert bond_error(with_types) < TOLERANCE


def test_types_of_bonds_count():
    assert bond_error(True, break_type=True) > 1e-2


def contact_error(contacts, **changes):
    batch, layer = complex_batch(contacts=contacts), tiny_model().contact_conditioning
    pairs = replace(compact_of(batch).pairs, **changes)
    serial = layer(batch)[0]
    return largest_error(serial, lambda i, j: contact_features(layer, pairs, i, j), len(serial))


@pytest.mark.parametrize("contacts", [True, False])
def test_contacts(contacts):
    assert contact_error(contacts) < TOLERANCE


def test_what_other_pairs_are_counts():
    assert contact_error(True, other_contacts=0) > 1e-2


def test_a_block_without_entries_takes_no_memory():
    pairs = compact_of(complex_batch(contacts=False)).pairs
    with torch.no_grad():
        block = contact_features(tiny_model().contact_conditioning, pairs, slice(0, 43), slice(0, 43))
    assert block.shape[:2] == (43, 43)
    assert block.stride()[:2] == (0, 0)

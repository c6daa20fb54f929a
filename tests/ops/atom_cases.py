"""Complexes whose atoms fall into windows in every way that matters, and this rank's share of each."""

import dataclasses
import functools
from contextlib import nullcontext
from unittest.mock import patch

import numpy as np
import torch
from boltz.model.modules.encodersv2 import get_indexing_matrix, single_to_keys
from model.cases import CHAINS, compact_of, complex_batch

from foldcp.mesh import Budget, Place
from foldcp.ops import atom_attention
from foldcp.ops.atom_windows import AtomShare, with_halo

MESHES = [(1, 1), (1, 2), (2, 1), (2, 2), (1, 3), (2, 3), (3, 2)]
COMPLEXES = {
    "of everything": CHAINS,  # N = 43, A = 224: 7 windows
    "with fewer windows than ranks": ((2, 0, 0, "PROTEIN"), (5, 1, 0, "NONPOLYMER")),
    "with a large ligand": ((6, 0, 0, "PROTEIN"), (151, 1, 0, "NONPOLYMER")),  # all tokens of a window differ
}


@functools.cache
def complex_named(name):
    """Return the dense batch and the compact features of a complex."""
    batch = complex_batch(COMPLEXES[name])
    return batch, compact_of(batch)


def setting(mesh, name, queries=32, keys=128, n_bytes=3_000_000):
    """Return batch, share and place; the bytes allow several windows at once, but not all."""
    batch, features = complex_named(name)
    place = Place(mesh, features.n_tokens, Budget(n_bytes))
    return batch, AtomShare.create(features, mesh, "cpu", queries, keys), place


def serial_keys(x, queries=32, keys=128):
    """Return the serial windows of keys (n, K, D) of atoms (A, D)."""
    matrix = get_indexing_matrix(len(x) // queries, queries, keys, x.device)
    return single_to_keys(x[None], matrix, queries, keys)[0]


def own_windows(x, share):
    """Return the own windows of an array of all windows."""
    return x[share.own.start // share.queries : share.own.stop // share.queries]


def difference(got, whole, cut):
    """Return the largest difference from a part of a whole, relative to the whole's largest value."""
    expected = cut(whole)
    assert got.shape == expected.shape and bool(got.isfinite().all())
    gap = (got - expected).abs().max().item() if got.numel() else 0.0
    return gap / whole.abs().max().item()


def broken(share, breakage):
    """Return a share with one thing wrong on the rank of the first windows, and a context to work in."""
    if breakage is None or (share.mesh.everyone.index and breakage != "token"):
        return share, nullcontext()
    if breakage == "mask":
        return dataclasses.replace(
            share, wide=dataclasses.replace(share.wide, mask=torch.ones_like(share.wide.mask))
        ), nullcontext()
    if breakage == "token":  # on all ranks: they must list the same entries
        return dataclasses.replace(share, token_of=np.roll(share.token_of, 1)), nullcontext()
    shifted = lambda x, share: with_halo(x, share).roll(1, dims=0)  # noqa: E731
    return share, patch.object(atom_attention, "with_halo", shifted)

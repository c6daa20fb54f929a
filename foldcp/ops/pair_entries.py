"""Entries of a tiled pair tensor that windows of atoms need: few, near the diagonal, from any rank's tile.

Source: AlphaFold 3, supplementary algorithm 5, line 10; `boltz.model.modules.encodersv2.AtomEncoder`.

A window's queries belong to few tokens and so do its keys: about 4 × 18 pairs of tokens for 32 × 128 atoms of
a protein. Every host knows the tokens of all atoms, so every rank lists the same entries, fills in those that
lie in its own tile, and one sum over all ranks makes the list whole. The serial product with dense one-hots
is O(A N²).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from torch import Tensor

from foldcp.mesh import Place, all_reduce
from foldcp.mesh.cuts import block, size
from foldcp.mesh.mesh import flat_block
from foldcp.ops.atom_windows import AtomShare


class _Runs(NamedTuple):
    """Consecutive atoms of one token, in each of n windows of m atoms."""

    run: np.ndarray
    """Run of each atom (n, m)."""
    token: np.ndarray
    """Token of each run (n, m), as many as the window has."""
    number: np.ndarray
    """Runs of each window (n,)."""


class _Entries(NamedTuple):
    """Entries of n windows, one after another: run of queries × run of keys, keys fastest."""

    queries: _Runs
    keys: _Runs
    first: np.ndarray
    """The first entry of each window (n,), and the end of the last."""
    own: slice
    """Which of the n windows are this rank's."""


def window_pairs(
    z: Tensor,
    project: Callable[[Tensor], Tensor],
    share: AtomShare,
    place: Place,
    part: tuple[int, int] = (0, 1),
) -> Tensor:
    """Return `project(z[token(l), token(m)])` for each query l and key m of the own windows.

    Every rank must call this for the same part.

    Parameters
    ----------
    z : Tensor
        Pair tile (I, J, D), in fp32 or bf16.
    project : callable
        What is read from an entry: (…, D) in fp32 to (…, C).
    share : AtomShare
        The own windows.
    place : Place
        Mesh, N and budget; its bytes are for entries under projection. The list itself is the caller's to
        keep small, by parts.
    part : tuple of int
        Which block of each rank's windows, of how many.

    Returns
    -------
    Tensor
        Of the own windows in this part (w, Q, K, C); zero where an atom has no token.
    """
    entries = _list(share, part)
    listed = all_reduce(_fill(z, project, entries, place), share.mesh, "everyone")
    first, queries, keys, width = (
        torch.from_numpy(x[entries.own]).to(z.device)
        for x in (entries.first[:-1], entries.queries.run, entries.keys.run, entries.keys.number)
    )
    where = first[:, None, None] + queries[:, :, None] * width[:, None, None] + keys[:, None, :]
    return listed[where]


def most_entries(share: AtomShare) -> int:
    """Return the most entries that a window of the complex needs, at most Q·K."""
    windows = slice(0, share.n_atoms // share.queries)
    queries, keys = (_runs(tokens) for tokens in _tokens(share, windows))
    return int((queries.number * keys.number).max())


def _tokens(share: AtomShare, windows: slice) -> tuple[np.ndarray, np.ndarray]:
    """Return the tokens of queries (n, Q) and of keys (n, K) of windows of the complex."""
    beside = (share.keys - share.queries) // 2
    around = np.pad(share.token_of, beside, constant_values=-1)
    keys = sliding_window_view(around, share.keys)[:: share.queries][windows]
    return share.token_of.reshape(-1, share.queries)[windows], keys


def _runs(token: np.ndarray) -> _Runs:
    """Return the runs of equal tokens; -1 is one as well, whose entries lie in no tile and so stay zero."""
    index = np.zeros(token.shape, dtype=np.int64)
    np.cumsum(token[:, 1:] != token[:, :-1], axis=1, out=index[:, 1:])
    of_run = np.full(token.shape, -1)
    np.put_along_axis(of_run, index, token, axis=1)
    return _Runs(index, of_run, index[:, -1] + 1)


def _list(share: AtomShare, part: tuple[int, int]) -> _Entries:
    """List the entries of a part of every rank's windows, in flat rank order."""
    ranks = range(share.mesh.size)
    cuts = [_part(share, rank, part) for rank in ranks]
    tokens = zip(*(_tokens(share, cut) for cut in cuts), strict=True)
    queries, keys = (_runs(np.concatenate(per_rank)) for per_rank in tokens)
    first = np.concatenate([[0], np.cumsum(queries.number * keys.number)])
    me = share.mesh.everyone.index
    before = sum(size(cut) for cut in cuts[:me])
    return _Entries(queries, keys, first, slice(before, before + size(cuts[me])))


def _part(share: AtomShare, rank: int, part: tuple[int, int]) -> slice:
    windows = flat_block(share.n_atoms // share.queries, share.mesh.size, rank, 1)
    inside = block(size(windows), part[1], part[0])
    return slice(windows.start + inside.start, windows.start + inside.stop)


def _fill(z: Tensor, project: Callable[[Tensor], Tensor], entries: _Entries, place: Place) -> Tensor:
    """Return the listed entries (E, C) with those of the own tile filled in, the others zero."""
    rows, columns = place.mesh.rows(place.n_tokens), place.mesh.columns(place.n_tokens)
    window = np.repeat(np.arange(len(entries.first) - 1), np.diff(entries.first))
    run, key_run = np.divmod(np.arange(len(window)) - entries.first[window], entries.keys.number[window])
    i = entries.queries.token[window, run] - rows.start
    j = entries.keys.token[window, key_run] - columns.start
    here = np.flatnonzero((i >= 0) & (i < size(rows)) & (j >= 0) & (j < size(columns)))
    i_dev, j_dev, here_dev = (torch.from_numpy(x).to(z.device) for x in (i[here], j[here], here))
    pieces = place.budget.pieces(len(here), 3 * 4 * z.shape[-1])
    values = torch.cat([project(z[i_dev[piece], j_dev[piece]].float()) for piece in pieces])
    return values.new_zeros(len(window), values.shape[-1]).index_copy(0, here_dev, values)

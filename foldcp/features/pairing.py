"""Pairing of the chains' alignments by species, row by row, as Boltz does it.

Only row numbers are handled here. Boltz copies all chains' residues into one array as long as the deepest,
longest chain for each of them, which for many short chains beside a long one is far more than the result.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from boltz.data import const

GAP = -1
"""No row of this chain's alignment: a gap."""
_NO_SPECIES = -1


def pair_rows(alignments: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return which row of each chain's alignment makes up each row of the complex's.

    The queries come first. Then, species by species, those with the most chains first, the rows of the
    chains that have the species stand side by side, over again where a chain has fewer of them. Chains
    without the species, and all chains below the paired rows, go through their own rows from the top.

    Parameters
    ----------
    alignments
        A `boltz.data.types.MSA` per chain.

    Returns
    -------
    rows
        int64 (S, chains). Row numbers, or `GAP`.
    paired
        bool (S, chains). Whether the row is there because of its species.
    """
    # Boltz means to leave out rows that are paired already, but leaves out none: parity.
    depths = np.array([len(alignment.sequences) for alignment in alignments])
    unused = np.ones_like(depths)
    rows, paired = [np.zeros(len(depths), np.int64)], [np.ones(len(depths), bool)]
    for members in _species_rows(alignments):
        if len(rows) == const.max_paired_seqs:
            break
        is_paired = np.array([chain in members for chain in range(len(depths))])
        row = np.where(unused < depths, unused, GAP)
        row[list(members)] = list(members.values())
        unused += ~is_paired & (unused < depths)
        rows.append(row)
        paired.append(is_paired)
    left = min(const.max_msa_seqs - len(rows), int((depths - unused).max()))
    rest = unused + np.arange(left)[:, None]
    rest[rest >= depths] = GAP
    return np.concatenate([rows, rest]), np.concatenate([paired, np.zeros(rest.shape, bool)])


def _species_rows(alignments: Sequence[Any]) -> Iterator[dict[int, int]]:
    """Yield the paired rows: chain to row number."""
    species: dict[int, dict[int, list[int]]] = {}
    for chain, alignment in enumerate(alignments):
        known = alignment.sequences[alignment.sequences["taxonomy"] != _NO_SPECIES]
        for name, row in zip(known["taxonomy"].tolist(), known["seq_idx"].tolist(), strict=True):
            species.setdefault(name, {}).setdefault(chain, []).append(row)
    shared = [chains for chains in species.values() if sum(map(len, chains.values())) > 1]
    for chains in sorted(shared, key=len, reverse=True):
        for turn in range(max(map(len, chains.values()))):
            yield {chain: rows[turn % len(rows)] for chain, rows in chains.items()}

"""The paired alignment of the complex, and its column statistics."""

import logging
from typing import Any

import numpy as np
import torch
from boltz.data import const
from boltz.data.feature.featurizerv2 import dummy_msa
from boltz.data.types import MSA
from torch import Tensor

from foldcp.features.compact import Alignment
from foldcp.features.pairing import GAP, pair_rows

_log = logging.getLogger(__name__)
_BLOCK = 512
"""Columns whose statistics are taken at once: sums and deletion values are wider than the alignment."""


def pair_alignments(tokenized: Any, deletions_as: str = "kept", max_rows: int | None = None) -> Alignment:
    """Return the paired alignment.

    Parameters
    ----------
    tokenized
        Boltz's `Tokenized`. Its chains' tokens follow each other.
    deletions_as
        `kept`: the deletions of every row, which the model was trained to read. `boltz`: of the first row or
        two only, as Boltz 2.2.1 loses the others; for parity.
    max_rows
        Rows to keep, from the top: the queries, then what is paired, then the rest. None keeps all. As
        `max_seqs` of Boltz's `construct_paired_msa`.
    """
    chains = np.unique(tokenized.tokens["asym_id"])
    alignments = [_chain_alignment(tokenized, chain) for chain in chains]
    rows, paired = (array[:max_rows] for array in pair_rows(alignments))
    shape = len(rows), len(tokenized.tokens)
    residues = np.full(shape, const.token_ids["-"], np.uint8)
    deletions = np.zeros(shape, np.int16)
    is_paired = np.empty(shape, bool)
    bounds = np.searchsorted(tokenized.tokens["asym_id"], [*chains, chains[-1] + 1])
    for number, alignment in enumerate(alignments):
        columns = slice(*bounds[number : number + 2])
        residue_index = tokenized.tokens["res_idx"][columns]
        there = np.flatnonzero(rows[:, number] != GAP)
        residues[there, columns] = _letters(alignment, rows[there, number])[:, residue_index]
        known = alignment if deletions_as == "kept" else _as_boltz_loses_deletions(alignment)
        _place_deletions(deletions[:, columns], known, rows[:, number], residue_index)
        is_paired[:, columns] = paired[:, number, None]
    tensors = map(torch.from_numpy, (residues, deletions, is_paired, np.ones(shape, bool)))
    return Alignment(*tensors)


def _chain_alignment(tokenized: Any, chain: int) -> Any:
    """Return the chain's alignment, or its sequence alone if it has none or one that starts otherwise."""
    row = tokenized.structure.chains[chain]
    sequence = tokenized.structure.residues[row["res_idx"] : row["res_idx"] + row["res_num"]]
    if chain not in tokenized.msa:
        return dummy_msa(sequence)
    alignment = tokenized.msa[chain]
    first = slice(alignment.sequences[0]["res_start"], alignment.sequences[0]["res_end"])
    query, wanted = alignment.residues["res_type"][first], sequence["res_type"]
    if len(query) == len(wanted):
        other = query != wanted
        unknown = const.token_ids["UNK"]
        selenium = (wanted[other] == const.token_ids["MET"]).all() and (query[other] == unknown).all()
        # A modified residue is unknown to the model, whatever letter the alignment has for it.
        if selenium or (wanted[other] == unknown).all():
            residues = alignment.residues.copy()
            residues["res_type"][first] = wanted
            return MSA(alignment.sequences, alignment.deletions, residues)
    _log.warning("the alignment of chain %s is not of its sequence; it is left out", row["name"])
    return dummy_msa(sequence)


def _letters(alignment: Any, rows: np.ndarray) -> np.ndarray:
    """Return (rows, residues of the chain): residue types."""
    query = alignment.sequences[0]
    width = int(query["res_end"] - query["res_start"])
    windows = np.lib.stride_tricks.sliding_window_view(alignment.residues["res_type"], width)
    return windows[alignment.sequences["res_start"][rows]]


def _place_deletions(
    deletions: np.ndarray, alignment: Any, rows: np.ndarray, residue_index: np.ndarray
) -> None:
    """Put the deletions of each row of the chain's alignment where that row stands in the complex's."""
    there = np.flatnonzero(rows != GAP)
    sequences = alignment.sequences[rows[there]]
    numbers = sequences["del_end"] - sequences["del_start"]
    # Entries of one row follow each other: start of the row, plus place within it.
    within = np.arange(numbers.sum()) - np.repeat(np.cumsum(numbers) - numbers, numbers)
    entries = alignment.deletions[np.repeat(sequences["del_start"], numbers) + within]
    column = np.full(max(residue_index.max(), entries["res_idx"].max(initial=0)) + 1, GAP)
    column[residue_index] = np.arange(len(residue_index))
    placed = column[entries["res_idx"]]
    seen = placed != GAP
    deletions[np.repeat(there, numbers)[seen], placed[seen]] = entries["deletion"][seen]


def _as_boltz_loses_deletions(alignment: Any) -> MSA:
    """Return the alignment with the deletions that Boltz is left with.

    It cuts its list of a chain's deletions down to those of each row in turn, so that none are left after the
    first row, or at most the second.
    """
    left, sequences, n_kept = alignment.deletions, alignment.sequences.copy(), 0
    kept: list[np.ndarray] = [left[:0]]
    sequences["del_start"] = sequences["del_end"] = 0
    for new, old in zip(sequences, alignment.sequences, strict=True):
        left = left[old["del_start"] : old["del_end"]]
        if not len(left):
            break
        new["del_start"], new["del_end"] = n_kept, n_kept + len(left)
        n_kept += len(left)
        kept.append(left)
    return MSA(sequences, np.concatenate(kept), alignment.residues)


def column_statistics(alignment: Alignment) -> tuple[Tensor, Tensor]:
    """Return the profile (N, 33), the share of each residue type, and the mean deletion value (N,).

    Of the rows that are read: where the alignment is cut, of those that are left, as in Boltz.
    """
    n_sequences, n_tokens = alignment.residues.shape
    profile = torch.empty(n_tokens, const.num_tokens)
    deletion_mean = torch.empty(n_tokens)
    for start in range(0, n_tokens, _BLOCK):
        at = slice(start, start + _BLOCK)
        residues, deletions = alignment.residues[:, at], alignment.deletions[:, at]
        for residue in range(const.num_tokens):
            profile[at, residue] = (residues == residue).sum(0) / n_sequences
        deletion_mean[at] = _deletion_value(deletions).mean(0)
    return profile, deletion_mean


def _deletion_value(deletions: Tensor) -> Tensor:
    return torch.pi / 2 * torch.arctan(deletions.float() / 3)

"""The atoms of the tokens, in token order: which rows of Boltz's atom table the model reads."""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class AtomRows:
    """Index maps between tokens and atoms, without padding.

    Attributes
    ----------
    row
        (a,). Row of each atom in Boltz's atom table.
    token
        (a,). Token of each atom.
    first
        (N,). First atom of each token.
    """

    row: np.ndarray
    token: np.ndarray
    first: np.ndarray

    @classmethod
    def of(cls, tokens: Any) -> "AtomRows":
        """Return the maps of a Boltz token table."""
        counts = tokens["atom_num"].astype(np.int64)
        first = np.cumsum(counts) - counts
        token = np.repeat(np.arange(len(tokens)), counts)
        return cls(np.arange(len(token)) + (tokens["atom_idx"] - first)[token], token, first)

    def position(self, tokens: Any, name: str) -> np.ndarray:
        """Return (N,): where the atoms are that a column of the token table names, e.g. `disto_idx`."""
        return self.first + tokens[name] - tokens["atom_idx"]

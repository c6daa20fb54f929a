"""One predicted structure and what its program says about it, in the same terms whichever program it was.

Imports no torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from foldcp.scores.interface_errors import InterfaceErrors
from foldcp.scores.tokens import ScoredTokens

KINDS = ("protein", "rna", "dna", "ligand")
"""Entity types of chains."""


@dataclass(frozen=True)
class Chain:
    """One chain of a predicted structure.

    Attributes
    ----------
    chain_id
        Name in the structure.
    entity_type
        `protein`, `rna`, `dna` or `ligand`.
    n_tokens
        Tokens as the program that predicted it counts them.
    """

    chain_id: str
    entity_type: str
    n_tokens: int


@dataclass(frozen=True)
class HeavyAtoms:
    """Atoms of a structure that are not hydrogen, in the order of its file. A atoms.

    Attributes
    ----------
    coord
        Positions in ångströms, (A, 3).
    chain
        Index of each atom's chain, (A,).
    name, residue, element
        Atom names, residue names and element symbols, A each.
    """

    coord: np.ndarray
    chain: np.ndarray
    name: tuple[str, ...]
    residue: tuple[str, ...]
    element: tuple[str, ...]


@dataclass(frozen=True)
class Sample:
    """One predicted structure and its scores.

    Attributes
    ----------
    number
        Sample number, 0 = first.
    program
        `foldcp`, `boltz`, `alphafold3`, `colabfold` or `alphafold2`.
    chains
        Chains in the order of the structure.
    scores
        Scores of the whole complex under their names in the samples table; None where the program has none.
    ranking_score
        What the program ranks samples by; None if it does not say.
    chain_ptm
        pTM of each chain; NaN where there is none, None if there is none at all.
    chain_pair_iptm
        Matrix [chains, chains]: entry (a, b) scores chain a from the frames of chain b; NaN and None as
        above. Not symmetric in Boltz, symmetric in AlphaFold 3.
    tokens
        The tokens in the order of the error matrix, with pLDDT and contact positions.
    atoms
        Heavy atoms.
    structure
        The structure file, relative to the directory of the prediction.
    errors
        Scores from the aligned error; None if the program wrote none, or there is only one chain.
    note
        Remark of foldcp on a prediction whose scores mean nothing, e.g. that demo weights were used.
    """

    number: int
    program: str
    chains: tuple[Chain, ...]
    scores: Mapping[str, float | None]
    ranking_score: float | None
    chain_ptm: np.ndarray | None
    chain_pair_iptm: np.ndarray | None
    tokens: ScoredTokens
    atoms: HeavyAtoms
    structure: Path
    errors: InterfaceErrors | None = None
    note: str | None = None

    @property
    def plddt(self) -> np.ndarray:
        """PLDDT of each token, 0 to 1; in AlphaFold 3 that of the atom that contacts are measured at."""
        return self.tokens.plddt

    def plddt_by_chain(self) -> list[np.ndarray]:
        """Return the pLDDT of the tokens of each chain, 0 to 1."""
        return np.split(self.plddt, np.cumsum([c.n_tokens for c in self.chains])[:-1])

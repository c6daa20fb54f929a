"""What scores need to know of the tokens of a prediction, whichever program made it. Imports no torch."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ScoredTokens:
    """Tokens of one sample in the order of its error matrix. N tokens, C chains.

    Attributes
    ----------
    chain
        Index of each token's chain, (N,), 0 to C-1.
    kinds
        Entity type of each chain, C long: protein, rna, dna or ligand.
    counted
        (N,) True for residues that interface scores count: those of proteins (with a Cα) and of nucleic acids
        (with a C1'). Tokens of ligands, and the atoms of modified residues beyond one each, are not counted.
    contact
        Position that contacts are measured at, (N, 3) in ångströms: Cβ, Cα of glycine (and where there is no
        Cβ), C3' of a nucleotide, the atom itself of a ligand.
    plddt
        pLDDT of each token, (N,), 0 to 1.
    """

    chain: np.ndarray
    kinds: tuple[str, ...]
    counted: np.ndarray
    contact: np.ndarray
    plddt: np.ndarray

"""PDockQ2: pDockQ's question asked of the aligned error at the interface."""

import numpy as np


def pdockq2(plddt: np.ndarray, contact_tm: np.ndarray, n_contacts: np.ndarray) -> np.ndarray:
    """Return 1.31 / (1 + exp(-0.075 (x - 84.733))) + 0.005, x = pLDDT · TM of contacts; 0 for no contact.

    Parameters
    ----------
    plddt
        Mean pLDDT of the residues in contact, 0 to 1.
    contact_tm
        Mean of 1 / (1 + (PAE / 10 Å)²) over the contacts, from the frames of one chain; NaN if unknown.
    n_contacts
        Pairs of residues with Cβ at most 8 Å apart. All three of one shape.

    Source: Zhu, Shenoy, Kundrotas & Elofsson 2023, Bioinformatics 39, btad424; constants as there.
    """
    value = 1.31 / (1 + np.exp(-0.075 * (100 * plddt * contact_tm - 84.733))) + 0.005
    return np.where(n_contacts > 0, value, 0.0)

"""PDockQ: how good a docked pair is expected to be, from its contacts and their pLDDT."""

import numpy as np


def pdockq(plddt: np.ndarray, n_contacts: np.ndarray) -> np.ndarray:
    """Return 0.724 / (1 + exp(-0.052 (x - 152.611))) + 0.018, x = pLDDT · log10(contacts); 0 for no contact.

    Parameters
    ----------
    plddt
        Mean pLDDT of the residues in contact, 0 to 1; anything where there is no contact.
    n_contacts
        Pairs of residues with Cβ at most 8 Å apart; shape of `plddt`.

    Source: Bryant, Pozzati & Elofsson 2022, Nature Communications 13, 1265; constants as there.
    """
    x = 100 * plddt * np.log10(np.maximum(n_contacts, 1))
    return np.where(n_contacts > 0, 0.724 / (1 + np.exp(-0.052 * (x - 152.611))) + 0.018, 0.0)

"""ILIS: the local interaction score, and that of pairs in contact, in one number."""

import numpy as np


def ilis(lis: np.ndarray, clis: np.ndarray, n_contact_pairs: np.ndarray) -> np.ndarray:
    """Return the square root of LIS · cLIS; 0 where no pair in contact counts.

    Parameters
    ----------
    lis, clis
        Mean of (12 Å - PAE) / 12 Å where PAE is at most 12 Å, over all pairs and over those in contact.
    n_contact_pairs
        Pairs of `clis` (cLIA). All three of one shape.

    Source: Kim et al. 2025, integrated local interaction score.
    """
    return np.where(n_contact_pairs == 0, 0.0, np.sqrt(lis * clis))

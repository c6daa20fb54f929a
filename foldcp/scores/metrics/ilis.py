"""ILIS: the local interaction score, and that of pairs in contact, in one number."""

import numpy as np


def ilis(lis: np.ndarray, clis: np.ndarray) -> np.ndarray:
    """Return the square root of LIS · cLIS.

    Parameters
    ----------
    lis, clis
        Mean of (12 Å - PAE) / 12 Å where PAE is below 12 Å, over all pairs and over those in contact; 0
        where there are none, NaN if unknown. Of one shape.

    Source: Kim et al. 2025, integrated local interaction score.
    """
    return np.sqrt(lis * clis)

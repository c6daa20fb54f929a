"""Many tests at once."""

import numpy as np
from statsmodels.stats.multitest import multipletests


def benjamini_hochberg(p_values: np.ndarray) -> np.ndarray:
    """Return the q-value of each p-value: the lowest false discovery rate at which it is a discovery.

    Source: Benjamini and Hochberg 1995, by statsmodels.
    """
    return multipletests(p_values, method="fdr_bh")[1] if len(p_values) else np.array([])

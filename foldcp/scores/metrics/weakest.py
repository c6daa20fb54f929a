"""The best partner of each chain, and the chain whose best partner is worst."""

import numpy as np


def best_partners(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each chain's highest score with any partner, in either direction, and which partner that is.

    Parameters
    ----------
    scores
        (C, C) scores of directed pairs of chains, NaN where there is none.

    Returns
    -------
    highest, partner
        (C,) each. NaN and -1 for a chain without any score; the first partner wins a tie.
    """
    both = np.fmax(scores, scores.T)
    np.fill_diagonal(both, np.nan)
    known = ~np.isnan(both).all(axis=1)
    partner = np.where(known, np.argmax(np.where(np.isnan(both), -np.inf, both), axis=1), -1)
    highest = np.where(known, np.take_along_axis(both, np.maximum(partner, 0)[:, None], axis=1)[:, 0], np.nan)
    return highest, partner


def weakest(highest: np.ndarray, kinds: tuple[str, ...]) -> float:
    """Return the lowest of the polymer chains' highest scores (is every subunit bound?); NaN if none has."""
    polymers = highest[[kind != "ligand" for kind in kinds]]
    known = polymers[~np.isnan(polymers)]
    return float(known.min()) if len(known) else float("nan")

"""What a campaign learns while it runs: how far measured peaks are above the plan's.

The memory model is traced, not measured on the campaign's own GPUs; fragmentation, kernels and drivers
differ. So the bins still to come are submitted with the factor that those before them have shown.
"""

from collections.abc import Iterable

from foldcp.predict.ledger import Attempt
from foldcp.predict.outcomes import Outcome

_ENOUGH = 5
"""Predictions to learn from; fewer may all be odd."""
_QUANTILE = 0.95
"""A single outlier must not send every complex to a larger mesh; it has the ladder."""


def peak_correction(attempts: Iterable[Attempt]) -> float:
    """Return the factor by which predicted peaks are to be raised, at least 1.

    Parameters
    ----------
    attempts
        Attempts of the campaign. Those that are done, with a measured and a predicted peak, count.

    Returns
    -------
    float
        The 95th percentile of measured over predicted. Never below 1: a model that predicts too much costs
        GPUs, which a new plan can save; one that predicts too little costs predictions.
    """
    ratios = sorted(
        a["peak_bytes"] / a["predicted_peak_bytes"]
        for a in attempts
        if a.get("outcome") == Outcome.DONE and a.get("peak_bytes") and a.get("predicted_peak_bytes")
    )
    if len(ratios) < _ENOUGH:
        return 1.0
    return max(1.0, ratios[int(_QUANTILE * (len(ratios) - 1))])

"""Scores of predictions: what a structure predictor says about its own output. Imports no torch."""

from foldcp.scores.boltz import Chain, Sample, read_prediction

__all__ = ["Chain", "Sample", "read_prediction"]

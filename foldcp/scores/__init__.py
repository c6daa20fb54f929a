"""Scores of predictions: what a structure predictor says about its own output. Imports no torch."""

from foldcp.scores.readers.find import Prediction, find, read_prediction
from foldcp.scores.sample import Chain, Sample
from foldcp.scores.scored import SCORING_VERSION, Scored, score

__all__ = [
    "SCORING_VERSION",
    "Chain",
    "Prediction",
    "Sample",
    "Scored",
    "find",
    "read_prediction",
    "score",
]

"""Metrics of a prediction, one per short function, each with its formula and source."""

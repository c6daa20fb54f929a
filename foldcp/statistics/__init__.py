"""From scores and controls to evidence: one statistic per file. Imports no torch.

scipy, scikit-learn and statsmodels do the mathematics. What is decided here is what counts as a unit, which
units are compared, and what happens where there is nothing to compare.
"""

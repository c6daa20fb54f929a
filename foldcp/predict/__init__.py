"""Prediction of one complex, exact and reproducible.

From the outside in: `Session` predicts targets one after another with a model that is loaded once; `Engine`
is the seam behind which the model runs. `settings`, `targets`, `document`, `markers`, `outcomes` and
`checkpoint` import neither torch nor boltz, so that a login node can plan, resume and report quickly.
"""

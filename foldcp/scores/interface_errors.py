"""Interface scores that come from the predicted aligned error, one value for each ordered pair of chains.

They are made where the error is: on the tiles of a mesh while folding, so that no N × N matrix is ever gathered,
or row block by row block from a file. `interfaces_<id>_model_<k>.npz` keeps them beside the structure.
"""

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class InterfaceErrors:
    """Scores from the aligned error, (C, C) each; entry [a, b] scores chain a from the frames of chain b.

    NaN where a chain has no counted residue, where a mean is over no pair, and on the diagonal. The columns of
    the interfaces table of the same names say what each one is.
    """

    ipsae: np.ndarray
    ipsae_d0chn: np.ndarray
    ipsae_d0dom: np.ndarray
    iptm_d0chn: np.ndarray
    n0res: np.ndarray
    n0chn: np.ndarray
    n0dom: np.ndarray
    d0res: np.ndarray
    d0chn: np.ndarray
    d0dom: np.ndarray
    nres_a: np.ndarray
    nres_b: np.ndarray
    dist_a: np.ndarray
    dist_b: np.ndarray
    contact_tm: np.ndarray
    """Mean of 1 / (1 + (PAE / 10 Å)²) over pairs in contact: what pDockQ2 multiplies with pLDDT."""
    lis: np.ndarray
    lia: np.ndarray
    clis: np.ndarray
    clia: np.ndarray
    pae_contacts: np.ndarray
    pae_min: np.ndarray

    def save(self, path: Path) -> None:
        """Write an `.npz` file."""
        np.savez_compressed(path, **{field.name: getattr(self, field.name) for field in fields(self)})

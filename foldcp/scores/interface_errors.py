"""Interface scores that come from the predicted aligned error, one value for each ordered pair of chains.

They are made where the error is: on the tiles of a mesh while folding, so that no N × N matrix is ever
gathered, or row block by row block from a file. `interfaces_<id>_model_<k>.npz` keeps them beside the
structure.
"""

import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np

from foldcp.errors import InputError


@dataclass(frozen=True)
class InterfaceErrors:
    """Scores from the aligned error, (C, C) each; entry [a, b] scores chain a from the frames of chain b.

    NaN on the diagonal, and where a chain has no counted residue (a ligand has none). Where a mean is over no
    pair, `contact_tm` and `pae_contacts` are NaN, while `ipsae` and its kin, `lis` and `clis` are 0, as in
    the programs of their authors: no confident pair is the worst there is, not an unknown. The columns of the
    interfaces table of the same names say what each one is.
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

    @classmethod
    def of(cls, scores: Mapping[str, Any]) -> Self:
        """Return the scores by name of arrays, or of tensors on any device."""
        return cls(**{name: np.array(matrix.tolist(), np.float64) for name, matrix in scores.items()})

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what :meth:`save` wrote.

        Raises
        ------
        InputError
            Naming the file, and whether it is absent, truncated, of another kind or of wrong shape.
        """
        names = [field.name for field in fields(cls)]
        try:
            with np.load(path, allow_pickle=False) as arrays:
                found = {name: arrays[name] for name in names}
        except FileNotFoundError:
            raise InputError(f"{path}: no such file; expected scores of interfaces") from None
        except KeyError as error:
            raise InputError(f"{path}: {error.args[0]}; expected arrays {', '.join(names)}") from None
        except (ValueError, TypeError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise InputError(f"{path}: truncated or not a NumPy archive: {error}") from None
        _check(path, found)
        return cls(**found)


def _check(path: Path, found: Mapping[str, np.ndarray]) -> None:
    first = next(iter(found.values())).shape
    for name, matrix in found.items():
        if matrix.ndim != 2 or matrix.shape != (len(matrix),) * 2 or matrix.shape != first:
            raise InputError(
                f"{path}: {name} has shape {matrix.shape}, expected one row and one column for each chain in "
                f"every array; the first has {first}"
            )
        if matrix.dtype.kind != "f":
            raise InputError(f"{path}: {name} is of type {matrix.dtype}, expected floating-point numbers")

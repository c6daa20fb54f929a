"""JSON and array files of predictions, checked: what is wrong is said with the file's name."""

import json
import math
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from foldcp.errors import InputError
from foldcp.scores.interface_errors import InterfaceErrors
from foldcp.scores.tokens import ScoredTokens

# Boltz sums 32-bit numbers, so a perfect score may come out a hair above 1.
_ROUNDING = 1e-4


def read_json(path: Path) -> Any:
    """Return what a JSON file holds.

    Raises
    ------
    InputError
        If it is absent, cut in the middle, or nested too deep.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (ValueError, OSError, RecursionError) as error:  # RecursionError: brackets within brackets
        raise InputError(f"{path}: not readable as JSON: {error}") from None


def read_keys(path: Path) -> dict[str, Any]:
    """Return what a JSON file of keys and values holds; InputError as `read_json`."""
    value = read_json(path)
    if not isinstance(value, dict):
        raise InputError(f"{path}: expected keys and values, got {type(value).__name__}")
    return value


def number(path: Path, values: Mapping[str, Any], key: str, where: str = "") -> float:
    """Return a finite number; InputError where the key is missing or holds something else."""
    if key not in values:
        raise InputError(f"{path}: {where}key {key!r} is missing; got keys {sorted(values)}")
    value = values[key]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{path}: {where}{key} is {value!r}, expected a number")
    if not math.isfinite(value):
        raise InputError(f"{path}: {where}{key} is {value}, not a finite number; predict it again")
    return float(value)


def optional_number(path: Path, values: Mapping[str, Any], key: str) -> float | None:
    """Return a finite number, or None where the key is absent or null; InputError as `number`."""
    return None if values.get(key) is None else number(path, values, key)


def numbers(path: Path, values: Any, key: str, shape: tuple[int, ...]) -> np.ndarray:
    """Return lists of numbers as an array of `shape`, NaN for null.

    Raises
    ------
    InputError
        If they have another shape, or are no numbers.
    """
    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{path}: {key} is not {_sizes(shape)} numbers; the file is damaged") from None
    if array.shape != shape:
        raise InputError(f"{path}: {key} is {_sizes(array.shape)} numbers, expected {_sizes(shape)}")
    return array


def checked_plddt(path: Path, plddt: np.ndarray, highest: float) -> np.ndarray:
    """Return pLDDT as fractions.

    Parameters
    ----------
    path
        The file it is from.
    plddt
        One value for each token, or for each atom.
    highest
        What a perfect one is: 1 or 100.

    Raises
    ------
    InputError
        If it is not a list of numbers from 0 to `highest`.
    """
    if plddt.ndim != 1 or not len(plddt):
        raise InputError(f"{path}: plddt has shape {plddt.shape}, expected one value for each token")
    if plddt.dtype.kind not in "fiu":
        raise InputError(f"{path}: plddt is of type {plddt.dtype}, expected numbers; predict it again")
    if not np.isfinite(plddt).all():
        raise InputError(f"{path}: plddt holds NaN, not only finite numbers; predict it again")
    low, high = plddt.min() / highest, plddt.max() / highest
    if low < -_ROUNDING or high > 1 + _ROUNDING:
        raise InputError(
            f"{path}: plddt runs from {plddt.min():g} to {plddt.max():g}, expected 0 to {highest:g}"
        )
    return np.clip(plddt.astype(np.float64) / highest, 0, 1)


def read_array(path: Path, name: str) -> np.ndarray:
    """Return one array of an `.npz` file; InputError where it is absent or truncated."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return arrays[name]
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; expected the array {name!r}") from None
    except KeyError:
        raise InputError(f"{path}: holds no array {name!r}") from None
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"{path}: truncated or not a NumPy archive: {error}") from None


def errors_of_npz(path: Path, tokens: ScoredTokens) -> InterfaceErrors | None:
    """Return the interface scores from the PAE of an `.npz` file, read row block by row block."""
    if len(tokens.kinds) == 1:
        return None
    from foldcp.scores.aligned_error import ErrorFile, interface_errors

    return interface_errors(ErrorFile(path), tokens)


def errors_of_lists(path: Path, values: Any, tokens: ScoredTokens) -> InterfaceErrors | None:
    """Return the interface scores from a PAE matrix as a JSON file holds it.

    Parameters
    ----------
    path
        That file.
    values
        N lists of N numbers, or one list of N × N; None where there is no PAE.
    tokens
        The N tokens.

    Raises
    ------
    InputError
        If it is not N × N numbers.
    """
    if values is None or len(tokens.kinds) == 1:
        return None
    n = len(tokens.chain)
    flat = isinstance(values, list) and len(values) == n * n and not isinstance(values[0], list)
    pae = numbers(path, values, "pae", (n * n,) if flat else (n, n)).reshape(n, n)
    from foldcp.scores.aligned_error import ErrorArray, interface_errors

    return interface_errors(ErrorArray(pae, str(path)), tokens)


def _sizes(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "not a list of"

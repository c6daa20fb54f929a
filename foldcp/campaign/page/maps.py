"""Maps of a complex: scores of chain pairs, and the predicted aligned error, made small."""

import base64
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from foldcp.campaign.results import Row
from foldcp.errors import InputError

PAIR_SCORES = {
    "chain_pair_iptm": ("ipTM", "0 to 1, higher is better"),
    "ipsae": ("ipSAE", "0 to 1, higher is better"),
    "pdockq2": ("pDockQ2", "0 to 1.32, higher is better"),
    "pae_contacts": ("PAE at contacts", "Å, lower is better; grey where two chains do not touch"),
}
"""Columns of the interfaces table that the page can show for every pair of chains."""

CELLS = 256
"""Most cells of a map of the aligned error, each way."""
STEP = 0.125
"""Ångströms that one step of an 8-bit value stands for: 255 steps reach just below 32 Å."""


def pair_matrices(chains: Sequence[str], interfaces: Sequence[Row]) -> dict[str, list[float | None] | None]:
    """Return a matrix of every pair score, row by row: row b, column a holds chain a from the frames of b.

    Parameters
    ----------
    chains
        Names of the C chains, in order.
    interfaces
        Rows of the interfaces table, of one sample.

    Returns
    -------
    dict
        C·C values per score, None where there is none; None in place of a matrix without any value.
    """
    place = {name: index for index, name in enumerate(chains)}
    matrices = {}
    for score in PAIR_SCORES:
        matrix: list[float | None] = [None] * len(chains) ** 2
        for row in interfaces:
            if row[score] is not None:
                matrix[place[row["chain_b"]] * len(chains) + place[row["chain_a"]]] = round(row[score], 3)
        matrices[score] = matrix if any(value is not None for value in matrix) else None
    return matrices


def error_map(path: Path) -> dict[str, Any]:
    """Return a predicted aligned error as a small picture.

    The file is read row block by row block, so that memory holds a few hundred rows of N at most.

    Parameters
    ----------
    path
        `pae_*.npz` with an N × N array `pae`, in ångströms.

    Returns
    -------
    dict
        `tokens` N; `cells` n, at most `CELLS`; `values` n·n means in base64, as 8-bit numbers in steps
        of `STEP`.

    Raises
    ------
    InputError
        If the file is not such an array.
    """
    try:
        with zipfile.ZipFile(path) as archive, archive.open("pae.npy") as member:
            n, means = _means(member)
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(f"{path.name}: not a readable N × N array 'pae': {error}") from None
    if not np.isfinite(means).all():
        raise InputError(f"{path.name}: holds values that are not finite numbers")
    steps = np.clip(np.rint(means / STEP), 0, 255).astype(np.uint8)
    values = base64.b64encode(steps.tobytes()).decode()
    return {"tokens": n, "cells": len(steps), "values": values}


def _means(member: IO[bytes]) -> tuple[int, np.ndarray]:
    """Return N and the mean of each block of an N × N array that is read from its first row to its last."""
    n, dtype = _header(member)
    edges = np.linspace(0, n, min(n, CELLS) + 1).astype(int)
    widths = np.diff(edges)
    means = np.empty((len(widths), len(widths)))
    for number, height in enumerate(widths):
        block = np.frombuffer(member.read(int(height) * n * dtype.itemsize), dtype).reshape(height, n)
        means[number] = np.add.reduceat(block.sum(axis=0, dtype=np.float64), edges[:-1]) / (height * widths)
    return n, means


def _header(member: IO[bytes]) -> tuple[int, np.dtype]:
    version = np.lib.format.read_magic(member)
    if version != (1, 0):
        raise ValueError(f"version {version} of the format, expected (1, 0)")
    shape, by_columns, dtype = np.lib.format.read_array_header_1_0(member)
    if len(shape) != 2 or shape[0] != shape[1] or by_columns or not shape[0]:
        raise ValueError(f"shape {shape}{', by columns' if by_columns else ''}; expected N × N, by rows")
    return shape[0], dtype

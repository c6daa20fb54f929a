"""An N × N matrix on its way to an `.npz` file: written row block by row block, never whole in memory."""

import zipfile
from pathlib import Path

import numpy as np


class MatrixFile:
    """A `.npy` file of an N × N fp32 matrix, written from the first row to the last.

    Parameters
    ----------
    path
        File to write.
    n
        Rows and columns.
    """

    def __init__(self, path: Path, n: int) -> None:
        self._handle = path.open("wb")
        header = {"descr": "<f4", "fortran_order": False, "shape": (n, n)}
        np.lib.format.write_array_header_1_0(self._handle, header)

    def append(self, rows: np.ndarray) -> None:
        """Write the next rows (…, N)."""
        self._handle.write(np.ascontiguousarray(rows, dtype="<f4").data)

    def close(self) -> None:
        """End the file."""
        self._handle.close()


def archive(matrix: Path, path: Path, name: str) -> None:
    """Put a `.npy` file into a compressed `.npz`, as `numpy.savez_compressed(path, name=…)` would."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as packed:
        packed.write(matrix, arcname=f"{name}.npy")

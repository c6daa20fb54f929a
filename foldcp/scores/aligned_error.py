"""Scores of interfaces from an error matrix in a file or in memory, read a block of rows at a time.

The sums are those that a mesh makes on its tiles while folding (`foldcp.ops.interface_scores`), here on one
tile that is the whole matrix. Imports torch only at work.
"""

import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol

import numpy as np

from foldcp.errors import InputError
from foldcp.scores.interface_errors import InterfaceErrors
from foldcp.scores.tokens import ScoredTokens

_UNREADABLE = (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError)
"""What NumPy and zipfile raise for a file that is cut off, damaged, or something else."""


class AlignedErrorRows(Protocol):
    """A predicted aligned error, read from the first row to the last.

    Attributes
    ----------
    source
        Where it comes from, for messages.
    """

    source: str

    def blocks(self, n_tokens: int, pieces: Iterable[slice]) -> Iterator[np.ndarray]:
        """Yield consecutive blocks of rows (…, N) in ångströms, unchecked; `pieces` covers all N in order.

        Raises
        ------
        InputError
            If there is no N × N matrix.
        """
        ...


class ErrorArray:
    """An error matrix in memory, as AlphaFold 3 and ColabFold have it in their JSON.

    Parameters
    ----------
    matrix
        N × N numbers in ångströms.
    source
        Where it comes from, for messages.
    """

    def __init__(self, matrix: np.ndarray, source: str) -> None:
        self.source, self._matrix = source, matrix

    def blocks(self, n_tokens: int, pieces: Iterable[slice]) -> Iterator[np.ndarray]:
        """Yield consecutive blocks of rows, as `AlignedErrorRows` says."""
        _check_matrix(self.source, self._matrix.shape, self._matrix.dtype, n_tokens)
        for piece in pieces:
            yield self._matrix[piece]


class ErrorFile:
    """An error matrix in a file: `.npy`, or the array `pae` (or the only array) of an `.npz`.

    Parameters
    ----------
    path
        The file. It is streamed, so that no more than a block of rows is in memory.
    """

    def __init__(self, path: Path) -> None:
        self.source, self._path = str(path), path

    def blocks(self, n_tokens: int, pieces: Iterable[slice]) -> Iterator[np.ndarray]:
        """Yield consecutive blocks of rows, as `AlignedErrorRows` says."""
        with self._reading(), self._open() as stream:
            shape, in_columns, dtype = _header(stream)
            _check_matrix(self.source, shape, dtype, n_tokens)
            if in_columns:
                raise InputError(
                    f"{self.source}: the matrix lies in the file column by column (Fortran order), so that "
                    "its rows cannot be read one after the other; save np.ascontiguousarray of it"
                )
            for piece in pieces:
                size = (piece.stop - piece.start) * n_tokens * dtype.itemsize
                content = stream.read(size)
                if len(content) < size:
                    raise EOFError(f"ends within rows {piece.start} to {piece.stop} of {n_tokens}")
                yield np.frombuffer(content, dtype).reshape(-1, n_tokens)
            if stream.read(1):  # a zip archive checks its sum here
                raise ValueError(f"goes on after {n_tokens} rows")

    @contextmanager
    def _open(self) -> Iterator[IO[bytes]]:
        if self._path.suffix != ".npz":
            with self._path.open("rb") as stream:
                yield stream
            return
        with zipfile.ZipFile(self._path) as archive:
            names = archive.namelist()
            if "pae.npy" not in names and len(names) != 1:
                raise InputError(f"{self.source}: holds no array 'pae', but {', '.join(names) or 'nothing'}")
            with archive.open("pae.npy" if "pae.npy" in names else names[0]) as stream:
                yield stream

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise InputError(f"{self.source}: no such file; expected the predicted aligned error") from None
        except _UNREADABLE as error:
            raise InputError(f"{self.source}: truncated, damaged or not a NumPy file: {error}") from None


def interface_errors(rows: AlignedErrorRows, tokens: ScoredTokens) -> InterfaceErrors:
    """Return the scores of interfaces of one sample, summed in fp64 on the CPU.

    Parameters
    ----------
    rows
        The predicted aligned error of N × N tokens; read twice.
    tokens
        The N tokens.

    Raises
    ------
    InputError
        Naming the source and what is wrong with it: absent, truncated, another shape, not numbers.
    """
    import torch

    from foldcp.mesh import Mesh, Place
    from foldcp.ops.interface_scores import interface_scores
    from foldcp.ops.interface_sums import Residues

    n = len(tokens.chain)
    _check_tokens(rows.source, tokens)

    def read(pieces: Iterable[slice]) -> "Iterator[tuple[slice, torch.Tensor]]":
        cut = list(pieces)
        for piece, block in zip(cut, rows.blocks(n, cut), strict=True):
            values = block.astype(np.float64)
            _check_values(rows.source, values, piece)
            yield piece, torch.from_numpy(values)

    nucleic = torch.tensor([kind in ("dna", "rna") for kind in tokens.kinds], dtype=torch.bool)
    residues = Residues.of(
        torch.from_numpy(tokens.chain.astype(np.int64)),
        torch.from_numpy(tokens.counted.astype(bool)),
        torch.from_numpy(tokens.contact.astype(np.float64)),
        nucleic,
    )
    with torch.no_grad():
        place = Place.create(Mesh.create(1, 1), n, "small")
        return InterfaceErrors.of(interface_scores(read, residues, place))


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = np.lib.format.read_magic(stream)
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in readers:
        raise ValueError(f"version {version} of the .npy format, which no matrix of numbers needs")
    return readers[version](stream)


def _check_matrix(source: str, shape: tuple[int, ...], dtype: np.dtype, n_tokens: int) -> None:
    if tuple(shape) != (n_tokens, n_tokens):
        raise InputError(
            f"{source}: the predicted aligned error has shape {tuple(shape)}, but the structure has "
            f"{n_tokens} tokens; expected {(n_tokens, n_tokens)}, so the two are not of one prediction"
        )
    if dtype.kind not in "fiu":
        raise InputError(f"{source}: the predicted aligned error is of type {dtype}, expected numbers")


def _check_values(source: str, values: np.ndarray, rows: slice) -> None:
    bad = ~np.isfinite(values) | (values < 0)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise InputError(
            f"{source}: the predicted aligned error of tokens {rows.start + row} and {column} is "
            f"{values[row, column]}, expected a number of ångströms from 0 up; predict it again"
        )


def _check_tokens(source: str, tokens: ScoredTokens) -> None:
    n, shapes = len(tokens.chain), (tokens.counted.shape, tokens.contact.shape)
    if shapes != ((n,), (n, 3)):
        raise InputError(f"{source}: tokens have chains of {n}, but counted and contact of shapes {shapes}")

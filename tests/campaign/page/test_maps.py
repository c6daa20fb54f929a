"""Maps of the page: the aligned error in blocks, scores of chain pairs in their places."""

import base64
import itertools

import numpy as np
import pytest

from foldcp.campaign.page.maps import CELLS, STEP, error_map, pair_matrices
from foldcp.errors import InputError


def _values(shown):
    steps = np.frombuffer(base64.b64decode(shown["values"]), np.uint8)
    return steps.reshape(shown["cells"], shown["cells"]) * STEP


@pytest.mark.parametrize("n", [1, 7, 256, 257, 600])
def test_each_cell_is_the_mean_of_its_block(tmp_path, n):
    pae = np.random.default_rng(n).uniform(0.25, 31.7, (n, n)).astype("<f4")
    np.savez_compressed(tmp_path / "pae.npz", pae=pae)
    shown = error_map(tmp_path / "pae.npz")
    edges = np.linspace(0, n, min(n, CELLS) + 1).astype(int)
    blocks = [slice(a, b) for a, b in itertools.pairwise(edges)]
    expected = np.array([[pae[rows, columns].mean() for columns in blocks] for rows in blocks])
    assert shown["tokens"] == n
    assert np.abs(_values(shown) - expected).max() <= STEP / 2 + 1e-5


def test_rows_are_not_taken_for_columns(tmp_path):
    pae = np.zeros((300, 300), "<f4")
    pae[:100] = 20
    np.savez_compressed(tmp_path / "pae.npz", pae=pae)
    values = _values(error_map(tmp_path / "pae.npz"))
    assert values[0, -1] == 20
    assert values[-1, 0] == 0


@pytest.mark.parametrize(
    "break_it",
    [
        lambda path: np.savez_compressed(path, pae=np.zeros((3, 4))),
        lambda path: np.savez_compressed(path, pae=np.zeros((0, 0))),
        lambda path: np.savez_compressed(path, pae=np.full((3, 3), np.nan)),
        lambda path: np.savez_compressed(path, pae=np.asfortranarray(np.zeros((3, 3)))),
        lambda path: np.savez_compressed(path, other=np.zeros((3, 3))),
        lambda path: path.write_bytes(path.read_bytes()[:-40]),
        lambda path: path.write_bytes(b""),
    ],
)
def test_a_file_that_is_no_aligned_error_is_named(tmp_path, break_it):
    path = tmp_path / "pae.npz"
    np.savez_compressed(path, pae=np.ones((9, 9)))
    break_it(path)
    with pytest.raises(InputError, match=r"pae\.npz"):
        error_map(path)


def test_a_pair_stands_in_the_row_of_its_frames_and_the_column_of_the_scored_chain():
    blank = {"chain_pair_iptm": None, "ipsae": None, "pdockq2": None, "pae_contacts": None}
    rows = [
        blank | {"chain_a": "A", "chain_b": "C", "ipsae": 0.7},
        blank | {"chain_a": "C", "chain_b": "A", "ipsae": 0.4},
    ]
    got = pair_matrices(["A", "B", "C"], rows)
    assert got["chain_pair_iptm"] is None
    matrix = np.array(got["ipsae"], dtype=object).reshape(3, 3)
    assert (matrix[2, 0], matrix[0, 2]) == (0.7, 0.4)
    assert sum(value is not None for value in matrix.flat) == 2

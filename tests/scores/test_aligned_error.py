"""Interface scores from files: streamed, the same as on tiles, and clear about what is wrong with a file."""

import io
import tracemalloc
import zipfile

import numpy as np
import pytest
from ops.interface_cases import difference, random_case, reference

from foldcp.errors import InputError
from foldcp.scores.aligned_error import ErrorArray, ErrorFile, interface_errors
from foldcp.scores.interface_errors import InterfaceErrors
from foldcp.scores.tokens import ScoredTokens

CASE = random_case(4, seed=5)
N = len(CASE.chain)


def tokens_of(case):
    return ScoredTokens(case.chain, case.kinds, case.counted, case.contact, case.plddt)


TOKENS = tokens_of(CASE)


def npy(path, matrix):
    np.save(path, matrix)
    return path


def npz(path, matrix, save=np.savez_compressed, **others):
    save(path, pae=matrix, **others)
    return path


@pytest.mark.parametrize("dtype", ["<f4", "<f8", ">f4"])
@pytest.mark.parametrize(
    "write", [npy, npz, lambda *a: npz(*a, save=np.savez), lambda *a: npz(*a, pde=np.eye(2))]
)
def test_a_file_equals_the_definitions(tmp_path, write, dtype):
    name = "pae.npy" if write is npy else "pae.npz"
    path = write(tmp_path / name, CASE.pae.astype(dtype))
    scores = interface_errors(ErrorFile(path), TOKENS)
    assert max(difference(vars(scores), reference(CASE)).values()) < 1e-6
    other = random_case(4, seed=6)
    assert max(difference(vars(scores), reference(other)).values()) > 1e-3


def test_whole_numbers_in_memory_equal_the_definitions():
    case = random_case(3, seed=7)
    case.pae = np.ceil(case.pae)
    scores = interface_errors(ErrorArray(case.pae.astype(np.int64), "numbers"), tokens_of(case))
    assert max(difference(vars(scores), reference(case)).values()) < 1e-6


def test_a_matrix_is_read_block_of_rows_by_block_of_rows(tmp_path):
    """Twin: read in one piece, the same file takes more than the matrix."""
    n = 1500
    matrix = np.random.default_rng(0).random((n, n), np.float32)
    path = npz(tmp_path / "pae.npz", matrix)

    def peak(pieces):
        tracemalloc.start()
        for block in ErrorFile(path).blocks(n, pieces):
            assert block.shape[1] == n
        taken = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return taken

    rows = [slice(start, start + 10) for start in range(0, n, 10)]
    got = np.concatenate(list(ErrorFile(path).blocks(n, rows)))
    assert np.array_equal(got, matrix)
    assert peak(rows) < matrix.nbytes / 10 < matrix.nbytes < peak([slice(0, n)])


def cut(path, share):
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


def flip(path):
    """Change a byte in the middle of the compressed matrix."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)
    return path


def changed(value):
    matrix = CASE.pae.copy()
    matrix[7, 3] = value
    return matrix


def nested(path):
    """Write an archive whose only member is no array."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("pae.npy", b"not an array")
    return path


def longer(path):
    stream = io.BytesIO()
    np.save(stream, CASE.pae)
    path.write_bytes(stream.getvalue() + b"more")
    return path


DAMAGED = {
    "absent": (lambda path: path, "no such file"),
    "cut npz": (lambda path: cut(npz(path, CASE.pae), 0.6), "truncated, damaged or not a NumPy file"),
    "damaged npz": (lambda path: flip(npz(path, CASE.pae)), "truncated, damaged or not a NumPy file"),
    "no array": (nested, "truncated, damaged or not a NumPy file"),
    "another array": (
        lambda path: np.savez(path, a=CASE.pae, b=CASE.pae) or path,
        r"holds no array 'pae', but a\.npy, b\.npy",
    ),
    "wrong shape": (lambda path: npz(path, CASE.pae[:-1]), rf"shape \({N - 1}, {N}\).*{N} tokens"),
    "batch": (lambda path: npz(path, CASE.pae[None]), rf"shape \(1, {N}, {N}\)"),
    "words": (lambda path: npz(path, CASE.pae.astype("U4")), "of type <U4, expected numbers"),
    "NaN": (lambda path: npz(path, changed(np.nan)), "of tokens 7 and 3 is nan, expected a number"),
    "infinite": (lambda path: npz(path, changed(np.inf)), "of tokens 7 and 3 is inf"),
    "negative": (lambda path: npz(path, changed(-1)), r"of tokens 7 and 3 is -1\.0"),
    "columns first": (lambda path: npz(path, np.asfortranarray(CASE.pae)), "column by column"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_archive_is_named_with_the_reason(tmp_path, name):
    damage, message = DAMAGED[name]
    path = damage(tmp_path / "pae_x.npz")
    with pytest.raises(InputError, match=message) as error:
        interface_errors(ErrorFile(path), TOKENS)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: cut(npy(path, CASE.pae), 0.6), f"ends within rows .* of {N}"),
        (longer, f"goes on after {N} rows"),
        (lambda path: path.write_bytes(b"") or path, "not a NumPy file"),
    ],
)
def test_a_damaged_array_is_named_with_the_reason(tmp_path, damage, message):
    path = damage(tmp_path / "pae_x.npy")
    with pytest.raises(InputError, match=message) as error:
        interface_errors(ErrorFile(path), TOKENS)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("value", [np.nan, -0.5])
def test_an_array_in_memory_is_checked_too(value):
    with pytest.raises(InputError, match=r"full_data_0\.json: the predicted aligned error of tokens 7 and 3"):
        interface_errors(ErrorArray(changed(value), "full_data_0.json"), TOKENS)


def test_scores_survive_a_file(tmp_path):
    scores = interface_errors(ErrorArray(CASE.pae, "x"), TOKENS)
    scores.save(tmp_path / "interfaces_x_model_0.npz")
    read = InterfaceErrors.load(tmp_path / "interfaces_x_model_0.npz")
    assert all(
        np.array_equal(vars(read)[name], matrix, equal_nan=True) for name, matrix in vars(scores).items()
    )
    assert np.isnan(read.ipsae).any() and np.isfinite(read.ipsae).any()


def saved(path, **changes):
    scores = vars(interface_errors(ErrorArray(CASE.pae, "x"), TOKENS)) | changes
    np.savez_compressed(path, **{name: matrix for name, matrix in scores.items() if matrix is not None})
    return path


UNREADABLE = {
    "absent": (lambda path: path, "no such file"),
    "cut": (lambda path: cut(saved(path), 0.5), "truncated or not a NumPy archive"),
    "an array": (
        lambda path: path.write_bytes(npy(path.with_suffix(".npy"), np.eye(2)).read_bytes()) and path,
        "truncated or not a NumPy archive",
    ),
    "a score less": (lambda path: saved(path, clis=None), "clis"),
    "another number of chains": (lambda path: saved(path, lis=np.zeros((3, 3))), r"lis has shape \(3, 3\)"),
    "a row": (lambda path: saved(path, ipsae=np.zeros((1, 4))), r"ipsae has shape \(1, 4\)"),
    "words": (lambda path: saved(path, lia=np.full((4, 4), "x")), "lia is of type <U1"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_unreadable_scores_are_named_with_the_reason(tmp_path, name):
    damage, message = UNREADABLE[name]
    path = damage(tmp_path / "interfaces_x_model_0.npz")
    with pytest.raises(InputError, match=message) as error:
        InterfaceErrors.load(path)
    assert str(path) in str(error.value)

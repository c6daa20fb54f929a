import numpy as np
import pytest
import torch

from foldcp.errors import InputError, MissingError, UnreadableError
from foldcp.predict.outcomes import NumericalError, Outcome, classify


def _raised_by(action) -> BaseException:
    with pytest.raises(BaseException) as caught:
        action()
    return caught.value


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), Outcome.OOM),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"), Outcome.OOM),
        (OSError(12, "Cannot allocate memory"), Outcome.OOM),
        (MemoryError(), Outcome.OOM),
        (InputError("x.yaml: chain A: 'sequence' is empty"), Outcome.BAD_INPUT),
        (UnreadableError("a.a3m: cannot be read: Stale file handle"), Outcome.CRASHED),
        (NumericalError("not numbers"), Outcome.NUMERICAL),
        (FloatingPointError("overflow"), Outcome.NUMERICAL),
        (MissingError("no weights"), Outcome.CRASHED),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), Outcome.CRASHED),
        (KeyError("token"), Outcome.CRASHED),
    ],
)
def test_class_of(error, expected):
    outcome, message = classify(error)
    assert outcome is expected
    assert "\n" not in message
    assert message


def test_memory_errors_as_the_libraries_really_raise_them():
    for action in (lambda: torch.empty(2**50), lambda: np.empty(2**50)):
        assert classify(_raised_by(action))[0] is Outcome.OOM


def test_a_crash_names_its_type_and_a_long_message_is_cut():
    assert classify(KeyError("token"))[1].startswith("KeyError: ")
    assert len(classify(InputError("x" * 5000))[1]) <= 400


def test_a_decomposition_of_what_is_not_finite_is_numerical():
    with pytest.raises(RuntimeError) as error:
        torch.linalg.svd(torch.full((3, 3), torch.nan))
    assert classify(error.value)[0] is Outcome.NUMERICAL

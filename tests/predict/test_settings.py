from pathlib import Path

import pytest

from foldcp.errors import UsageError
from foldcp.mesh.budget import LEVELS
from foldcp.predict.settings import BUDGETS, Settings


def test_json_round_trip():
    mesh = {"mesh": (2, 3), "budget": "large"}
    settings = Settings(model="demo", cache=Path("c"), samples=2, pae=True, threads=3, msa_rows=64, **mesh)
    assert Settings.from_json(settings.to_json()) == settings


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"device": "tpu"}, "unknown device 'tpu'; valid: auto, cpu, cuda"),
        ({"precision": "fp16"}, "unknown precision 'fp16'; valid: fp32, bf16-mixed, bf16"),
        ({"budget": "huge"}, "unknown budget 'huge'; valid: small, medium, large"),
        ({"kernels": "on"}, "unknown kernels 'on'; valid: auto, off"),
        ({"mesh": (0, 2)}, "mesh 0x2 is not valid: rows x columns, each at least 1"),
        ({"mesh": (2,)}, "mesh 2 is not valid: rows x columns"),
        ({"samples": 0}, "samples is 0, but must be at least 1"),
        ({"steps": 1}, "steps is 1, but must be at least 2"),
        ({"threads": 0}, "threads is 0"),
        ({"msa_rows": 0}, "msa_rows is 0, but must be at least 1"),
    ],
)
def test_refuses(values, message):
    with pytest.raises(UsageError, match=message):
        Settings(**values)


def test_the_budgets_are_those_of_the_mesh():
    assert list(LEVELS) == BUDGETS


def test_unknown_key_lists_the_valid_ones():
    with pytest.raises(UsageError, match=r"\['recycle'\]; valid: model, .*recycles"):
        Settings.from_json({"recycle": 3})

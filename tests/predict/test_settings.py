from pathlib import Path

import pytest

from foldcp.errors import UsageError
from foldcp.predict.settings import Settings


def test_json_round_trip():
    settings = Settings(model="demo", cache=Path("c"), samples=2, pae=True, threads=3)
    assert Settings.from_json(settings.to_json()) == settings


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"device": "tpu"}, "unknown device 'tpu'; valid: auto, cpu, cuda"),
        ({"precision": "bf16"}, "valid: fp32, bf16-mixed"),
        ({"mesh": (2, 2)}, "mesh 2x2 is not available: this version predicts on 1x1"),
        ({"samples": 0}, "samples is 0, but must be at least 1"),
        ({"steps": 1}, "steps is 1, but must be at least 2"),
        ({"threads": 0}, "threads is 0"),
    ],
)
def test_refuses(values, message):
    with pytest.raises(UsageError, match=message):
        Settings(**values)


def test_unknown_key_lists_the_valid_ones():
    with pytest.raises(UsageError, match=r"\['recycle'\]; valid: model, .*recycles"):
        Settings.from_json({"recycle": 3})

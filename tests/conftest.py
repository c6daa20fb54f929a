"""Fixtures shared by all tests."""

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real public tables that is not part of the project."""
    if not SHARED.is_dir():
        pytest.skip("the real tables are not beside this checkout; hand-made twins cover the same cases")
    return SHARED


@pytest.fixture(scope="session")
def demo_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder that all tests of one run share, so that the demo model is built once."""
    return tmp_path_factory.mktemp("cache")

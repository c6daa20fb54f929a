"""Fixtures shared by all tests."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from mesh.pool import Pool

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


@pytest.fixture(scope="session")
def pool() -> "Iterator[Pool]":
    """Six gloo ranks that live as long as the test run."""
    from mesh.pool import Pool

    pool = Pool()
    yield pool
    pool.close()

"""What becomes of batches that fail, and of a cache that several people write."""

import contextlib
import hashlib
import os
import shutil
import stat
import tempfile
from pathlib import Path

import pytest

from foldcp.config.alignments import MsaServerConfig
from foldcp.errors import WriteError
from foldcp.msa.cache import Cache, Recipe
from foldcp.msa.providers import Searched
from foldcp.msa.query import Query, SearchError
from foldcp.msa.server import Server


def query(number: int) -> Query:
    sequence = "MKV" + "ACDEFGHIKL"[number % 10] * (number // 10 + 1)
    return Query(hashlib.sha256(sequence.encode()).hexdigest(), sequence)


QUERIES = [query(number) for number in range(200)]


class Search:
    """Fails for a batch that holds one of `bad`."""

    name, recipe = "test", Recipe("test", (), {})

    def __init__(self, *bad: int) -> None:
        self.bad, self.searches = {QUERIES[number].sha256 for number in bad}, 0

    def origin(self) -> dict:
        return {}

    def turn(self):
        return contextlib.nullcontext()

    def search(self, queries):
        self.searches += 1
        if self.bad & {q.sha256 for q in queries}:
            raise SearchError("bad")
        return ((q, iter([("query", q.sequence)])) for q in queries)


def searched(folder: Path, *bad: int) -> tuple[Search, Searched]:
    search = Search(*bad)
    return search, Searched(search, Cache(folder, search.recipe))


@pytest.mark.parametrize("bad", [0, 77, 199])
def test_one_bad_sequence_of_two_hundred_is_found(tmp_path, bad):
    search, provider = searched(tmp_path, bad)
    assert provider.fill(QUERIES) == {QUERIES[bad].sha256: "bad"}
    assert search.searches <= 17 and sum(map(provider.has, QUERIES)) == 199


def test_a_search_that_always_fails_is_given_up_soon(tmp_path):
    search, provider = searched(tmp_path, *range(200))
    with pytest.raises(SearchError, match="7 searches of 200 sequences, together and in parts, failed: bad"):
        provider.fill(QUERIES)
    assert search.searches == 7


@pytest.mark.parametrize("bad", [(0, 199), (10, 90, 170), (3, 60, 61, 120)])
def test_several_bad_sequences_take_no_other_with_them(tmp_path, bad):
    _, provider = searched(tmp_path, *bad)
    with pytest.raises(SearchError, match="What was found is kept; run again for the rest"):
        provider.fill(QUERIES)
    assert sum(map(provider.has, QUERIES)) > 150
    for _ in range(2):  # what was not examined is no failure, and the next runs come to it
        with contextlib.suppress(SearchError):
            failed = provider.fill(QUERIES)
    assert set(failed) == {QUERIES[number].sha256 for number in bad}
    assert sum(map(provider.has, QUERIES)) == 200 - len(bad)


def test_where_nothing_can_be_stored_nothing_is_searched(tmp_path):
    search, provider = searched(tmp_path)
    (tmp_path / "msa").mkdir()
    (tmp_path / "msa" / QUERIES[0].sha256[:2]).write_text("no folder")
    with pytest.raises(WriteError, match="cannot be written"):
        provider.fill(QUERIES)
    assert search.searches == 0


@pytest.fixture
def shared():
    """A cache folder that everybody may write, and a user who keeps others out of what he makes."""
    folder, before = Path(tempfile.mkdtemp(dir="/tmp")), os.umask(0o077)
    folder.chmod(0o2777)
    yield folder
    os.umask(before)
    shutil.rmtree(folder)


def test_what_is_made_in_a_shared_cache_is_shared(shared):
    _, provider = searched(shared)
    provider.fill(QUERIES[:3])
    server = Server(MsaServerConfig(), shared)
    with server.turn():
        pass
    folders = [path for path in shared.rglob("*") if path.is_dir()]
    assert len(folders) >= 3 and server.tickets in folders
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o2777}
    assert stat.S_IMODE((server.tickets / "lock").stat().st_mode) == 0o666
    files = shared.glob("msa/??/*.zst")
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o644}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_second_user_writes_too(shared):
    _, provider = searched(shared)
    provider.fill(QUERIES[:100])
    with Server(MsaServerConfig(), shared).turn():
        pass
    child = os.fork()
    if not child:
        os.setgid(65534)
        os.setuid(65534)
        status = 1
        try:
            with Server(MsaServerConfig(), shared).turn():
                status = len(searched(shared)[1].fill(QUERIES))
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert all(map(provider.has, QUERIES))

"""The client of a ColabFold server, against a local one that speaks the protocol and fails on demand."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from msa.colabfold_standin import Standin

from foldcp.config.alignments import MsaConfig, MsaServerConfig
from foldcp.errors import MissingError
from foldcp.msa.cache import Cache, left_overs, provenance
from foldcp.msa.providers import Searched
from foldcp.msa.query import Query, SearchError
from foldcp.msa.server import Server

SEQUENCES = ["MKVLAAG", "MKUAAA", "GSHMLEDPVAKW", "AEVNLTRQ", "MFHWCLND"]
PROCESS = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from msa.test_server import QUERIES, searched
provider = searched(sys.argv[1], Path(sys.argv[2]))
print("ready", flush=True)
print(provider.fill(QUERIES), flush=True)
"""


def query(sequence: str) -> Query:
    return Query(hashlib.sha256(sequence.encode()).hexdigest(), sequence)


QUERIES = [query(sequence) for sequence in SEQUENCES]


@pytest.fixture
def standin():
    server = Standin()
    yield server
    server.shutdown()


def client(url: str, cache: Path, **settings) -> Server:
    config = MsaServerConfig(url=url, **{"requests_per_second": 1, **settings})
    # The declared limits are for public servers; this one is ours.
    return Server(config.model_copy(update={"requests_per_second": 1000.0}), cache, pause=0.01)


def searched(url: str, cache: Path, **settings) -> Searched:
    server = client(url, cache, **settings)
    return Searched(server, Cache(cache, server.recipe))


def rows_of(provider: Searched, sequence: str) -> list:
    return list(provider.read(query(sequence)))


def tickets(cache: Path) -> list[Path]:
    return list((cache / "msa" / "tickets").glob("*.json"))


def test_batches_become_alignments(standin, tmp_path):
    provider = searched(standin.url, tmp_path, batch=2, contact="me@lab.org")
    assert provider.fill(QUERIES) == {}
    assert standin.seen["submit"] == standin.seen["download"] == 3
    assert rows_of(provider, "MKUAAA") == [
        ("query", "MKUAAA"),
        ("uniref_102\t99\t0.9", "-KUaaAAA"),
        ("bfd_102\t99\t0.9", "-KUaaAAA"),
    ]
    assert [len(rows_of(provider, sequence)) for sequence in SEQUENCES] == [3] * 5
    (agent,) = standin.agents
    assert agent.startswith("foldcp/") and "me@lab.org" in agent
    said = provenance(provider.cache.path(QUERIES[0]))
    assert said["provider"] == "server" and said["databases"] == [{"url": standin.url}]
    assert tickets(tmp_path) == []
    assert provider.fill(QUERIES) == {} and standin.seen["submit"] == 3


@pytest.mark.parametrize(
    ("environmental", "filter", "mode"),
    [(True, True, "env"), (False, True, "all"), (True, False, "env-nofilter"), (False, False, "nofilter")],
)
def test_modes(standin, tmp_path, environmental, filter, mode):
    provider = searched(standin.url, tmp_path, environmental=environmental, filter=filter)
    provider.fill(QUERIES[:1])
    assert [ticket["mode"] for ticket in standin.tickets.values()] == [mode]
    assert len(rows_of(provider, SEQUENCES[0])) == (3 if environmental else 2)


FAILURES = {
    "rate limit": {"submit": ["RATELIMIT", "RATELIMIT"]},
    "rate limit while polling": {"status": ["RATELIMIT"]},
    "unknown at first": {"status": ["UNKNOWN", "UNKNOWN"]},
    "too many requests": {"submit": [429], "status": [429, 503]},
    "dropped connections": {"submit": ["drop"], "status": ["drop"], "download": ["drop"]},
    "bad gateway": {"submit": [502], "status": [500], "download": [504]},
}


@pytest.mark.parametrize("name", FAILURES)
def test_what_passes_is_waited_for(standin, tmp_path, name):
    standin.script = {kind: list(answers) for kind, answers in FAILURES[name].items()}
    assert searched(standin.url, tmp_path).fill(QUERIES) == {}
    assert not any(standin.script.values()) and len(standin.tickets) == 1


def test_a_result_that_is_cut_is_fetched_again(standin, tmp_path):
    standin.cut = 100
    assert searched(standin.url, tmp_path).fill(QUERIES) == {}
    assert standin.seen["download"] == 2 and len(standin.tickets) == 1


def test_a_lost_ticket_is_asked_for_anew(standin, tmp_path):
    standin.script = {"status": ["UNKNOWN"] * 3}
    assert searched(standin.url, tmp_path).fill(QUERIES) == {}
    assert standin.seen["submit"] == 2 and tickets(tmp_path) == []


def test_a_result_that_is_gone_is_asked_for_anew(standin, tmp_path):
    standin.script = {"download": [404]}
    assert searched(standin.url, tmp_path).fill(QUERIES) == {}
    assert standin.seen["submit"] == 2


def test_maintenance_ends_the_search_in_plain_words(standin, tmp_path):
    standin.script = {"submit": ["MAINTENANCE"]}
    with pytest.raises(MissingError, match="is being maintained; run again later"):
        searched(standin.url, tmp_path).fill(QUERIES)
    assert sum(standin.seen.values()) == 1


@pytest.mark.parametrize("answer", ["drop", 503, "no json", 403])
def test_a_server_that_does_not_answer(standin, tmp_path, answer):
    standin.script = {"submit": [answer] * 20}
    with pytest.raises(MissingError, match=r"gives no answer .*what was found is kept"):
        searched(standin.url, tmp_path).fill(QUERIES)
    assert sum(standin.seen.values()) <= 6


def test_patience_has_an_end(standin, tmp_path):
    standin.polls = 10**6
    provider = searched(standin.url, tmp_path, patience_hours=0.2 / 3600)
    with pytest.raises(MissingError, match=r"no result after .* hours .status RUNNING."):
        provider.fill(QUERIES)
    assert len(tickets(tmp_path)) == 1


def test_one_bad_sequence_costs_no_other(standin, tmp_path):
    standin.bad = SEQUENCES[2]
    provider = searched(standin.url, tmp_path)
    failed = provider.fill(QUERIES)
    assert list(failed) == [QUERIES[2].sha256]
    assert "could not search these sequences (status ERROR)" in failed[QUERIES[2].sha256]
    assert [provider.has(q) for q in QUERIES] == [True, True, False, True, True]
    assert tickets(tmp_path) == []


def test_a_server_that_fails_everything_is_an_error(standin, tmp_path):
    standin.script = {"status": ["ERROR"] * 99}
    with pytest.raises(SearchError, match="7 searches of 5 sequences, together and in parts, failed"):
        searched(standin.url, tmp_path).fill(QUERIES)
    with pytest.raises(SearchError, match="each of 2 sequences failed"):
        searched(standin.url, tmp_path).fill(QUERIES[:2])


def test_a_sequence_that_the_result_lacks(standin, tmp_path):
    standin.lost = SEQUENCES[1]
    failed = searched(standin.url, tmp_path).fill(QUERIES)
    assert list(failed) == [QUERIES[1].sha256]
    assert "has no alignment of this sequence" in failed[QUERIES[1].sha256]


def test_killed_in_between_it_goes_on_with_its_ticket(standin, tmp_path):
    standin.polls = 10**6
    command = [sys.executable, "-c", PROCESS, standin.url, str(tmp_path), str(Path(__file__).parents[1])]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    while standin.seen["status"] < 2:
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    (ticket,) = tickets(tmp_path)
    assert json.loads(ticket.read_text())["id"] == "ticket0"
    standin.tickets["ticket0"]["polls"] = 0
    assert searched(standin.url, tmp_path).fill(QUERIES) == {}
    assert len(standin.tickets) == 1 and tickets(tmp_path) == []


STORES_TWO = """
import os, signal
from foldcp.msa.cache import Cache
put, stored = Cache.put, []
def put_twice(*arguments, **origin):
    if len(stored) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    stored.append(put(*arguments, **origin))
Cache.put = put_twice
"""


@pytest.mark.parametrize(("batch", "tickets_in_all"), [(20, 1), (3, 2)])
def test_killed_while_it_stores_it_goes_on_with_its_ticket(standin, tmp_path, batch, tickets_in_all):
    text = STORES_TWO + PROCESS.replace("sys.argv[2])", f"sys.argv[2]), batch={batch}")
    command = [sys.executable, "-c", text, standin.url, str(tmp_path), str(Path(__file__).parents[1])]
    assert subprocess.run(command, stdout=subprocess.PIPE, check=False).returncode == -signal.SIGKILL
    provider = searched(standin.url, tmp_path, batch=batch)
    assert [provider.has(q) for q in QUERIES] == [True, True, False, False, False]
    assert provider.fill(QUERIES) == {}
    assert len(standin.tickets) == tickets_in_all and tickets(tmp_path) == []
    for number, sequence in enumerate(SEQUENCES):
        assert rows_of(provider, sequence)[1][0].startswith(f"uniref_{101 + number % batch}\t")


def test_a_ticket_of_other_settings_is_not_taken(standin, tmp_path):
    standin.polls = 10**6
    with pytest.raises(MissingError, match="no result"):
        searched(standin.url, tmp_path, patience_hours=0.1 / 3600, filter=False).fill(QUERIES)
    standin.polls = 1
    assert searched(standin.url, tmp_path).fill(QUERIES) == {}
    assert [ticket["mode"] for ticket in standin.tickets.values()] == ["env-nofilter", "env"]
    (left,) = tickets(tmp_path)
    assert left_overs(tmp_path) == []
    os.utime(left, (1, 1))
    assert left_overs(tmp_path) == [left]


def test_processes_take_turns(standin, tmp_path):
    command = [sys.executable, "-c", PROCESS, standin.url, str(tmp_path), str(Path(__file__).parents[1])]
    with client(standin.url, tmp_path).turn():
        both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        assert [process.stdout.readline() for process in both] == ["ready\n"] * 2
        time.sleep(0.5)
        assert not standin.seen
    assert [process.communicate()[0] for process in both] == ["{}\n", "{}\n"]
    # The second finds what the first has stored.
    assert standin.seen["submit"] == standin.seen["download"] == 1
    assert all(searched(standin.url, tmp_path).has(q) for q in QUERIES)


def test_requests_keep_their_distance(standin, tmp_path):
    server = Server(MsaServerConfig(url=standin.url, requests_per_second=1), tmp_path, pause=0.0)
    server.config = server.config.model_copy(update={"requests_per_second": 10.0})
    list(server.search(QUERIES[:2]))
    gaps = [b - a for a, b in zip(standin.times, standin.times[1:], strict=False)]
    assert len(gaps) >= 3 and min(gaps) > 0.08


def test_a_server_is_asked_only_where_it_is_named():
    assert MsaConfig().search is None
    assert MsaConfig(provider="server,none").search == "server"

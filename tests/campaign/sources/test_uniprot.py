import email.utils
import itertools
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from campaign.sources.uniprot_standin import Standin, chain, entry, isoforms, obsolete, serve

from foldcp.campaign.sources import uniprot
from foldcp.campaign.sources.uniprot import Uniprot
from foldcp.config import UniprotConfig
from foldcp.errors import MissingError


@pytest.fixture
def server() -> Iterator[Standin]:
    with serve() as running:
        for number in range(1, 8):
            running.entries[f"P0000{number}"] = entry(f"P0000{number}", "MKV" * number)
        yield running


@pytest.fixture
def config(server: Standin, tmp_path: Path) -> UniprotConfig:
    return UniprotConfig(fetch=True, url=server.url, cache=tmp_path, batch_size=3)


def client(config: UniprotConfig, rate: float = 1e6, **options: float) -> Uniprot:
    # A test may be less polite than the configuration lets a user be.
    return Uniprot(config.model_copy(update={"requests_per_second": rate}), backoff=0.01, **options)


ALL = [f"P0000{n}" for n in range(1, 8)]


def test_entries_come_in_batches_and_then_from_the_cache(server: Standin, config: UniprotConfig) -> None:
    got = client(config).fetch([*ALL, *ALL])
    assert {a: e.sequence for a, e in got.entries.items()} == {f"P0000{n}": "MKV" * n for n in range(1, 8)}
    assert server.asked == [ALL[:3], ALL[3:6], ALL[6:]]
    assert (got.entries["P00001"].description, got.entries["P00001"].taxid) == ("Protein P00001", 9606)
    assert client(config).fetch(ALL) == got
    assert len(server.requests) == 3


def test_only_what_the_cache_lacks_is_asked_for(
    server: Standin, config: UniprotConfig, tmp_path: Path
) -> None:
    client(config).fetch(ALL)
    (tmp_path / "uniprot" / "P00002.json").unlink()
    (tmp_path / "uniprot" / "P00005.json").write_text('{"results": [')  # damaged from outside
    assert len(client(config).fetch(ALL).entries) == 7
    assert server.asked[3:] == [["P00002", "P00005"]]


def test_requests_keep_their_distance(server: Standin, config: UniprotConfig) -> None:
    client(config, rate=20).fetch(ALL)
    times = [when for when, _, _ in server.requests]
    # Over all requests: a busy machine may note one of them late, but cannot make the whole shorter.
    assert times[-1] - times[0] > 0.7 * (len(times) - 1) / 20 and len(times) > 2


@pytest.mark.parametrize(
    "trouble",
    [
        ("status", (500, {})),
        ("status", (502, {})),
        ("status", (503, {})),
        ("status", (429, {})),
        ("hang up", None),
        ("cut", None),
        ("edit", lambda body: body[:-20]),
        ("edit", lambda body: body.replace(b'"value": "MKV"', b'"value": "MKA"')),
        ("edit", lambda body: b"<html>maintenance</html>"),
        ("edit", lambda body: b"[]"),
    ],
)
def test_passing_trouble_is_tried_again(server: Standin, config: UniprotConfig, trouble: tuple) -> None:
    server.troubles = [trouble, trouble]
    got = client(config).fetch(["P00001"])
    assert got.entries["P00001"].sequence == "MKV"
    assert server.asked == [["P00001"]] * 3


def test_slow_answers_are_tried_again(
    server: Standin, config: UniprotConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uniprot, "_CONNECT_AND_READ_SECONDS", (1, 0.2))
    server.troubles = [("slow", 0.6)]
    assert client(config).fetch(["P00001"]).entries["P00001"].sequence == "MKV"
    assert len(server.requests) == 2


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_obeyed(server: Standin, config: UniprotConfig, form: str) -> None:
    value = "1" if form == "seconds" else email.utils.formatdate(time.time() + 2, usegmt=True)
    server.troubles = [("status", (429, {"Retry_After": value}))]
    client(config).fetch(["P00001"])
    (first, _, _), (second, _, _) = server.requests
    assert second - first > 0.95


def test_waiting_doubles(server: Standin, config: UniprotConfig) -> None:
    server.troubles = [("status", (500, {}))] * 3
    Uniprot(config.model_copy(update={"requests_per_second": 1e6}), backoff=0.1).fetch(["P00001"])
    times = [when for when, _, _ in server.requests]
    waits = [later - sooner for sooner, later in itertools.pairwise(times)]
    assert waits[0] > 0.1 and waits[1] > 0.2 and waits[2] > 0.4


def test_lasting_trouble_says_what_to_do_and_keeps_what_came(server: Standin, config: UniprotConfig) -> None:
    server.troubles = [("", None), *[("status", (503, {}))] * 3]
    with pytest.raises(MissingError, match=r"HTTP 503 .*run again .*sequences\.uniprot\.fetch to false"):
        client(config, attempts=3).fetch(ALL)
    assert len(client(config).fetch(ALL).entries) == 7
    assert server.asked[4:] == [ALL[3:6], ALL[6:]]


def test_refusal_is_not_tried_again(server: Standin, config: UniprotConfig) -> None:
    server.troubles = [("status", (403, {}))]
    with pytest.raises(MissingError, match="HTTP 403"):
        client(config).fetch(["P00001"])
    assert len(server.requests) == 1


def test_no_network(config: UniprotConfig, tmp_path: Path) -> None:
    nobody = config.model_copy(update={"url": "http://127.0.0.1:9"})
    with pytest.raises(MissingError, match="Check the network"):
        client(nobody, attempts=2).fetch(["P00001"])


def test_unknown_accessions_fail_alone(server: Standin, config: UniprotConfig) -> None:
    got = client(config).fetch(["P00001", "P99990", "P00002"])
    assert sorted(got.entries) == ["P00001", "P00002"]
    assert got.failed == {"P99990": "UniProt has no entry P99990"}


def test_refused_batch_is_asked_one_by_one(server: Standin, config: UniprotConfig) -> None:
    server.troubles = [("status", (400, {}))]
    assert sorted(client(config).fetch(ALL[:3]).entries) == ALL[:3]
    assert server.asked == [ALL[:3], *[[a] for a in ALL[:3]]]


def test_obsolete_accessions(server: Standin, config: UniprotConfig) -> None:
    server.entries["P10001"] = obsolete("P10001", "DELETED")
    server.entries["P10002"] = obsolete("P10002", "DEMERGED", "P00001", "P00002")
    server.entries["P10003"] = obsolete("P10003", "MERGED", "P00003")
    server.merged["P10003"] = "P00003"
    got = client(config).fetch(["P10001", "P10002", "P10003"])
    assert got.failed == {
        "P10001": "UniProt: P10001 is obsolete (deleted)",
        "P10002": "UniProt: P10002 is obsolete (demerged to P00001, P00002)",
    }
    assert (got.entries["P10003"].primary, got.entries["P10003"].sequence) == ("P00003", "MKV" * 3)
    assert client(config).fetch(["P10003"]).entries["P10003"] == got.entries["P10003"]


def test_isoforms_and_features(server: Standin, config: UniprotConfig) -> None:
    server.entries["Q00001"] = entry(
        "Q00001",
        "MKVLAAG",
        comments=isoforms(Q00001_1="Described", Q00001_2="Displayed", Q00001_3="Described"),
        features=[chain("PRO_0000000001", 2, 5), chain("PRO_0000000002", None, 7, "UNKNOWN")],
    )
    server.isoforms = {"Q00001-1": "MKV" * 50, "Q00001-3": "MK"}
    got = client(config).fetch(["Q00001", "P00001"], ["Q00001-1", "Q00001-3", "Q00001-9"])
    assert got.entries["Q00001"].canonical_isoforms == {"Q00001-2"}
    assert got.entries["P00001"].canonical_isoforms == {"P00001-1"}
    assert got.entries["Q00001"].chains == {"PRO_0000000001": (2, 5), "PRO_0000000002": None}
    assert got.isoforms == {"Q00001-1": "MKV" * 50, "Q00001-3": "MK"}
    assert got.failed == {"Q00001-9": "UniProt has no isoform Q00001-9"}
    before = len(server.requests)
    assert client(config).fetch((), ["Q00001-1", "Q00001-3"]).isoforms == got.isoforms
    assert len(server.requests) == before


@pytest.mark.parametrize("trouble", [("cut", None), ("edit", lambda body: b"<html>" + body)])
def test_bad_fasta_is_tried_again(server: Standin, config: UniprotConfig, trouble: tuple) -> None:
    server.isoforms = {"P00001-2": "MKVLAAG" * 20}
    server.troubles = [trouble]
    assert client(config).fetch((), ["P00001-2"]).isoforms == server.isoforms
    assert len(server.requests) == 2


def test_clients_may_share_a_cache(server: Standin, config: UniprotConfig, tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: client(config).fetch(ALL), range(8)))
    assert all(result == results[0] for result in results)
    assert sorted(p.name for p in (tmp_path / "uniprot").iterdir()) == [f"{a}.json" for a in ALL]


def test_default_cache_is_the_users(
    server: Standin, config: UniprotConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    client(config.model_copy(update={"cache": None})).fetch(["P00001"])
    assert (tmp_path / "home" / "foldcp" / "uniprot" / "P00001.json").is_file()

"""Provider `server`: a search by a server that speaks ColabFold's protocol. Never used unless it is named.

A batch of sequences is posted as FASTA to ``/ticket/msa`` and gets a ticket. ``/ticket/<id>`` tells its
status until that is COMPLETE; ``/result/download/<id>`` is then a tar archive with one a3m per database, in
which a NUL byte separates the queries. Tickets are kept in the cache folder until their alignments are
stored, so a process that was killed asks for its result instead of searching again: a ticket lists its
sequences, and serves any of them.

Public servers are shared by everybody: requests keep a distance, waits grow, and of all processes that share
a cache folder one at a time talks to a server.

Source: Mirdita et al., Nature Methods 19, 679 (2022), and the answers of api.colabfold.com.
"""

import contextlib
import fcntl
import json
import logging
import os
import random
import shutil
import tarfile
import tempfile
import time
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

import requests

from foldcp import __version__
from foldcp.config.alignments import MsaServerConfig
from foldcp.errors import InputError, MissingError
from foldcp.msa import a3m
from foldcp.msa.cache import Recipe, make_shared_folder
from foldcp.msa.query import Query, SearchError
from foldcp.tables.files import atomic_write, writing
from foldcp.tables.provenance import sha256_json

_CONNECT_AND_READ_SECONDS = (10, 120)
_RETRIED = {429, 500, 502, 503, 504}
_TRIES = 6
_FIRST = 101
"""Number of the first query: what ColabFold's own client counts from."""
_MODES = {
    (True, True): "env",
    (True, False): "env-nofilter",
    (False, True): "all",
    (False, False): "nofilter",
}
"""The protocol's word for environmental sequences and filter."""
_FORGOTTEN = 3
"""Times in a row that a ticket is unknown before it is lost: a new one may be unknown for a while."""
_LONGEST_WAIT = 60
"""Longest wait between two questions, in multiples of the first one."""
_log = logging.getLogger(__name__)


class _Ticket(NamedTuple):
    """What the server has been asked for."""

    path: Path
    identifier: str
    sequences: list[str]
    """Hashes, in the order in which they were sent."""


class Server:
    """Client of one server.

    Parameters
    ----------
    config
        Address, settings, batch size, request rate.
    cache
        Cache folder of foldcp; tickets are kept in its `msa/tickets`.
    pause
        Seconds of the first wait; later ones are longer.
    """

    name = "server"

    def __init__(self, config: MsaServerConfig, cache: Path, pause: float = 5.0) -> None:
        self.config, self.cache, self.pause = config, cache, pause
        self.tickets = cache / "msa" / "tickets"
        self.mode = _MODES[config.environmental, config.filter]
        self._next_request = 0.0
        self._session = requests.Session()
        contact = f"; {config.contact}" if config.contact else ""
        self._session.headers["User-Agent"] = f"foldcp/{__version__} (python-requests{contact})"

    @property
    def recipe(self) -> Recipe:
        """What decides the result: the server and its mode. Which databases it has, it does not say."""
        return Recipe(self.name, ({"url": self.config.url},), {"mode": self.mode})

    def origin(self) -> dict[str, Any]:
        """Return further provenance."""
        return {"tool": "ColabFold server"}

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Keep other processes that share the cache from asking a server meanwhile."""
        make_shared_folder(self.tickets, self.cache)
        lock = self.tickets / "lock"
        with contextlib.ExitStack() as stack:
            with writing(lock):
                handle = stack.enter_context(lock.open("a"))
                if os.fstat(handle.fileno()).st_uid == os.geteuid():  # whoever may write here may take it too
                    os.fchmod(handle.fileno(), 0o666 & self.tickets.stat().st_mode)
                fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def search(self, queries: Sequence[Query]) -> Iterator[tuple[Query, Iterator[a3m.Row]]]:
        """Yield each query with its rows.

        Raises
        ------
        MissingError
            If the server cannot be reached, is being maintained, refuses, or takes too long.
        SearchError
            If it says that a batch failed.
        """
        left = list(queries)
        for ticket in self._kept():
            asked = [query for query in left if query.sha256 in ticket.sequences]
            left = [query for query in left if query.sha256 not in ticket.sequences]
            if asked:
                yield from self._search_batch(asked, ticket)
        for start in range(0, len(left), self.config.batch):
            yield from self._search_batch(left[start : start + self.config.batch], None)

    def _kept(self) -> list[_Ticket]:
        """Return the tickets of searches that were cut off."""
        read = [(path, json.loads(path.read_text())) for path in sorted(self.tickets.glob("*.json"))]
        key = self.recipe.key
        return [_Ticket(path, t["id"], t["sequences"]) for path, t in read if t.get("recipe") == key]

    def _search_batch(
        self, queries: Sequence[Query], ticket: _Ticket | None
    ) -> Iterator[tuple[Query, Iterator[a3m.Row]]]:
        with tempfile.TemporaryDirectory(prefix="foldcp-msa-") as name:
            folder = Path(name)
            ticket = self._wait_and_download(queries, ticket, folder / "result.tar.gz")
            parts = _unpack(folder / "result.tar.gz", folder)
            for query in queries:
                number = _FIRST + ticket.sequences.index(query.sha256)
                yield query, _rows(query, parts.get(str(number), []))
        ticket.path.unlink(missing_ok=True)

    def _wait_and_download(self, queries: Sequence[Query], ticket: _Ticket | None, to: Path) -> _Ticket:
        """Follow a batch from where it stands to its result; return its last ticket."""
        deadline = time.monotonic() + self.config.patience_hours * 3600
        waits, unknown, status = 0, 0, "PENDING"
        while time.monotonic() < deadline:
            if waits:
                self._sleep(waits, status)
            waits += 1
            if ticket:
                status = self._answer("GET", f"/ticket/{ticket.identifier}")["status"]
            else:
                ticket, status = self._submit(queries)
            unknown = unknown + 1 if status == "UNKNOWN" else 0
            if ticket and status == "COMPLETE" and self._download(ticket.identifier, to):
                return ticket
            if status in ("ERROR", "MAINTENANCE"):
                self._give_up(status, ticket)
            if ticket and (status == "COMPLETE" or unknown == _FORGOTTEN):
                ticket.path.unlink(missing_ok=True)  # the server does not keep it any more
                ticket = None
        raise MissingError(
            f"{self.config.url} has no result after {self.config.patience_hours:g} hours (status {status}). "
            "Run again later: the ticket is kept, and goes on where it is"
        )

    def _submit(self, queries: Sequence[Query]) -> tuple[_Ticket | None, str]:
        text = "".join(f">{n}\n{query.sequence}\n" for n, query in enumerate(queries, start=_FIRST))
        said = self._answer("POST", "/ticket/msa", {"q": text, "mode": self.mode})
        identifier = "" if said["status"] == "RATELIMIT" else said.get("id") or ""
        if not identifier:
            return None, said["status"]
        key, hashes = self.recipe.key, [query.sha256 for query in queries]
        ticket = _Ticket(self.tickets / f"{sha256_json([key, hashes])}.json", identifier, hashes)
        with atomic_write(ticket.path, "w") as handle:
            json.dump({"id": identifier, "recipe": key, "sequences": hashes}, handle)
        return ticket, said["status"]

    def _give_up(self, status: str, ticket: _Ticket | None) -> None:
        if status == "MAINTENANCE":
            raise MissingError(f"{self.config.url} is being maintained; run again later")
        if ticket:
            ticket.path.unlink(missing_ok=True)
        raise SearchError(f"{self.config.url} could not search these sequences (status ERROR)")

    def _download(self, identifier: str, to: Path) -> bool:
        """Write the result to a file; return whether the server still has it."""
        for tried in range(1, _TRIES + 1):
            response = self._request("GET", f"/result/download/{identifier}", stream=True)
            if response.status_code == 404:
                return False
            try:
                with response, to.open("wb") as handle:
                    for piece in response.iter_content(1 << 20):
                        handle.write(piece)
                with tarfile.open(to) as tar:
                    tar.getmembers()  # reads it to its end
                return True
            except (requests.RequestException, tarfile.TarError, EOFError, zlib.error, OSError) as error:
                problem = f"the result is cut short ({error})"
            self._sleep(tried, problem)
        raise self._unreachable(problem)

    def _answer(self, method: str, path: str, data: dict[str, str] | None = None) -> dict[str, Any]:
        """Return a JSON answer that tells a status."""
        response = self._request(method, path, data)
        try:
            said = response.json()
            if isinstance(said["status"], str):
                return said
        except (requests.JSONDecodeError, KeyError, TypeError):
            pass
        raise self._unreachable(f"HTTP {response.status_code}, not an answer of the protocol")

    def _request(
        self, method: str, path: str, data: dict[str, str] | None = None, stream: bool = False
    ) -> requests.Response:
        url = self.config.url.rstrip("/") + path
        for tried in range(1, _TRIES + 1):
            self._take_turn()
            try:
                response = self._session.request(
                    method, url, data=data, stream=stream, timeout=_CONNECT_AND_READ_SECONDS
                )
                if response.status_code not in _RETRIED:
                    return response
                problem = f"HTTP {response.status_code}"
            except requests.RequestException as error:
                problem = str(error)
            if tried < _TRIES:
                self._sleep(tried, problem)
        raise self._unreachable(problem)

    def _unreachable(self, problem: str) -> MissingError:
        return MissingError(
            f"the alignment server {self.config.url} gives no answer ({problem}). Check the network and run "
            "again (what was found is kept), or name other providers in msa.provider"
        )

    def _sleep(self, waits: int, why: str) -> None:
        seconds = self.pause * min(1.5**waits, _LONGEST_WAIT) * random.uniform(1, 1.25)
        _log.info("alignment server: %s; asking again in %.0f s", why, seconds)
        time.sleep(seconds)

    def _take_turn(self) -> None:
        time.sleep(max(0.0, self._next_request - time.monotonic()))
        self._next_request = time.monotonic() + 1 / self.config.requests_per_second


def _unpack(archive: Path, folder: Path) -> dict[str, list[Path]]:
    """Return one a3m file per query and database, by the number of the query; UniRef comes first."""
    parts: dict[str, list[Path]] = {}
    with tarfile.open(archive) as tar:
        members = [member for member in tar.getmembers() if member.isfile() and member.name.endswith(".a3m")]
        members.sort(key=lambda member: (not member.name.startswith("uniref"), member.name))
        for index, member in enumerate(members):
            whole = folder / f"{index}.a3m"
            with whole.open("wb") as target:
                shutil.copyfileobj(tar.extractfile(member), target)  # type: ignore[arg-type]
            for number, path in _split(whole):
                parts.setdefault(number, []).append(path)
    return parts


def _split(whole: Path) -> Iterator[tuple[str, Path]]:
    """Cut a file at its NUL bytes; yield the number of each query and its own file, once it is begun."""
    target: IO[bytes] | None = None
    with whole.open("rb") as source, contextlib.ExitStack() as stack:
        for line in source:
            text = line.replace(b"\0", b"")
            if target is None or text != line:
                stack.close()
                if not text.startswith(b">"):
                    return  # the NUL after the last query
                number = text[1:].decode("ascii", "replace").strip()
                path = whole.with_name(f"{whole.stem}.{sha256_json(number)[:16]}.a3m")
                target = stack.enter_context(path.open("wb"))
                yield number, path
            target.write(text)


def _rows(query: Query, parts: list[Path]) -> Iterator[a3m.Row]:
    if not parts:
        raise InputError("the server's result has no alignment of this sequence")
    yield from a3m.merge(parts, query.sequence)

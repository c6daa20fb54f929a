"""A stand-in for rest.uniprot.org: a real HTTP server on this machine, with its addresses and answers."""

import hashlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlparse

Trouble = tuple[str, Any]


def entry(accession: str, sequence: str, **more: Any) -> dict[str, Any]:
    return {
        "entryType": "UniProtKB reviewed (Swiss-Prot)",
        "primaryAccession": accession,
        "organism": {"taxonId": 9606},
        "proteinDescription": {"recommendedName": {"fullName": {"value": f"Protein {accession}"}}},
        "sequence": {
            "value": sequence,
            "length": len(sequence),
            "md5": hashlib.md5(sequence.encode()).hexdigest().upper(),
        },
        **more,
    }


def isoforms(**status: str) -> list[dict[str, Any]]:
    listed = [{"isoformIds": [k.replace("_", "-")], "isoformSequenceStatus": v} for k, v in status.items()]
    return [{"commentType": "FUNCTION"}, {"commentType": "ALTERNATIVE PRODUCTS", "isoforms": listed}]


def chain(feature: str, start: int | None, end: int, modifier: str = "EXACT") -> dict[str, Any]:
    location = {"start": {"value": start, "modifier": modifier}, "end": {"value": end, "modifier": "EXACT"}}
    return {"type": "Chain", "featureId": feature, "location": location}


def obsolete(accession: str, kind: str, *heirs: str) -> dict[str, Any]:
    reason = {"inactiveReasonType": kind} | ({"mergeDemergeTo": list(heirs)} if heirs else {})
    return {"entryType": "Inactive", "primaryAccession": accession, "inactiveReason": reason}


class Standin(ThreadingHTTPServer):
    """The server: what it knows, what it was asked, and the troubles that its next answers meet, in order."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.entries: dict[str, dict[str, Any]] = {}
        self.isoforms: dict[str, str] = {}
        self.merged: dict[str, str] = {}
        self.requests: list[tuple[float, str, list[str]]] = []
        """When, which format, which accessions."""
        self.troubles: list[Trouble] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def asked(self) -> list[list[str]]:
        return [accessions for _, _, accessions in self.requests]


class _Handler(BaseHTTPRequestHandler):
    server: Standin
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        address = urlparse(self.path)
        query = {key: values[0] for key, values in parse_qs(address.query).items()}
        last = address.path.rsplit("/", 1)[1]
        batch = last == "accessions"
        wanted = query["accessions"].split(",") if batch else [last]
        self.server.requests.append((time.monotonic(), query["format"], wanted))
        trouble, value = self.server.troubles.pop(0) if self.server.troubles else ("", None)
        if trouble == "status":
            self.answer(value[0], b"no", **value[1])
        elif trouble == "hang up":
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        elif not batch and (heir := self.server.merged.get(last)):
            self.answer(303, b"", Location=f"/uniprotkb/{heir}?{address.query}")
        else:
            time.sleep(value if trouble == "slow" else 0)
            status, body = self.body(query["format"], wanted, batch)
            # A cut answer promises its whole length.
            self.answer(status, value(body) if trouble == "edit" else body, cut=trouble == "cut")

    def body(self, kind: str, wanted: list[str], batch: bool) -> tuple[int, bytes]:
        if kind == "fasta":
            found = [a for a in wanted if a in self.server.isoforms]
            text = "".join(f">sp|{a}|X_HUMAN Isoform OS=Homo sapiens OX=9606\n{self.fold(a)}" for a in found)
            return (200 if batch or found else 404), text.encode()
        entries = [self.server.entries[a] for a in wanted if a in self.server.entries]
        if batch:
            return 200, json.dumps({"results": entries}).encode()
        return (200, json.dumps(entries[0]).encode()) if entries else (404, b"{}")

    def fold(self, accession: str) -> str:
        sequence = self.server.isoforms[accession]
        return "".join(f"{sequence[i : i + 60]}\n" for i in range(0, len(sequence), 60))

    def answer(self, status: int, body: bytes, cut: bool = False, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)
        self.close_connection = cut


@contextmanager
def serve() -> Iterator[Standin]:
    server = Standin()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

"""A local server that speaks the protocol of ColabFold's, with failures on demand."""

import io
import json
import tarfile
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


class Standin(ThreadingHTTPServer):
    """Answers of each kind are taken from `script` first: a status, an HTTP code, or `drop` the connection.

    `script` maps submit, status and download to lists of such answers. `bad` is a sequence that makes a batch
    an ERROR, `lost` one that results lack, `alone` one that has no relatives. A download lacks `cut` bytes,
    once. A ticket is RUNNING for `polls` polls.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script: dict[str, list] = {}
        self.tickets: dict[str, dict] = {}
        self.seen: Counter = Counter()
        self.agents: set[str] = set()
        self.times: list[float] = []
        self.polls, self.bad, self.lost, self.alone, self.cut = 1, "", "", "", 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def next_of(self, kind: str):
        self.seen[kind] += 1
        self.times.append(time.monotonic())
        waiting = self.script.get(kind, [])
        return waiting.pop(0) if waiting else None


class _Handler(BaseHTTPRequestHandler):
    server: Standin

    def do_POST(self) -> None:
        assert urlsplit(self.path).path == "/ticket/msa"
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        if self._scripted("submit"):
            return
        lines = form["q"][0].split()
        sequences = dict(zip((line[1:] for line in lines[::2]), lines[1::2], strict=True))
        name = f"ticket{len(self.server.tickets)}"
        status = "ERROR" if self.server.bad in sequences.values() else "PENDING"
        self.server.tickets[name] = {
            "sequences": {n: s for n, s in sequences.items() if s != self.server.lost},
            "mode": form["mode"][0],
            "alone": self.server.alone,
            "polls": self.server.polls,
            "status": status,
        }
        self._json({"id": name, "status": "PENDING"})

    def do_GET(self) -> None:
        parts = urlsplit(self.path).path.strip("/").split("/")
        kind = "download" if parts[:2] == ["result", "download"] else "status"
        if self._scripted(kind, parts[-1]):
            return
        ticket = self.server.tickets.get(parts[-1])
        if kind == "download":
            self._send(200, _result(ticket), cut=self.server.cut) if ticket else self._send(404, b"")
            self.server.cut = 0
            return
        if ticket is None:
            self._json({"id": parts[-1], "status": "UNKNOWN"})
            return
        ticket["polls"] -= 1
        done = ticket["status"] if ticket["status"] == "ERROR" else "COMPLETE"
        self._json({"id": parts[-1], "status": done if ticket["polls"] < 0 else "RUNNING"})

    def _scripted(self, kind: str, name: str = "") -> bool:
        self.server.agents.add(self.headers["User-Agent"])
        answer = self.server.next_of(kind)
        if answer is None:
            return False
        if answer == "drop":
            self.close_connection = True
            self.connection.close()
        elif isinstance(answer, int):
            self._send(answer, b"<html>busy</html>")
        elif answer == "no json":
            self._send(200, b"<html>hello</html>")
        else:
            self._json({"id": name, "status": answer})
        return True

    def _json(self, value: dict) -> None:
        self._send(200, json.dumps(value).encode())

    def _send(self, code: int, body: bytes, cut: int = 0) -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) - cut])

    def log_message(self, *args: object) -> None:
        pass


def _result(ticket: dict) -> bytes:
    names = ["uniref.a3m"] + (["bfd.mgnify30.metaeuk30.smag30.a3m"] if "env" in ticket["mode"] else [])
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name in [*names, "msa.sh"]:
            text = "#!/bin/sh\n" if name == "msa.sh" else _alignments(ticket, name.split(".")[0])
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
    return buffer.getvalue()


def _alignments(ticket: dict, database: str) -> str:
    # The server, like MMseqs2, does not know U; a NUL byte ends each query.
    blocks = []
    for number, text in ticket["sequences"].items():
        relative = f">{database}_{number}\t99\t0.9\n-{text[1:3]}aa{text[3:]}\n"
        query = f">{number}\n{text.replace('U', 'X')}\n"
        blocks.append(f"{query}{'' if text == ticket['alone'] else relative}\0")
    return "".join(blocks)

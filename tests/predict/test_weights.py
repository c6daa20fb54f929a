"""Download of weights against a local server that resumes, cuts connections, and fails."""

import http.server
import io
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from foldcp.errors import MissingError, UsageError, WriteError
from foldcp.predict import download, weights
from foldcp.predict.download import RemoteFile, fetch


class Server(http.server.ThreadingHTTPServer):
    """Serves `content` at any path, with ranges; `behaviour` maps a path to what goes wrong there."""

    def __init__(self, content: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content = content
        self.cuts: list[int] = []
        """Bytes after which the next answers break off."""
        self.statuses: dict[str, list[int]] = {}
        """Statuses the next requests of a path get."""
        self.etag = '"one"'
        self.requests: list[tuple[str, str | None, int]] = []
        """Path, Range header, status."""

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{name}"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *_args: object) -> None:
        pass

    def do_GET(self) -> None:
        name, wanted = self.path.lstrip("/"), self.headers.get("Range")
        whole = self.server.content.get(name)
        forced = self.server.statuses.get(name)
        if forced or whole is None:
            return self._answer(forced.pop(0) if forced else 404, b"", 0, None)
        if wanted is None or self.headers.get("If-Range") != self.server.etag:
            return self._answer(200, whole, 0, wanted)
        start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        return self._answer(206 if start < len(whole) else 416, whole, start, wanted)

    def _answer(self, status: int, whole: bytes, start: int, wanted: str | None) -> None:
        self.server.requests.append((self.path.lstrip("/"), wanted, status))
        body = whole[start:]
        self.send_response(status)
        self.send_header("ETag", self.server.etag)
        if status == 416:
            self.send_header("Content-Range", f"bytes */{len(whole)}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if body and self.server.cuts:
            body = body[: self.server.cuts.pop(0)]
        self.wfile.write(body)


def _checkpoint() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", bytes(range(256)) * 1000)
    return buffer.getvalue()


def _molecules(names: tuple[str, ...] = ("ALA", "GLY")) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in names:
            info = tarfile.TarInfo(f"mols/{name}.pkl")
            info.size = 5000
            archive.addfile(info, io.BytesIO(b"x" * 5000))
    return buffer.getvalue()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server({"boltz2_conf.ckpt": _checkpoint(), "mols.tar": _molecules()})
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def remote(server: Server) -> RemoteFile:
    return RemoteFile("boltz2_conf.ckpt", (server.url("boltz2_conf.ckpt"),), weights._is_checkpoint)


def _silent(*_progress: object) -> None:
    pass


def _fetch(remote: RemoteFile, folder: Path) -> Path:
    return fetch(remote, folder, _silent, pause=0.0)


def test_fetches_whole_file_and_reports_progress(server, remote, tmp_path):
    seen = []
    path = fetch(remote, tmp_path / "new", lambda *state: seen.append(state), pause=0.0)
    whole = server.content["boltz2_conf.ckpt"]
    assert path.read_bytes() == whole
    assert seen[-1] == ("boltz2_conf.ckpt", len(whole), len(whole))
    assert [p.name for p in path.parent.iterdir()] == ["boltz2_conf.ckpt"]


def test_whole_file_is_not_fetched_again(server, remote, tmp_path):
    _fetch(remote, tmp_path)
    _fetch(remote, tmp_path)
    assert len(server.requests) == 1


def test_cut_connections_are_continued_not_restarted(server, remote, tmp_path):
    server.cuts = [70_000, 80_000, 66_000]
    assert _fetch(remote, tmp_path).read_bytes() == server.content["boltz2_conf.ckpt"]
    assert [r[1] for r in server.requests] == [None, "bytes=65536-", "bytes=131072-", "bytes=196608-"]


def test_rerun_continues_what_an_interrupted_run_left(server, remote, tmp_path):
    server.cuts = [70_000, 0, 0, 0]
    with pytest.raises(MissingError, match=r"continue where it stopped"):
        _fetch(remote, tmp_path)
    assert not (tmp_path / "boltz2_conf.ckpt").exists()
    assert (tmp_path / "boltz2_conf.ckpt.part").stat().st_size == 65536
    _fetch(remote, tmp_path)
    assert server.requests[-1] == ("boltz2_conf.ckpt", "bytes=65536-", 206)


def test_new_version_on_the_server_starts_over(server, remote, tmp_path):
    server.cuts = [70_000, 0, 0, 0]
    with pytest.raises(MissingError):
        _fetch(remote, tmp_path)
    server.etag = '"two"'
    server.requests.clear()
    assert _fetch(remote, tmp_path).read_bytes() == server.content["boltz2_conf.ckpt"]
    assert [r[2] for r in server.requests] == [200]


def test_all_bytes_there_but_never_renamed(server, remote, tmp_path):
    whole = server.content["boltz2_conf.ckpt"]
    (tmp_path / "boltz2_conf.ckpt.part").write_bytes(whole)
    (tmp_path / "boltz2_conf.ckpt.part.tag").write_text(f"{remote.urls[0]}\n{server.etag}")
    assert _fetch(remote, tmp_path).read_bytes() == whole
    assert server.requests[-1][2] == 416


def test_truncated_file_of_an_older_download_is_replaced(server, remote, tmp_path):
    (tmp_path / "boltz2_conf.ckpt").write_bytes(server.content["boltz2_conf.ckpt"][:500])
    assert _fetch(remote, tmp_path).read_bytes() == server.content["boltz2_conf.ckpt"]


def test_404_goes_to_the_next_address_at_once(server, tmp_path):
    urls = (server.url("gone"), server.url("boltz2_conf.ckpt"))
    _fetch(RemoteFile("boltz2_conf.ckpt", urls, weights._is_checkpoint), tmp_path)
    assert [r[2] for r in server.requests] == [404, 200]


def test_500_and_429_are_retried(server, remote, tmp_path):
    server.statuses["boltz2_conf.ckpt"] = [500, 429]
    _fetch(remote, tmp_path)
    assert [r[2] for r in server.requests] == [500, 429, 200]


def test_page_instead_of_file_is_refused(server, remote, tmp_path):
    server.content["boltz2_conf.ckpt"] = b"<html>please log in</html>"
    with pytest.raises(MissingError, match=r"not a valid boltz2_conf\.ckpt"):
        _fetch(remote, tmp_path)
    assert not (tmp_path / "boltz2_conf.ckpt").exists()


def test_changed_byte_fails_the_checksum(server, remote, tmp_path):
    whole = bytearray(server.content["boltz2_conf.ckpt"])
    whole[2000] ^= 1
    server.content["boltz2_conf.ckpt"] = bytes(whole)
    with pytest.raises(MissingError, match="not a valid"):
        _fetch(remote, tmp_path)


def test_offline_names_address_folder_and_the_way_around(tmp_path):
    url = "http://127.0.0.1:9/boltz2_conf.ckpt"
    with pytest.raises(MissingError) as caught:
        _fetch(RemoteFile("boltz2_conf.ckpt", (url,), weights._is_checkpoint), tmp_path)
    assert url in str(caught.value)
    assert str(tmp_path) in str(caught.value)
    assert "Without a network" in str(caught.value)


def test_each_retry_is_announced(tmp_path):
    said: list[str] = []
    url = "http://127.0.0.1:9/boltz2_conf.ckpt"
    with pytest.raises(MissingError):
        fetch(RemoteFile("boltz2_conf.ckpt", (url,), bool), tmp_path, _silent, said.append, pause=0.01)
    assert [line.rpartition("; ")[2] for line in said] == [
        "trying again, attempt 2 of 3, in 0.01 s",
        "trying again, attempt 3 of 3, in 0.02 s",
    ]
    assert all(url in line for line in said)


def test_a_folder_that_cannot_be_written_is_named(tmp_path, server, monkeypatch):
    (tmp_path / "file").touch()
    (tmp_path / "cache" / "mols.tar.part").mkdir(parents=True)
    remote = RemoteFile("mols.tar", (server.url("mols.tar"),), weights._is_archive)
    monkeypatch.setattr(weights, "sources", lambda: (remote, remote))
    for folder in ("file", "cache"):
        with pytest.raises(WriteError, match=f"{tmp_path}/{folder}"):
            weights.download("boltz2", tmp_path / folder, _silent)


def test_second_process_is_refused(remote, tmp_path):
    with (
        download._open_part(tmp_path / "boltz2_conf.ckpt.part"),
        pytest.raises(UsageError, match="another process"),
    ):
        _fetch(remote, tmp_path)


def test_full_disk_is_told_before_it_is_full(remote, tmp_path, monkeypatch):
    usage = type("Usage", (), {"free": 10})
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _folder: usage)
    with pytest.raises(MissingError, match="GB free"):
        _fetch(remote, tmp_path)


@pytest.fixture
def local_sources(server, remote, monkeypatch) -> None:
    molecules = RemoteFile("mols.tar", (server.url("mols.tar"),), weights._is_archive)
    monkeypatch.setattr(weights, "sources", lambda: (molecules, remote))


@pytest.mark.usefixtures("local_sources")
def test_download_unpacks_molecules_and_locate_finds_both(tmp_path):
    files = weights.download("boltz2", tmp_path, _silent)
    assert files == weights.locate("boltz2", tmp_path)
    assert sorted(p.name for p in files.molecules.iterdir()) == ["ALA.pkl", "GLY.pkl"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["boltz2_conf.ckpt", "mols", "mols.tar"]


@pytest.mark.usefixtures("local_sources")
def test_half_unpacked_molecules_are_completed(tmp_path):
    weights.download("boltz2", tmp_path, _silent)
    (tmp_path / "mols" / "GLY.pkl").unlink()
    weights.download("boltz2", tmp_path, _silent)
    assert (tmp_path / "mols" / "GLY.pkl").is_file()


@pytest.mark.usefixtures("local_sources")
def test_truncated_archive_is_refused(server, tmp_path):
    server.content["mols.tar"] = _molecules()[:8000]
    with pytest.raises(MissingError, match=r"not a valid mols\.tar"):
        weights.download("boltz2", tmp_path, _silent)
    assert not (tmp_path / "mols").exists()


def test_files_carried_to_a_machine_without_network(server, tmp_path, monkeypatch):
    for name, content in server.content.items():
        (tmp_path / name).write_bytes(content)
    nowhere = "http://127.0.0.1:9/"
    monkeypatch.setattr(
        weights,
        "sources",
        lambda: (
            RemoteFile("mols.tar", (nowhere,), weights._is_archive),
            RemoteFile("boltz2_conf.ckpt", (nowhere,), weights._is_checkpoint),
        ),
    )
    assert weights.download("boltz2", tmp_path, _silent).molecules == tmp_path / "mols"


def test_locate_without_weights_says_how_to_get_them(tmp_path):
    with pytest.raises(MissingError, match=f"foldcp weights --cache {tmp_path}"):
        weights.locate("boltz2", tmp_path)


def test_locate_recognises_a_truncated_checkpoint(tmp_path):
    (tmp_path / "boltz2_conf.ckpt").write_bytes(_checkpoint()[:1000])
    with pytest.raises(MissingError, match="not a whole checkpoint"):
        weights.locate("boltz2", tmp_path)


def test_locate_needs_molecules_too(tmp_path):
    (tmp_path / "boltz2_conf.ckpt").write_bytes(_checkpoint())
    with pytest.raises(MissingError, match="no molecules"):
        weights.locate("boltz2", tmp_path)


def test_locate_takes_the_path_of_a_checkpoint(tmp_path):
    own = tmp_path / "mine.ckpt"
    own.write_bytes(_checkpoint())
    (tmp_path / "mols").mkdir()
    (tmp_path / "mols" / "ALA.pkl").touch()
    assert weights.locate(str(own), tmp_path).checkpoint == own
    with pytest.raises(UsageError, match="valid: demo, boltz2, the path"):
        weights.locate(str(tmp_path / "other.ckpt"), tmp_path)


def test_cache_folder_is_boltz_own(monkeypatch, tmp_path):
    monkeypatch.setenv("BOLTZ_CACHE", str(tmp_path))
    assert weights.cache_folder() == tmp_path
    monkeypatch.delenv("BOLTZ_CACHE")
    assert weights.cache_folder() == Path.home() / ".boltz"
    assert weights.cache_folder(tmp_path / "own") == tmp_path / "own"


def test_other_models_are_not_downloaded(tmp_path):
    with pytest.raises(UsageError, match="valid: boltz2"):
        weights.download("demo", tmp_path, _silent)


@pytest.mark.model
def test_addresses_are_those_of_the_installed_boltz():
    molecules, checkpoint = weights.sources()
    assert molecules.name == molecules.urls[0].rsplit("/", 1)[1]
    assert {url.rsplit("/", 1)[1] for url in checkpoint.urls} == {checkpoint.name}

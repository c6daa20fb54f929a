"""Download of large files over unreliable networks: resumed, checked, and renamed only when whole.

Boltz itself downloads straight to the final name, so that a cut connection leaves a truncated file that
counts as present ever after. Here the bytes go to `<name>.part` beside it. A rerun continues that file with
an HTTP range request, guarded by the server's own tag of the content (`If-Range`), so that two versions
never mix. Imports no torch.
"""

import fcntl
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import requests

from foldcp.errors import MissingError, UsageError
from foldcp.tables.files import make_folder

ATTEMPTS = 3
"""Tries of one address that bring no new byte before the next address is tried."""
_TIMEOUT = (10.0, 60.0)
_BLOCK = 1 << 16
"""Bytes written at once; a cut connection loses less than this."""

Progress = Callable[[str, int, int | None], None]
"""Called with file name, bytes so far, and bytes in all where the server says so."""
Say = Callable[[str], None]
"""Called with a remark for the user."""


def say_nothing(_remark: str) -> None:
    """Keep remarks to oneself."""


class _BrokenError(Exception):
    """The transfer ended early; what arrived is kept."""


@dataclass(frozen=True)
class RemoteFile:
    """A file of the cache.

    Attributes
    ----------
    name
        File name in the cache folder.
    urls
        Addresses of the same content, in order of preference.
    is_whole
        Whether a file on disk is complete and what it should be.
    """

    name: str
    urls: tuple[str, ...]
    is_whole: Callable[[Path], bool]


def fetch(
    file: RemoteFile, folder: Path, progress: Progress, say: Say = say_nothing, pause: float = 1.5
) -> Path:
    """Return the path of `file` in `folder`, downloading what is missing of it.

    Parameters
    ----------
    file
        What to download.
    folder
        Cache folder; made if absent.
    progress
        Told about each block that arrives.
    say
        Told about each try that failed and will be repeated.
    pause
        Seconds to wait before the first retry; doubled each time.

    Raises
    ------
    MissingError
        If no address delivers a whole file, or the disk is too small: says what each address answered, and
        how to do without a network.
    UsageError
        If another process is downloading the same file.
    """
    target = folder / file.name
    if target.is_file() and file.is_whole(target):
        return target
    make_folder(folder)
    answers = []
    with _open_part(folder / f"{file.name}.part") as part:
        for url in file.urls:
            try:
                _fetch_from(url, part, lambda got, total: progress(file.name, got, total), say, pause)
            except (requests.RequestException, _BrokenError) as error:
                answers.append(f"  {url}: {_said(error)}")
                continue
            if file.is_whole(part.path):
                part.path.replace(target)
                part.tag_path.unlink(missing_ok=True)
                return target
            answers.append(f"  {url}: what arrived is not a valid {file.name}")
            part.restart()
    raise MissingError(
        f"{file.name} could not be downloaded:\n" + "\n".join(answers) + "\n"
        "Run the command again to continue where it stopped. Without a network: download the file elsewhere, "
        f"from one of these addresses, put it into {folder}, and run the command again to check it."
    )


class _Part:
    """The unfinished file, with the address and the server's tag that its bytes belong to."""

    def __init__(self, path: Path, handle: IO[bytes]) -> None:
        self.path = path
        self.handle = handle
        self.tag_path = path.with_name(f"{path.name}.tag")

    @property
    def length(self) -> int:
        return self.handle.seek(0, 2)

    def restart(self) -> None:
        self.handle.truncate(0)
        self.tag_path.unlink(missing_ok=True)

    def tag(self, url: str) -> str | None:
        """Return the tag under which the bytes came, if they came from `url`."""
        if not self.tag_path.is_file():
            return None
        came_from, _, tag = self.tag_path.read_text(encoding="utf-8").partition("\n")
        return tag if came_from == url else None

    def set_tag(self, url: str, answer: requests.Response) -> None:
        tag = answer.headers.get("ETag", "")
        if not tag or tag.startswith("W/"):  # a weak tag does not promise equal bytes
            tag = answer.headers.get("Last-Modified", "")
        if tag:
            self.tag_path.write_text(f"{url}\n{tag}", encoding="utf-8")


@contextmanager
def _open_part(path: Path) -> Iterator[_Part]:
    with path.open("a+b") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(f"{path} is being downloaded by another process; wait for it") from None
        yield _Part(path, handle)
        if handle.seek(0, 2) == 0:
            path.unlink(missing_ok=True)


def _fetch_from(
    url: str, part: _Part, progress: Callable[[int, int | None], None], say: Say, pause: float
) -> None:
    """Complete `part` from one address, retrying as long as tries bring something new."""
    failures = 0
    while True:
        before = part.length
        try:
            return _continue(url, part, progress)
        except (requests.RequestException, _BrokenError) as error:
            failures = 0 if part.length > before else failures + 1
            if failures == ATTEMPTS or _is_final(error):
                raise
            seconds = pause * 2 ** max(failures - 1, 0)
            attempt = f"attempt {failures + 1} of {ATTEMPTS}" if failures else f"from byte {part.length}"
            say(f"{url}: {_said(error)}; trying again, {attempt}, in {seconds:g} s")
            time.sleep(seconds)


def _is_final(error: Exception) -> bool:
    """Whether the server said something that will not change by asking again, e.g. 404."""
    if not isinstance(error, requests.HTTPError):
        return False
    code = error.response.status_code
    return code < 500 and code not in (requests.codes.request_timeout, requests.codes.too_many_requests)


def _said(error: Exception) -> object:
    """Return what went wrong; requests wraps the cause of a failed connection in pages of text."""
    inner = error.args[0] if error.args else error
    return getattr(inner, "reason", None) or error


def _continue(url: str, part: _Part, progress: Callable[[int, int | None], None]) -> None:
    """Send one request for what `part` lacks and append the answer."""
    have, tag = part.length, part.tag(url)
    headers = {"Accept-Encoding": "identity"}
    if have and tag is not None:
        headers |= {"Range": f"bytes={have}-", "If-Range": tag}
    with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as answer:
        if answer.status_code == requests.codes.requested_range_not_satisfiable:
            if answer.headers.get("Content-Range") == f"bytes */{have}":
                return  # everything had arrived before
            part.restart()
            raise _BrokenError("the server refused to continue, starting over")
        answer.raise_for_status()
        if answer.status_code != requests.codes.partial_content:
            part.restart()  # the whole file is coming: what is here came from elsewhere or is another version
            have = 0
        part.set_tag(url, answer)
        length = answer.headers.get("Content-Length")
        _append(answer, part, None if length is None else have + int(length), progress)


def _append(
    answer: requests.Response, part: _Part, total: int | None, progress: Callable[[int, int | None], None]
) -> None:
    got = part.length
    _check_space(part.path.parent, 0 if total is None else total - got)
    try:
        for block in answer.iter_content(_BLOCK):
            part.handle.write(block)
            got += len(block)
            progress(got, total)
    finally:
        part.handle.flush()
    if total is not None and got != total:  # urllib3 before version 2 takes a cut connection for the end
        raise _BrokenError(f"{got} of {total} bytes arrived")


def _check_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise MissingError(
            f"{folder} has {free / 1e9:.1f} GB free, but {needed / 1e9:.1f} GB are still to be downloaded; "
            "free some space or name another folder (--cache)"
        )

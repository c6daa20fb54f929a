"""What is finished in the background is what would be finished in its turn, and its end is its own."""

import dataclasses
import errno
import os
import pickle
import re
import resource
import signal
import threading
import time
from pathlib import Path

import psutil
import pytest

from foldcp.errors import WriteError
from foldcp.predict import behind
from foldcp.predict.behind import Behind, FinisherError
from foldcp.predict.child import picklable
from foldcp.predict.markers import is_done, read_marker
from foldcp.predict.outcomes import Outcome, cause_of, classify
from foldcp.predict.targets import from_file

pytestmark = pytest.mark.model
LONG = 60
"""Seconds that a start of the process may take on a busy machine."""


class Ends:
    """How complexes have ended, in that order."""

    def __init__(self):
        self.errors = []
        self.told = threading.Event()

    def __call__(self, error):
        self.errors.append(error)
        self.told.set()


@pytest.fixture
def background(session, monkeypatch):
    """Finishing in the background from the first complex on."""
    monkeypatch.setattr(behind, "WORTH", 0.0)
    session._behind.get_ready()
    yield session._behind
    monkeypatch.setattr(behind, "_GRACE", 0.0)
    session._behind.close()


def child_of(background):
    return psutil.Process(background._child.popen.pid)


def test_finished_behind_or_not_the_files_are_the_same(session, mixed, small, background, outputs, tmp_path):
    session.predict(from_file(mixed), tmp_path / "alone")
    ends = Ends()
    pid = child_of(background).pid
    for path in (mixed, small, mixed):
        session.finish_behind(session.fold(from_file(path), tmp_path / "out"), ends)
    session.wait()
    assert ends.errors == [None] * 3
    assert child_of(background).pid == pid  # one process for all
    for sample in (0, 1):
        first, second = (outputs(tmp_path / folder / "mixed", sample) for folder in ("alone", "out"))
        assert first == second
    first, second = (read_marker(tmp_path / folder / "mixed") for folder in ("alone", "out"))
    assert second["wall_seconds"] > 0 and second["peak_bytes"] > 0
    assert is_done(tmp_path / "out" / "mixed", first["run_key"])
    for marker in (first, second):
        for name in ("wall_seconds", "peak_bytes", "peaks", "files"):
            del marker[name]
    assert first == second
    assert not (tmp_path / "out" / "mixed" / ".partial").exists()


def test_error_matrices_move_with_it(session, settings, small, background, outputs, monkeypatch, tmp_path):
    monkeypatch.setattr(session, "settings", dataclasses.replace(settings, pae=True))
    session.predict(from_file(small), tmp_path / "alone")
    session.finish_behind(session.fold(from_file(small), tmp_path / "out"), ends := Ends())
    session.wait()
    assert ends.errors == [None]
    first, second = (outputs(tmp_path / folder / "small") for folder in ("alone", "out"))
    assert first == second and {"pae_small.npz", "pde_small.npz"} <= first.keys()


def test_one_complex_waits_and_no_more(session, small, mixed, background, tmp_path):
    child, ends = child_of(background), Ends()
    child.suspend()
    first, second = (session.fold(from_file(path), tmp_path) for path in (small, mixed))
    started = time.monotonic()
    session.finish_behind(first, ends)
    assert time.monotonic() - started < 1 and not ends.errors
    thread = threading.Thread(target=session.finish_behind, args=(second, ends))
    thread.start()
    thread.join(1)
    assert thread.is_alive() and not ends.errors
    child.resume()
    thread.join(LONG)
    session.wait()
    assert ends.errors == [None, None]


def test_an_error_is_told_as_it_is_and_the_process_lives_on(session, small, background, tmp_path):
    child, ends = child_of(background), Ends()
    limits = resource.prlimit(child.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(child.pid, resource.RLIMIT_FSIZE, (100, limits[1]))
    session.finish_behind(session.fold(from_file(small), tmp_path), ends)
    session.wait()
    (error,) = ends.errors
    assert isinstance(error, WriteError) and "cannot be written: File too large" in str(error)
    assert not (tmp_path / "small").exists()
    resource.prlimit(child.pid, resource.RLIMIT_FSIZE, limits)
    session.finish_behind(session.fold(from_file(small), tmp_path), ends)
    session.wait()
    assert ends.errors[1:] == [None] and child_of(background) == child


def test_a_defect_keeps_its_traceback(session, small, background, tmp_path):
    work = session.fold(from_file(small), tmp_path)
    work.folded.confidence[0].pop("confidence_score")
    session.finish_behind(work, ends := Ends())
    session.wait()
    (error,) = ends.errors
    assert classify(error) == (Outcome.CRASHED, "KeyError: 'confidence_score'")
    assert "in ranks\n" in error.__notes__[0]


def test_an_answer_that_cannot_be_read_is_told_to_the_next_that_is_finished_all_the_same(
    session, small, mixed, background, tmp_path
):
    first, second = (session.fold(from_file(path), tmp_path) for path in (small, mixed))
    child_of(background).suspend()
    session.finish_behind(first, ends := Ends())
    background._inbox.put((background._child, b"no pickle"))
    session._behind._waiting.join()
    background._drop()  # its own answer would come late, and be taken for that on the second
    with pytest.raises(pickle.UnpicklingError):
        session.finish_behind(second, ends)
    assert ends.errors == [None] and is_done(second.directory, second.run_key)
    session.wait()  # it is raised once


def test_a_full_disk_is_still_known_beyond_a_pipe(tmp_path):
    error = picklable(WriteError.of(tmp_path, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))))
    assert isinstance(error, WriteError) and cause_of(error) == "disk_full"

    class LocalError(Exception):
        pass

    assert classify(picklable(LocalError("x"))) == (Outcome.CRASHED, "LocalError: x")


@pytest.mark.parametrize("how", ["killed", "hung"])
def test_a_process_that_is_lost_takes_one_complex_with_it(
    session, small, mixed, background, monkeypatch, tmp_path, how
):
    child, ends = child_of(background), Ends()
    child.suspend()
    if how == "hung":
        monkeypatch.setattr(behind, "_SILENCE", 1.0)
    session.finish_behind(session.fold(from_file(small), tmp_path), ends)
    if how == "killed":
        child.kill()
    assert ends.told.wait(LONG)
    (error,) = ends.errors
    assert isinstance(error, FinisherError)
    assert (classify(error)[0], cause_of(error)) == (Outcome.CRASHED, how)
    session.wait()
    assert not child.is_running() and not (tmp_path / "small").exists()
    # Not trusted again until it has been worth it anew.
    monkeypatch.setattr(behind, "WORTH", 1e-9)
    session.finish_behind(session.fold(from_file(mixed), tmp_path), ends)
    assert ends.errors[1:] == [None] and background._child is None


def test_a_process_that_dies_idle_costs_nothing(session, small, background, tmp_path):
    work, child = session.fold(from_file(small), tmp_path), background._child
    child.popen.kill()
    child.popen.wait()
    session.finish_behind(work, ends := Ends())
    assert ends.errors == [None] and background._child is None


@pytest.mark.parametrize("stopped", [False, True])
def test_the_last_complex_gets_a_moment_when_all_must_end(
    session, small, background, monkeypatch, tmp_path, stopped
):
    monkeypatch.setattr(behind, "_GRACE", 1.0 if stopped else LONG)
    child, ends = child_of(background), Ends()
    if stopped:
        child.suspend()
    session.finish_behind(session.fold(from_file(small), tmp_path), ends)
    background.close()
    assert ends.errors == ([] if stopped else [None])
    assert (tmp_path / "small").exists() != stopped
    assert not child.is_running() and background._child is None


def test_signals_to_the_whole_job_are_for_its_parent(background):
    child = child_of(background)
    status, end = Path(f"/proc/{child.pid}/status"), time.monotonic() + LONG
    # A new process heeds signals until its program says otherwise.
    while not int(re.search(r"SigIgn:\s*(\w+)", status.read_text())[1], 16) >> (signal.SIGUSR2 - 1) & 1:
        assert time.monotonic() < end
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2):
        child.send_signal(number)
    time.sleep(0.5)
    assert child.is_running() and child.status() != psutil.STATUS_ZOMBIE


def test_it_starts_when_finishing_in_turn_has_cost_as_much(session, small, monkeypatch, tmp_path):
    it, ends = Behind(), Ends()
    it.finish(session.fold(from_file(small), tmp_path), ends)
    assert ends.errors == [None] and 0 < it._seconds_in_turn < behind.WORTH
    it.get_ready()
    assert it._child is None
    monkeypatch.setattr(behind, "WORTH", it._seconds_in_turn)
    it.get_ready()
    assert it._child is not None
    it.close()

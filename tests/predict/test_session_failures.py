"""What fails in a session: it costs one prediction, leaves nothing half done, and says what it was."""

import dataclasses
import errno
import math
import os
import resource
from pathlib import Path

import numpy as np
import pytest

from foldcp.errors import InputError, WriteError
from foldcp.predict import finishing, writer
from foldcp.predict.markers import is_done, read_marker, run_key
from foldcp.predict.outcomes import NumericalError, Outcome, cause_of, classify
from foldcp.predict.targets import from_file
from foldcp.scores import Scored

pytestmark = pytest.mark.model


def test_a_failing_input_gets_nothing_and_its_neighbours_their_own(session, small, write, outputs, tmp_path):
    session.predict(from_file(small), tmp_path / "reference")
    bad = write("bad.yaml", "sequences:\n  - ligand: {id: A, ccd: QQQQQ}\n")
    out = tmp_path / "out"
    with pytest.raises(InputError, match="no component 'QQQQQ'"):
        session.predict(from_file(bad), out)
    session.predict(from_file(small), out)
    assert not (out / "bad").exists()
    assert outputs(out / "small") == outputs(tmp_path / "reference" / "small")


def test_a_featurizer_that_fails_is_an_error_not_another_record(session, small, monkeypatch, tmp_path):
    from boltz.data.tokenize.boltz2 import Boltz2Tokenizer

    def fail(*_, **__):
        raise IndexError("index 9 is out of bounds")

    monkeypatch.setattr(Boltz2Tokenizer, "tokenize", fail)
    with pytest.raises(InputError, match="Boltz-2 cannot featurize this input: IndexError: index 9"):
        session.predict(from_file(small), tmp_path)


@pytest.mark.parametrize("part", ["coordinates", "confidence"])
def test_numbers_that_are_not_finite_are_numerical(session, small, monkeypatch, tmp_path, part):
    fold = session.engine.fold

    def spoiled(*arguments):
        folded = fold(*arguments)
        if part == "coordinates":
            folded.coordinates[1, 0, 0] = np.nan
        else:
            folded.confidence[0]["ptm"] = float("inf")
        return folded

    monkeypatch.setattr(session.engine, "fold", spoiled)
    with pytest.raises(NumericalError) as caught:
        session.predict(from_file(small), tmp_path)
    assert classify(caught.value)[0] is Outcome.NUMERICAL
    assert not (tmp_path / "small").exists()


def test_an_interrupted_rewrite_is_not_done_and_the_next_run_mends_it(
    session, settings, small, monkeypatch, tmp_path
):
    target = from_file(small)
    session.predict(target, tmp_path)
    directory = tmp_path / "small"
    session.settings = dataclasses.replace(settings, samples=1)
    try:
        key = run_key(target.input_key, session.settings, session.weights_sha256)
        assert not is_done(directory, key)
        with monkeypatch.context() as patched:
            patched.setattr(writer.Path, "replace", _killed_when_published)
            with pytest.raises(KeyboardInterrupt):
                session.predict(target, tmp_path)
        assert read_marker(directory) is None
        session.predict(target, tmp_path)
        assert is_done(directory, key)
    finally:
        session.settings = settings
    # The second sample of the earlier run is gone, as are temporary files.
    assert sorted(p.name for p in directory.iterdir()) == [
        "confidence_small_model_0.json",
        "done.json",
        "interfaces_small_model_0.npz",
        "plddt_small_model_0.npz",
        "scores_small.json",
        "small.yaml",
        "small_model_0.cif",
    ]


def _killed_when_published(path, target):
    if path.parent != target.parent:
        raise KeyboardInterrupt
    path.rename(target)


def test_fewer_tokens_than_a_mesh_has_columns_is_bad_input(session, write, monkeypatch, tmp_path):
    path = write("one.yaml", "sequences:\n  - ligand: {id: A, ccd: ZN}\n")
    monkeypatch.setattr(session, "settings", dataclasses.replace(session.settings, mesh=(1, 2)))
    with pytest.raises(InputError, match="1 tokens cannot be cut over a 1x2 mesh"):
        session.predict(from_file(path), tmp_path)
    assert session.peak_bytes is None and session.peaks == []


@pytest.mark.parametrize("rewrite", [False, True])
def test_a_full_disk_is_said_so_and_leaves_no_prediction(session, small, monkeypatch, tmp_path, rewrite):
    target = from_file(small)
    if rewrite:
        session.predict(target, tmp_path)
    savez = np.savez_compressed
    with (
        monkeypatch.context() as patched,
        Path("/dev/full").open("wb", buffering=0) as full,
        pytest.raises(WriteError) as caught,
    ):
        patched.setattr(np, "savez_compressed", lambda path, **arrays: savez(full, **arrays))
        session.predict(target, tmp_path)
    assert classify(caught.value)[0] is Outcome.CRASHED and cause_of(caught.value) == "disk_full"
    assert f"{tmp_path / 'small'}" in str(caught.value) and "the disk is full" in str(caught.value)
    # An earlier prediction stays whole.
    key = run_key(target.input_key, session.settings, session.weights_sha256)
    assert is_done(tmp_path / "small", key) == rewrite
    assert not (tmp_path / "small" / ".partial").exists()
    assert (tmp_path / "small").exists() == rewrite


def test_a_disk_that_is_full_at_the_marker_leaves_no_prediction(session, small, monkeypatch, tmp_path):
    fsync = os.fsync

    def full(descriptor):
        if "done.json" in Path(f"/proc/self/fd/{descriptor}").readlink().name:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WriteError, match=r"done\.json cannot be written: the disk is full"):
        session.predict(from_file(small), tmp_path)
    assert read_marker(tmp_path / "small") is None
    assert not list((tmp_path / "small").glob(".*"))


@pytest.mark.parametrize("error", [InputError("no such thing"), IndexError("a defect")])
def test_what_cannot_be_scored_is_a_prediction_all_the_same(
    session, small, monkeypatch, caplog, tmp_path, error
):
    def fail(samples):
        raise error

    session.predict(from_file(small), tmp_path)
    monkeypatch.setattr(finishing, "score", fail)
    session.predict(from_file(small), tmp_path)
    key = run_key(from_file(small).input_key, session.settings, session.weights_sha256)
    assert is_done(tmp_path / "small", key)
    assert not (tmp_path / "small" / "scores_small.json").exists()  # nor the earlier one
    (record,) = caplog.records
    assert f"small is predicted, but cannot be scored: {error}" in record.getMessage()
    assert bool(record.exc_info) == isinstance(error, IndexError)


def test_what_scores_cannot_be_kept_is_a_prediction_all_the_same(
    session, small, tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr(finishing, "score", lambda samples: Scored([{"ptm": math.inf}], [], []))
    session.predict(from_file(small), tmp_path)
    marker = read_marker(tmp_path / "small")
    assert is_done(tmp_path / "small", marker["run_key"]) and "scores_small.json" not in marker["files"]
    assert any("small is predicted, but cannot be scored" in r.getMessage() for r in caplog.records)


def test_a_disk_too_full_for_scores_fails_the_attempt(session, small, tmp_path, monkeypatch):
    monkeypatch.setattr(finishing, "score", lambda samples: Scored([], [], [], note="x" * 10**6))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, limits[1]))
    try:
        with pytest.raises(WriteError, match=r"scores_small\.json cannot be written"):
            session.predict(from_file(small), tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not (tmp_path / "small").exists()

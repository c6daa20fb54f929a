"""A session is exact, alone or in company, here or in another process; a failure stays with its own input."""

import dataclasses
import errno
import json
import math
import os
import resource
import socket
import subprocess
import sys
from pathlib import Path

import gemmi
import numpy as np
import pytest

from foldcp.errors import InputError, WriteError
from foldcp.predict import finishing, writer
from foldcp.predict.document import read
from foldcp.predict.markers import is_done, read_marker, run_key
from foldcp.predict.outcomes import NumericalError, Outcome, cause_of, classify
from foldcp.predict.seeds import Seeds
from foldcp.predict.session import Session
from foldcp.predict.targets import from_file
from foldcp.scores import Scored

pytestmark = pytest.mark.model


def _ligand(name: str) -> str:
    return f'sequences:\n  - ligand: {{id: A, smiles: "{name}"}}\n'


@pytest.fixture(scope="module")
def alone(session, mixed, tmp_path_factory):
    """The mixed complex, predicted by itself."""
    out = tmp_path_factory.mktemp("alone")
    session.predict(from_file(mixed), out)
    return out / "mixed"


def test_all_kinds_of_chains_are_folded_and_recorded(session, mixed, alone):
    marker = read_marker(alone)
    assert is_done(alone, run_key(from_file(mixed).input_key, session.settings, session.weights_sha256))
    chains = {c["chain_id"]: (c["entity_type"], c["n_tokens"]) for c in marker["chains"]}
    assert chains == {
        "A": ("protein", 11),
        "B": ("protein", 11),
        "R": ("rna", 4),
        "D": ("dna", 4),
        "L": ("ligand", 31),
        "S": ("ligand", 13),
        "Z": ("ligand", 1),
    }
    assert [c["chain_index"] for c in marker["chains"]] == list(range(7))
    assert marker["n_tokens"] == 75
    assert marker["peaks"] == [marker["peak_bytes"]] and marker["peak_bytes"] > 1e7
    assert marker["hosts"] == session.hosts == [socket.gethostname()]
    assert marker["peak_bytes"] < session.capacity_bytes
    assert marker["wall_seconds"] > 0
    assert "mean nothing" in marker["note"]
    confidence = json.loads((alone / "confidence_mixed_model_0.json").read_text())
    assert set(confidence["pair_chains_iptm"]) == {str(c["chain_index"]) for c in marker["chains"]}
    structure = gemmi.read_structure(str(alone / "mixed_model_0.cif"))
    assert structure[0]["A"][2].name == "TPO"
    assert (alone / "mixed.yaml").read_bytes() == mixed.read_bytes()


def test_a_limit_of_rows_is_followed_and_recorded(session, settings, mixed, alone, outputs, tmp_path):
    target = dataclasses.replace(from_file(mixed), msa_rows=2)
    session.predict(target, tmp_path / "target")
    marker, whole = read_marker(tmp_path / "target" / "mixed"), read_marker(alone)
    assert (whole["msa_rows"], whole["paired_depth"]) == (5, 3)
    assert (marker["msa_rows"], marker["paired_depth"]) == (2, 2)
    assert (marker["settings"]["msa_rows"], whole["settings"]["msa_rows"]) == (2, None)
    assert marker["samples"][0]["seed"] == whole["samples"][0]["seed"]
    limited = dataclasses.replace(settings, msa_rows=2)
    key = run_key(target.input_key, limited, session.weights_sha256)
    assert is_done(tmp_path / "target" / "mixed", key) and key != whole["run_key"]
    assert outputs(tmp_path / "target" / "mixed") != outputs(alone)
    session.settings = limited
    try:
        session.predict(from_file(mixed), tmp_path / "settings")
    finally:
        session.settings = settings
    assert outputs(tmp_path / "settings" / "mixed") == outputs(tmp_path / "target" / "mixed")
    assert is_done(tmp_path / "settings" / "mixed", key)


def test_a_limit_folds_as_alignments_that_were_cut_by_hand(session, settings, write, tmp_path):
    proteins = {"A": "MKTAYIAKQRQ", "B": "GSHMLEDPVA"}
    text = "".join(
        f"  - protein: {{id: {name}, sequence: {s}, msa: {name}.a3m}}\n" for name, s in proteins.items()
    )
    seeds, folded = Seeds("c", 7, "equal, though the files are not"), {}
    for folder, depth, limit in (("limit", 12, 5), ("by hand", 5, None), ("whole", 12, None)):
        for name, sequence in proteins.items():
            rows = [
                sequence,
                *(sequence[:n] + "W" + sequence[n + 1 :] for n in range(9 if name == "A" else 3)),
            ]
            write(f"{folder}/{name}.a3m", "".join(f">{n}\n{row}\n" for n, row in enumerate(rows[:depth])))
        path = write(f"{folder}/x.yaml", f"sequences:\n{text}")
        features = session.preparation.prepare(read(path), "x", seeds, limit).features
        (tmp_path / folder / "spool").mkdir()
        folded[folder] = session.engine.fold(
            features, [seeds.sample(0)], settings, tmp_path / folder / "spool", seeds.alignment
        )
    assert np.array_equal(folded["limit"].coordinates, folded["by hand"].coordinates)
    assert folded["limit"].confidence == folded["by hand"].confidence
    assert not np.allclose(folded["limit"].coordinates, folded["whole"].coordinates)


def test_last_in_a_batch_is_identical(session, mixed, small, write, alone, outputs, tmp_path):
    bad = write("bad.yaml", _ligand("C1CC"))
    for path in (small, bad, write("ligand.yaml", _ligand("CCCCCCO")), mixed):
        try:
            session.predict(from_file(path), tmp_path / "out")
        except InputError:
            assert path == bad
    for sample in (0, 1):
        assert outputs(tmp_path / "out" / "mixed", sample) == outputs(alone, sample)
    assert outputs(alone, 0)["mixed.cif"] != outputs(alone, 1)["mixed.cif"]


def test_other_sample_counts_give_the_same_samples(session, settings, mixed, alone, outputs, tmp_path):
    for count in (1, 3):
        session.settings = dataclasses.replace(settings, samples=count)
        try:
            session.predict(from_file(mixed), tmp_path / str(count))
        finally:
            session.settings = settings
        for sample in range(min(count, 2)):
            assert outputs(tmp_path / str(count) / "mixed", sample) == outputs(alone, sample)


def test_a_smiles_conformer_does_not_depend_on_what_came_before(session, write, outputs, tmp_path):
    path = write("x.yaml", _ligand("CCCCC(=O)NCCCO"))
    for folder in ("one", "two"):
        session.predict(from_file(path), tmp_path / folder)
    assert outputs(tmp_path / "one" / "x") == outputs(tmp_path / "two" / "x")


def test_a_fresh_process_gives_the_same_files(session, small, mixed, write, alone, outputs, tmp_path):
    session.predict(from_file(small), tmp_path / "here")
    bad = write("bad.yaml", _ligand("C1CC"))
    out = tmp_path / "out"
    command = [sys.executable, "-m", "foldcp", "predict", str(bad), str(mixed), str(small), "--out", str(out)]
    options = {"model": "demo", "device": "cpu", "recycles": 0, "steps": 3, "samples": 2, "threads": 1}
    command += [f"--{name}={value}" for name, value in options.items()]
    environment = {**os.environ, "FOLDCP_CACHE": str(session.settings.cache)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 1
    assert [line.split("\t")[1] for line in done.stdout.splitlines()] == ["bad_input", "done", "done"]
    assert "Traceback" not in done.stderr
    for sample in (0, 1):
        assert outputs(out / "predictions" / "mixed", sample) == outputs(alone, sample)
        assert outputs(out / "predictions" / "small", sample) == outputs(tmp_path / "here" / "small", sample)


def test_templates_are_matched_in_a_fixed_order(session, small, outputs, tmp_path, monkeypatch):
    # Which of two equal copies serves which chain is a tie, and Boltz breaks it by the order of a set.
    from boltz.data.parse import schema

    session.predict(from_file(small), tmp_path)
    templated = tmp_path / "templated.yaml"
    templated.write_text(small.read_text() + "templates:\n  - cif: small/small_model_0.cif\n")
    session.predict(from_file(templated), tmp_path / "0")
    match = schema.get_template_records_from_search

    def in_another_order(*, chain_ids, template_chain_ids, **others):
        return match(chain_ids=chain_ids[::-1], template_chain_ids=template_chain_ids, **others)

    monkeypatch.setattr(schema, "get_template_records_from_search", in_another_order)
    session.predict(from_file(templated), tmp_path / "1")
    different = outputs(tmp_path / "1" / "templated") != outputs(tmp_path / "0" / "templated")
    assert different  # the order matters, ...

    from foldcp.predict.inputs import ordered_templates

    calls = []
    monkeypatch.setattr(schema, "get_template_records_from_search", lambda **values: calls.append(values))
    with ordered_templates():
        schema.get_template_records_from_search(
            chain_ids=["B", "A"], template_chain_ids=["D", "C"], force=True
        )
    assert calls == [
        {"chain_ids": ["A", "B"], "template_chain_ids": ["C", "D"], "force": True}
    ]  # ... and is fixed


def test_another_seed_campaign_or_content_gives_another_structure(
    session, settings, small, outputs, tmp_path
):
    session.predict(from_file(small), tmp_path / "0")
    for number, change in enumerate(({"seed": 8}, {"campaign": "other"}), 1):
        session.settings = dataclasses.replace(settings, **change)
        try:
            session.predict(from_file(small), tmp_path / str(number))
        finally:
            session.settings = settings
    small.write_text(small.read_text().replace("[A, B]", "[A, C]"))
    session.predict(from_file(small), tmp_path / "3")
    structures = [outputs(tmp_path / str(number) / "small")["small.cif"] for number in range(4)]
    assert len(set(structures)) == 4


def test_the_file_name_does_not_matter(session, small, write, outputs, tmp_path):
    renamed = write("renamed.yaml", small.read_text())
    for path in (small, renamed):
        session.predict(from_file(path), tmp_path / "out")
    first, second = (read_marker(tmp_path / "out" / name) for name in ("small", "renamed"))
    assert first["samples"] == second["samples"]
    assert first["run_key"] == second["run_key"]


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


def test_an_input_inside_its_own_prediction_folder_stays(session, small, tmp_path):
    directory = tmp_path / "out" / "small"
    directory.mkdir(parents=True)
    inside = small.rename(directory / "small.yaml")
    text = inside.read_text()
    session.predict(from_file(inside), tmp_path / "out")
    assert inside.read_text() == text
    assert read_marker(directory) is not None


def test_a_checkpoint_file_is_the_same_model(session, settings, small, outputs, tmp_path, monkeypatch):
    from foldcp.demo.model import checkpoint_path

    monkeypatch.setenv("BOLTZ_CACHE", str(tmp_path / "none"))
    path = checkpoint_path(settings.cache)
    own = dataclasses.replace(settings, model=str(path), cache=None)
    monkeypatch.setenv("FOLDCP_CACHE", str(settings.cache))
    other = Session(own)
    assert other.weights_sha256 == session.weights_sha256
    assert other.note is None
    session.predict(from_file(small), tmp_path / "a")
    other.predict(from_file(small), tmp_path / "b")
    first, second = (outputs(tmp_path / name / "small") for name in "ab")
    assert first["small.cif"] == second["small.cif"]
    assert b"foldcp_note" in first["confidence_small.json"]
    assert b"foldcp_note" not in second["confidence_small.json"]


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


def test_a_prediction_is_scored_when_it_is_written(session, mixed, alone):
    scored = Scored.load(alone / "scores_mixed.json")
    assert scored.note == session.note and len(scored.samples) == 2
    assert "scores_mixed.json" in read_marker(alone)["files"]
    confidence = json.loads((alone / "confidence_mixed_model_0.json").read_text())
    assert scored.samples[0]["ptm"] == pytest.approx(confidence["ptm"], abs=1e-5)


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

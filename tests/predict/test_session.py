"""A session is exact, alone or in company, here or in another process."""

import dataclasses
import json
import os
import socket
import subprocess
import sys

import gemmi
import numpy as np
import pytest

from foldcp.errors import InputError
from foldcp.predict.document import read
from foldcp.predict.markers import is_done, read_marker, run_key
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


def test_a_prediction_is_scored_when_it_is_written(session, mixed, alone):
    scored = Scored.load(alone / "scores_mixed.json")
    assert scored.note == session.note and len(scored.samples) == 2
    assert "scores_mixed.json" in read_marker(alone)["files"]
    confidence = json.loads((alone / "confidence_mixed_model_0.json").read_text())
    assert scored.samples[0]["ptm"] == pytest.approx(confidence["ptm"], abs=1e-5)

"""The engine against Boltz-2 itself, in process, fp32, from the same input file; and on ranks of its own."""

import dataclasses
import pickle
import zipfile

import numpy as np
import pytest
import torch
from features.upstream import dense_batch
from model import oracle

from foldcp.errors import InputError, WriteError
from foldcp.ops import kernels
from foldcp.predict.boltz_model import load_model
from foldcp.predict.checkpoint import find
from foldcp.predict.markers import read_marker
from foldcp.predict.mesh_engine import ErrorFiles, MeshEngine
from foldcp.predict.outcomes import Outcome, RankError, classify
from foldcp.predict.seeds import Seeds
from foldcp.predict.session import Session
from foldcp.predict.targets import from_file

pytestmark = pytest.mark.model

STEPS = 5


@pytest.fixture(scope="module")
def truth(session, settings, prepared):
    """What unchanged serial Boltz-2 makes of the mixed input, with the features of its own featurizer."""
    document, parsed, _ = prepared
    folder = session.preparation.molecules.provide(document.codes())
    seeds = Seeds("c", 7, document.key())
    batch = dense_batch(parsed, folder, session.preparation.canonicals, seeds.features)
    model = load_model(find(settings).path)
    out = oracle.serial(model, batch, 11, recycles=1, steps=STEPS)
    return out | {"coordinates": out["coordinates"][batch["atom_pad_mask"][0].bool()]}


def fold(session, settings, prepared, seeds, folder, **changes):
    settings = dataclasses.replace(settings, recycles=1, steps=STEPS, **changes)
    return session.engine.fold(prepared[2], seeds, settings, folder)


def test_one_sample_equals_serial_boltz_and_another_seed_does_not(
    session, settings, prepared, truth, tmp_path
):
    ours = fold(session, settings, prepared, [11], tmp_path, pae=True)
    assert np.abs(ours.coordinates[0] - truth["coordinates"].numpy()).max() < 1e-3
    assert np.abs(ours.plddt[0] - truth["plddt"].numpy()).max() < 1e-4
    for kind in ("pae", "pde"):
        assert np.abs(np.load(getattr(ours, kind)[0]) - truth[kind].numpy()).max() < 1e-4
    scores = ours.confidence[0]
    for name in oracle.SCORES[1:]:
        assert scores[name] == pytest.approx(truth[name].item(), abs=1e-4)
    pairs = [list(row.values()) for row in scores["pair_chains_iptm"].values()]
    assert np.abs(np.array(pairs) - truth["pair_chains_iptm"].numpy()).max() < 1e-4
    other = fold(session, settings, prepared, [12], tmp_path)
    assert np.abs(other.coordinates[0] - truth["coordinates"].numpy()).max() > 1


@pytest.mark.parametrize("precision", ["bf16-mixed", "bf16"])
def test_lower_precision_runs_and_differs(session, settings, prepared, truth, tmp_path, precision):
    rounded = fold(session, settings, prepared, [11], tmp_path, precision=precision)
    assert np.isfinite(rounded.coordinates).all()
    assert np.abs(rounded.plddt[0] - truth["plddt"].numpy()).max() > 1e-5
    assert np.abs(rounded.plddt[0] - truth["plddt"].numpy()).mean() < 0.02


@pytest.fixture(scope="module")
def on_two(settings):
    """A session whose model is spread over two ranks, which are processes of their own."""
    session = Session(dataclasses.replace(settings, mesh=(1, 2), pae=True, recycles=1, steps=STEPS))
    yield session
    session.close()


def test_two_ranks_write_what_one_writes(session, settings, on_two, mixed, tmp_path):
    target = from_file(mixed)
    one = Session(dataclasses.replace(settings, pae=True, recycles=1, steps=STEPS))
    one.predict(target, tmp_path / "one")
    on_two.predict(target, tmp_path / "two")
    folders = [tmp_path / which / target.id for which in ("one", "two")]
    assert len({frozenset(path.name for path in folder.iterdir()) for folder in folders}) == 1
    for kind in ("plddt", "pae", "pde"):
        a, b = (np.load(folder / f"{kind}_mixed_model_0.npz")[kind] for folder in folders)
        assert a.dtype == b.dtype == np.float32
        assert np.abs(a - b).max() < 1e-4
    markers = [read_marker(folder) for folder in folders]
    assert markers[0]["run_key"] == markers[1]["run_key"]  # a mesh changes where, not what
    assert markers[1]["mesh"] == "1x2"
    assert markers[1]["peak_bytes"] == max(markers[1]["peaks"]) and len(markers[1]["peaks"]) == 2
    assert markers[1]["hosts"] == markers[0]["hosts"] and len(on_two.hosts) == 1
    assert on_two.capacity_bytes == one.capacity_bytes // 2


def test_error_matrices_are_compressed_arrays_as_boltz_writes_them(on_two, mixed, tmp_path):
    on_two.predict(from_file(mixed), tmp_path)
    path = tmp_path / "mixed" / "pae_mixed_model_0.npz"
    (entry,) = zipfile.ZipFile(path).infolist()
    assert entry.filename == "pae.npy"
    assert entry.compress_type == zipfile.ZIP_DEFLATED
    assert not list((tmp_path / "mixed").glob("*.npy"))


def fails_on_rank_1(mesh, device, checkpoint):
    """Build a rank that folds, except that rank 1 runs out of memory."""

    def work(job, say):
        if mesh.everyone.index == 1:
            raise MemoryError("CUDA out of memory")
        torch.distributed.all_reduce(torch.ones(1))

    return work


def test_a_rank_without_memory_is_a_typed_outcome_that_names_it(settings, prepared, tmp_path, monkeypatch):
    monkeypatch.setattr("foldcp.predict.mesh_engine.build", fails_on_rank_1)
    engine = MeshEngine(find(settings).path, dataclasses.replace(settings, mesh=(1, 2)))
    with pytest.raises(RankError) as error:
        engine.fold(prepared[2], [1], settings, tmp_path)
    outcome, message = classify(error.value)
    assert outcome is Outcome.OOM
    assert "rank 1 (row 0, column 1) ran out of memory, peak" in message
    assert engine.peaks[0] is None and engine.peaks[1] > 0


def test_a_rank_that_finds_the_disk_full_says_where(tmp_path):
    (tmp_path / "pae_0.npy").symlink_to("/dev/full")
    files, matrix = ErrorFiles(tmp_path, 100, True), torch.zeros(100, 100)
    with pytest.raises(WriteError, match=r"pae_0\.npy cannot be written: the disk is full") as caught:
        files("pae", 0, slice(0, 100), matrix)
    assert pickle.loads(pickle.dumps(caught.value)).cause == "disk_full"  # on its way to the driver


def test_no_checkpoint_is_said_so(tmp_path, settings):
    path = tmp_path / "x.ckpt"
    path.write_bytes(b"not a checkpoint")
    with pytest.raises(InputError, match="is not a Boltz-2 checkpoint"):
        MeshEngine(path, settings)
    torch.save({"state_dict": {}}, path)
    with pytest.raises(InputError, match="is not a Boltz-2 checkpoint: KeyError"):
        MeshEngine(path, settings)


@pytest.mark.parametrize(("choice", "allowed"), [("auto", True), ("off", False)])
def test_the_choice_of_kernels_reaches_the_operations(
    choice, allowed, session, settings, prepared, tmp_path, monkeypatch
):
    seen = set()
    monkeypatch.setattr(kernels, "serves", lambda q, bias: seen.add(kernels._allowed))
    chosen = dataclasses.replace(settings, kernels=choice)
    fold(session, chosen, prepared, [11], tmp_path)
    assert seen == {allowed}

"""The engine against Boltz-2 itself, in process, fp32."""

import dataclasses

import numpy as np
import pytest
import torch

from foldcp.errors import InputError
from foldcp.predict.seeds import Seeds, seeded_conformers
from foldcp.predict.serial import SerialEngine

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def features(prepared):
    return prepared[2]


def _upstream(engine, features, seed, settings):
    """Boltz's forward pass with nothing of ours in it: the generator is seeded just before `sample` draws."""
    before_sampling = engine.model.diffusion_conditioning
    hook = before_sampling.register_forward_hook(lambda *_: torch.manual_seed(seed) and None)
    try:
        with torch.no_grad():
            return engine.model(
                dict(features.batch),
                recycling_steps=settings.recycles,
                num_sampling_steps=settings.steps,
                diffusion_samples=1,
                run_confidence_sequentially=True,
            )
    finally:
        hook.remove()


def test_one_sample_equals_boltz_exactly_and_another_seed_does_not(session, settings, features):
    atoms = features.batch["atom_pad_mask"][0].bool()
    ours = session.engine.fold(features, [11], dataclasses.replace(settings, pae=True))
    theirs = _upstream(session.engine, features, 11, settings)
    assert np.array_equal(ours.coordinates, theirs["sample_atom_coords"][:, atoms].numpy())
    for name in ("plddt", "pae", "pde"):
        assert np.array_equal(getattr(ours, name), theirs[name].numpy())
    assert ours.confidence[0]["iptm"] == theirs["iptm"].item()
    assert ours.confidence[0]["pair_chains_iptm"][0][1] == theirs["pair_chains_iptm"][0][1].item()
    other = _upstream(session.engine, features, 12, settings)
    assert np.abs(ours.coordinates - other["sample_atom_coords"][:, atoms].numpy()).max() > 1


def test_a_sample_does_not_depend_on_how_many_there_are_or_on_what_ran_before(session, settings, features):
    many = session.engine.fold(features, [1, 2, 3], settings)
    alone = session.engine.fold(features, [3], settings)
    assert np.array_equal(many.coordinates[2], alone.coordinates[0])
    assert many.confidence[2] == alone.confidence[0]
    assert not np.array_equal(many.coordinates[0], many.coordinates[1])


def test_sampler_is_left_as_it_was(session, settings, features):
    session.engine.fold(features, [1], settings)
    assert "sample" not in vars(session.engine.model.structure_module)


def test_mixed_precision_runs_and_differs(session, settings, features):
    mixed = session.engine.fold(features, [1], dataclasses.replace(settings, precision="bf16-mixed"))
    exact = session.engine.fold(features, [1], settings)
    assert np.isfinite(mixed.coordinates).all()
    assert not np.array_equal(mixed.coordinates, exact.coordinates)


def test_features_equal_those_of_boltz_own_pipeline(session, prepared, tmp_path):
    """Boltz's command line goes through files on disk; the features must not tell the difference."""
    from boltz.data.module.inferencev2 import PredictionDataset, collate
    from boltz.data.types import Manifest, Record
    from boltz.main import process_input

    document, _, features = prepared
    seeds = Seeds("c", 7, document.key())
    names = ["msa", "processed_msa", "processed_constraints", "processed_templates", "processed_mols"]
    folders = {f"{name}_dir": tmp_path / name for name in [*names, "structure", "records"]}
    for folder in folders.values():
        folder.mkdir()
    molecules = session._molecules.provide(document.codes())
    absolute = document.path.read_text().replace("pair.csv", str(document.path.parent / "pair.csv"))
    (tmp_path / "mixed.yaml").write_text(absolute)
    server = [
        "msa_server_url",
        "msa_server_username",
        "msa_server_password",
        "api_key_header",
        "api_key_value",
    ]
    with seeded_conformers(seeds.conformers):
        process_input(
            tmp_path / "mixed.yaml",
            ccd=session._canonicals,
            mol_dir=molecules,
            boltz2=True,
            use_msa_server=False,
            max_msa_seqs=8192,
            msa_pairing_strategy=None,
            **dict.fromkeys(server),
            **folders,
        )
    dataset = PredictionDataset(
        Manifest([Record.load(tmp_path / "records" / "mixed.json")]),
        target_dir=folders["structure_dir"],
        msa_dir=folders["processed_msa_dir"],
        mol_dir=molecules,
        constraints_dir=folders["processed_constraints_dir"],
        template_dir=folders["processed_templates_dir"],
        extra_mols_dir=folders["processed_mols_dir"],
    )
    torch.manual_seed(seeds.features)
    theirs = collate([dataset[0]])
    del theirs["record"]
    assert set(theirs) == set(features.batch)
    different = [k for k, v in features.batch.items() if not torch.equal(v, theirs[k])]
    assert different == []


def test_no_checkpoint_is_said_so(tmp_path, settings):
    path = tmp_path / "x.ckpt"
    path.write_bytes(b"not a checkpoint")
    with pytest.raises(InputError, match="is not a Boltz-2 checkpoint"):
        SerialEngine(path, settings)
    torch.save({"state_dict": {}}, path)
    with pytest.raises(InputError, match="is not a Boltz-2 checkpoint: KeyError"):
        SerialEngine(path, settings)

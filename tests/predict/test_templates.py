"""Templates all the way: from the campaign's table to structures, on every mesh, equal to serial Boltz's."""

import functools
import gzip
from pathlib import Path

import gemmi
import numpy as np
import pytest
import torch
import yaml
from features.complexes import OTHER, PROTEIN
from features.upstream import dense_batch
from model import oracle
from predict.test_template_files import add_molecules
from typer.testing import CliRunner

from foldcp import config
from foldcp.campaign.complexes import read as read_complexes
from foldcp.campaign.jobs import run_bin
from foldcp.campaign.msa import collect
from foldcp.campaign.sequences import resolve
from foldcp.campaign.tokens import count
from foldcp.cli.app import app
from foldcp.mesh import Mesh
from foldcp.model.fold import Boltz2OnMesh, Options
from foldcp.plan import Workload, make_plan
from foldcp.predict.boltz_model import load_model
from foldcp.predict.checkpoint import find
from foldcp.predict.document import Document, read
from foldcp.predict.seeds import Seeds
from foldcp.predict.targets import from_file
from foldcp.tables import Provenance, write_table
from foldcp.tables.schemas import MSA, PLAN, SEQUENCES, TOKENS

pytestmark = pytest.mark.model

BIN = "0000512"
MESHES = [(1, 1), (1, 2), (2, 1), (2, 2)]
SEED, STEPS = 11, 20
ANGSTROM = 1e-3
"""fp32 rounding; what is seen is 4e-5 Å on coordinates of up to 37 Å."""
TABLE = "complex_id,members\nplain,P11111;P22222\none,P11111;P22222\nboth,P11111;P22222\nhomo,P11111(3)\n"
TABLE += "wrong,P22222(2)\n"
TEMPLATES = """complex_id,member,file,chain
one,P22222,relatives/pair.cif,B
both,,relatives/pair.cif,
both,P11111,relatives/lone.cif.gz,A
homo,P11111,relatives/pair.cif,A
wrong,P22222,relatives/pair.cif,L0
"""


@pytest.fixture(scope="module")
def relatives(session, tmp_path_factory):
    """A folder of templates: predictions of relatives of two proteins, one with molecules of all sorts."""
    folder = tmp_path_factory.mktemp("relatives")
    relative = PROTEIN[2:].replace("K", "R")
    for name, chains in {"pair": [relative, OTHER[:-3]], "lone": [PROTEIN[:-1]]}.items():
        items = [{"protein": {"id": "AB"[k], "sequence": s, "msa": "empty"}} for k, s in enumerate(chains)]
        (folder / f"{name}.yaml").write_text(yaml.safe_dump({"version": 1, "sequences": items}))
        session.predict(from_file(folder / f"{name}.yaml"), folder / "out")
        made = folder / "out" / name / f"{name}_model_0.cif"
        (folder / f"{name}.cif").write_bytes(made.read_bytes())
    add_molecules(folder / "pair.cif", "UNL", "QQQQQ", "ZN")
    (folder / "lone.cif.gz").write_bytes(gzip.compress((folder / "lone.cif").read_bytes()))
    (folder / "lone.cif").unlink()
    return folder


class Campaign:
    """The stages from the table to the predictions, in `folder/results`."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder = folder / "results"
        (folder / "table.csv").write_text(TABLE)
        (folder / "templates.csv").write_text(TEMPLATES)
        (folder / "s.fasta").write_text(f">P11111\n{PROTEIN}\n>P22222\n{OTHER}\n")
        predict = {"model": "demo", "cache": str(cache), "device": "cpu", "precision": "fp32", "threads": 1}
        self.config = config.parse(
            {
                "results": str(self.folder),
                "complexes": {name: str(folder / f"{name}.csv") for name in ("table", "templates")},
                "sequences": {"fasta": [str(folder / "s.fasta")]},
                "plan": {"gpu": "cpu", "max_ranks": 1},
                "predict": predict | {"steps": 2, "recycles": 0, "launcher": "debug"},
            }
        )
        self.folder.mkdir()
        got = read_complexes(self.config.complexes, self.folder)
        found = resolve(got.complexes, self.config.sequences)
        msa = collect(found.sequences, self.config.msa, self.folder / "03_msa")
        counted = count(got.complexes, found.sequences, found.unresolved, msa, self.config.sequences)
        plan = make_plan(counted.tokens, self.config.plan, Workload.of(self.config.predict)).plan
        tables = {"02_sequences": (SEQUENCES, found.sequences), "03_msa": (MSA, msa)}
        tables |= {"04_tokens": (TOKENS, counted.tokens), "05_plan": (PLAN, plan)}
        for name, (spec, table) in tables.items():
            write_table(self.folder / f"{name}.parquet", spec, table, Provenance())
        self.tokens = {row["complex_id"]: row for row in counted.tokens.to_pylist()}
        self.rejected = counted.rejected.to_pylist()
        self.ledger = run_bin(self.folder, BIN, self.config)

    def input(self, name: str) -> Path:
        return self.folder / "06_predictions" / name / f"{name}.yaml"


@pytest.fixture(scope="module")
def campaign(relatives, demo_cache, tmp_path_factory):
    folder = tmp_path_factory.mktemp("campaign")
    (folder / "relatives").symlink_to(relatives)
    return Campaign(folder, demo_cache)


def test_every_complex_is_predicted_with_its_templates_or_rejected(campaign):
    outcomes = zip(*(campaign.ledger[name].to_pylist() for name in ("complex_id", "outcome")), strict=True)
    assert dict(outcomes) == dict.fromkeys(["plain", "one", "both", "homo"], "done")
    assert {name: row["n_templates"] for name, row in campaign.tokens.items()} == {
        "plain": 0,
        "one": 1,
        "both": 2,
        "homo": 3,
    }
    (row,) = campaign.rejected
    assert (row["complex_id"], row["reason_code"]) == ("wrong", "bad_template")
    assert "row 5 of complexes.templates, relatives/pair.cif: has no protein chain 'L0'" in row["reason"]
    assert len({row["predicted_as"] for row in campaign.tokens.values()}) == 4


def test_inputs_name_copies_in_the_campaign_folder_which_can_move(campaign, relatives, tmp_path):
    inputs = {name: yaml.safe_load(campaign.input(name).read_text()) for name in campaign.tokens}
    assert "templates" not in inputs["plain"]
    kept = {path.name for path in (campaign.folder / "01_templates").iterdir()}
    assert {t["cif"] for i in inputs.values() for t in i.get("templates", [])} == {
        f"../../01_templates/{name}" for name in kept
    }
    (one,) = inputs["one"]["templates"]
    # The longer protein, P22222, is chain A.
    assert (one["chain_id"], one["template_id"]) == (["A"], ["B"])
    by_file = {tuple(sorted(t)): t for t in inputs["both"]["templates"]}
    assert by_file["chain_id", "cif"]["chain_id"] == ["A", "B"]
    assert by_file["chain_id", "cif", "template_id"]["chain_id"] == ["B"]
    assert [(t["chain_id"], t["template_id"]) for t in inputs["homo"]["templates"]] == [
        (["A"], ["A"]),
        (["B"], ["A"]),
        (["C"], ["A"]),
    ]
    contents = {Path(path).read_bytes() for path in (campaign.folder / "01_templates").iterdir()}
    assert (relatives / "pair.cif").read_bytes() in contents and len(contents) == 2
    moved = tmp_path / "moved"
    moved.symlink_to(campaign.folder)
    assert len(read(moved / "06_predictions" / "homo" / "homo.yaml").templates("cif")) == 3


def prepared(session, document, name="c"):
    """Return parsed input and features."""
    seeds = Seeds(name, 7, "key")
    parsed = session.preparation.parse(document, name, seeds)
    return parsed, session.preparation.prepare(document, name, seeds).features, seeds


def fold(mesh, checkpoint, features):
    predicted = Boltz2OnMesh(load_model(checkpoint), mesh).fold(
        features, [SEED], Options(recycles=1, steps=STEPS)
    )
    return predicted.coordinates[0].numpy(), predicted.confidence[0].plddt.numpy()


@pytest.fixture(scope="module")
def truth(session, settings, campaign):
    """Return what unchanged serial Boltz-2, with the features of its own featurizer, makes of an input."""

    @functools.cache
    def truth(name):
        parsed, _, seeds = prepared(session, read(campaign.input(name)))
        folder = session.preparation.molecules.provide([])
        batch = dense_batch(parsed, folder, session.preparation.canonicals, seeds.features)
        out = oracle.serial(load_model(find(settings).path), batch, SEED, recycles=1, steps=STEPS)
        real = batch["atom_pad_mask"][0].bool()
        return out["coordinates"][real].numpy(), out["plddt"].numpy(), batch["template_mask"][0]

    return truth


@pytest.mark.parametrize("name", ["one", "both", "homo"])
@pytest.mark.parametrize("shape", MESHES, ids=str)
def test_structures_on_every_mesh_equal_serial_boltz(pool, session, settings, campaign, truth, shape, name):
    features = prepared(session, read(campaign.input(name)))[1]
    coordinates, plddt, mask = truth(name)
    assert torch.equal(features.templates.mask, mask) and len(mask) == campaign.tokens[name]["n_templates"]
    for ours, confidence in pool.run(fold, shape, find(settings).path, features):
        assert np.abs(ours[: len(coordinates)] - coordinates).max() < ANGSTROM
        assert np.abs(confidence - plddt).max() < 1e-4


@pytest.mark.parametrize("name", ["one", "both", "homo"])
def test_without_each_of_its_templates_a_structure_is_another(session, settings, campaign, truth, name):
    document, expected = read(campaign.input(name)), truth(name)[0]
    for left_out in range(len(document.schema["templates"])):
        left = [t for k, t in enumerate(document.schema["templates"]) if k != left_out]
        fewer = Document(document.path, {**document.schema, "templates": left})
        features = prepared(session, fewer)[1]
        ours = fold(Mesh.create(1, 1), find(settings).path, features)[0]
        assert np.abs(ours[: len(expected)] - expected).max() > 100 * ANGSTROM


def test_copies_of_a_homomer_are_no_template_of_one_another(session, campaign):
    templates = prepared(session, read(campaign.input("homo")))[1].templates
    n = len(PROTEIN)
    covered = templates.mask.bool().view(3, 3, n).any(2)
    assert torch.equal(covered, torch.eye(3, dtype=torch.bool))


def test_the_command_predicts_the_same_on_two_meshes(campaign, demo_cache, tmp_path):
    atoms = {}
    for mesh in ("1x1", "2x1"):
        arguments = [campaign.input("both"), "--out", tmp_path / mesh, "--mesh", mesh, "--model", "demo"]
        arguments += ["--cache", demo_cache, "--device", "cpu", "--precision", "fp32", "--steps", 3]
        got = CliRunner().invoke(app, ["predict", *map(str, arguments), "--recycles", "0", "--threads", "1"])
        assert got.exit_code == 0, got.output
        (file,) = (tmp_path / mesh).rglob("*_model_0.cif")
        model = gemmi.read_structure(str(file))[0]
        atoms[mesh] = np.array([atom.pos.tolist() for chain in model for res in chain for atom in res])
    assert len(atoms["1x1"]) > 100
    assert np.abs(atoms["1x1"] - atoms["2x1"]).max() < 2 * ANGSTROM  # written to a thousandth

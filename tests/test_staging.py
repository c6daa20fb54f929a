"""What is gathered for a cluster without a network, and whether it has arrived."""

import json

import pytest
import yaml
from campaign.sources.uniprot_standin import entry, serve
from predict.test_weights import local_sources, remote, server  # noqa: F401 (fixtures)
from typer.testing import CliRunner

from foldcp import config, doctor, staging
from foldcp.campaign.sources.uniprot import Uniprot
from foldcp.cli.app import app
from foldcp.doctor import State
from foldcp.errors import InputError, UsageError
from foldcp.predict import weights


def _silent(*_progress: object) -> None:
    pass


def stage(folder, model="boltz2", cache=None, campaign=None):
    return staging.stage(folder, model, cache or folder.parent / "nothing", campaign, _silent, _silent)


def campaign(folder, **sections):
    (folder / "table.csv").write_text("complex_id,members\nc,P00001;P00002\n")
    (folder / "proteins.fasta").write_text(">sp|P00001|A_T a\nMKTAYIAK\n>sp|P00002|B_T b\nGSHMLEDP\n")
    (folder / "a3m").mkdir()
    (folder / "a3m" / "P00001.a3m").write_text(">q\nMKTAYIAK\n")
    (folder / "species.tsv").write_text("A0A000\t9606\n")
    values = {
        "complexes": {"table": str(folder / "table.csv")},
        "sequences": {"fasta": [str(folder / "proteins.fasta")]},
        "msa": {
            "provider": "directory",
            "directory": str(folder / "a3m"),
            "species": str(folder / "species.tsv"),
        },
    }
    (folder / "my.yaml").write_text(yaml.safe_dump(values | sections))
    return config.load(folder / "my.yaml")


@pytest.mark.usefixtures("local_sources")
def test_weights_are_downloaded_once_and_serve_on_the_other_side(server, tmp_path):  # noqa: F811
    folder = tmp_path / "carry"
    assert stage(folder) == ["boltz2_conf.ckpt", "mols.tar"]
    asked = len(server.requests)
    stage(folder)
    assert len(server.requests) == asked
    assert staging.damage(folder) == []
    weights.download("boltz2", folder, _silent)  # unpacks: nothing is asked of the server
    assert len(server.requests) == asked and staging.damage(folder) == []
    assert stage(folder) == ["boltz2_conf.ckpt", "mols.tar"]  # unpacked molecules are not carried


@pytest.mark.usefixtures("local_sources")
def test_an_interrupted_download_goes_on_and_leaves_no_manifest(server, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr(staging, "fetch", lambda *a: weights.fetch(*a, pause=0.0))
    server.cuts = [6_000, 0, 0, 0]
    folder = tmp_path / "carry"
    with pytest.raises(Exception, match=r"mols\.tar could not be downloaded"):
        stage(folder)
    assert staging.damage(folder) is None
    assert stage(folder) == ["boltz2_conf.ckpt", "mols.tar"]


@pytest.mark.usefixtures("local_sources")
def test_what_this_machine_has_is_copied_not_downloaded(server, tmp_path):  # noqa: F811
    for name, content in server.content.items():
        (tmp_path / name).write_bytes(content)
    stage(tmp_path / "carry", cache=tmp_path)
    assert not server.requests


@pytest.mark.usefixtures("local_sources")
def test_a_checkpoint_of_ones_own_comes_with_the_molecules(server, tmp_path):  # noqa: F811
    own = tmp_path / "mine.ckpt"
    own.write_bytes(server.content["boltz2_conf.ckpt"])
    assert stage(tmp_path / "carry", str(own)) == ["mine.ckpt", "mols.tar"]


def test_inputs_of_a_campaign_keep_their_paths(tmp_path, monkeypatch):
    found = stage(tmp_path / "carry", "demo", campaign=campaign(tmp_path))
    base = str(tmp_path).lstrip("/")
    assert found == [
        f"inputs/{base}/{name}" for name in ("a3m/P00001.a3m", "proteins.fasta", "species.tsv", "table.csv")
    ]
    monkeypatch.chdir(tmp_path)
    relative = campaign_with(tmp_path, table="table.csv")
    assert "inputs/table.csv" in stage(tmp_path / "again", "demo", campaign=relative)


def test_lists_of_a_screen_and_known_partners_are_inputs_too(tmp_path):
    names = {name: str(tmp_path / name) for name in ("baits", "preys", "known", "partners")}
    for path in names.values():
        (tmp_path / path).write_text("id_a,id_b\nP00001,P00002\n")
    partners = [names.pop("partners")]
    values = config.parse({"complexes": {"screen": names}, "controls": {"known_partners": partners}})
    found = stage(tmp_path / "carry", "demo", campaign=values)
    assert {name.rpartition("/")[2] for name in found} == {"baits", "preys", "known", "partners"}


def test_templates_are_inputs_too_and_one_that_is_not_there_is_named(tmp_path):
    (tmp_path / "t").mkdir()
    for name in ("table.csv", "t/x.cif", "t/y.cif"):
        (tmp_path / name).touch()
    lines = ["complex_id,member,file,chain", "c,,x.cif,", "d,,../t/y.cif,A", "e,,x.cif,A"]
    (tmp_path / "t" / "templates.csv").write_text("\n".join(lines))
    named = {"table": str(tmp_path / "table.csv"), "templates": str(tmp_path / "t" / "templates.csv")}
    values = config.parse({"complexes": named})
    found = stage(tmp_path / "carry", "demo", campaign=values)
    assert {name.rpartition("/")[2] for name in found} == {"table.csv", "templates.csv", "x.cif", "y.cif"}
    (tmp_path / "t" / "y.cif").unlink()
    # In the campaign it costs its complex only, so the others are carried.
    said: list[str] = []
    found = staging.stage(tmp_path / "again", "demo", None, values, _silent, said.append)
    assert {name.rpartition("/")[2] for name in found} == {"table.csv", "templates.csv", "x.cif"}
    (warning,) = [line for line in said if line.startswith("warning: ")]
    assert "templates.csv, row 2: " in warning and "t/y.cif: no such file; the campaign will" in warning


def campaign_with(folder, table):
    return config.parse({"complexes": {"table": table}})


def test_a_path_that_is_not_there_or_leaves_the_folder_is_named(tmp_path):
    with pytest.raises(InputError, match=r"gone\.csv: no such file"):
        stage(tmp_path / "carry", "demo", campaign=campaign_with(tmp_path, str(tmp_path / "gone.csv")))
    (tmp_path / "table.csv").touch()
    with pytest.raises(UsageError, match=r"\.\."):
        path = str(tmp_path / "x" / ".." / "table.csv")
        (tmp_path / "x").mkdir()
        stage(tmp_path / "carry", "demo", campaign=campaign_with(tmp_path, path))


def test_sequences_of_uniprot_are_fetched_into_the_folder(tmp_path):
    with serve() as uniprot:
        uniprot.entries["P00002"] = entry("P00002", "GSHMLEDP")
        fetching = {"uniprot": {"fetch": True, "url": uniprot.url, "cache": str(tmp_path / "cache")}}
        (tmp_path / "table.csv").write_text("complex_id,members\nc,P00002\n")
        got = config.parse({"complexes": {"table": str(tmp_path / "table.csv")}, "sequences": fetching})
        folder = tmp_path / "carry"
        assert "uniprot/P00002.json" in stage(folder, "demo", campaign=got)
        asked = len(uniprot.requests)
    # Without the server, as on the other side.
    there = got.sequences.uniprot.model_copy(update={"cache": folder})
    assert asked and Uniprot(there).fetch(["P00002"]).entries["P00002"].sequence == "GSHMLEDP"


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda path: path.unlink(), "table.csv is missing"),
        (lambda path: path.write_text("x"), "table.csv has 1 bytes instead of"),
        (lambda path: path.write_bytes(b"X" + path.read_bytes()[1:]), "table.csv has other content"),
    ],
)
def test_damage_on_the_way_is_seen(tmp_path, harm, said, monkeypatch):
    folder = tmp_path / "carry"
    stage(folder, "demo", campaign=campaign(tmp_path))
    monkeypatch.setattr(doctor, "_torch", lambda: None)
    assert named(doctor.examine("demo", folder))["staged files"].state is State.OK
    harm(next(folder.rglob("table.csv")))
    (wrong,) = staging.damage(folder)
    assert said in wrong
    check = named(doctor.examine("demo", folder))["staged files"]
    assert check.state is State.MISSING and said in check.found


def named(checks):
    return {check.name: check for check in checks}


def test_a_manifest_of_something_else_is_refused(tmp_path):
    (tmp_path / "manifest.json").write_text(json.dumps(["x"]))
    with pytest.raises(InputError, match="not a manifest"):
        staging.damage(tmp_path)


def test_the_command(tmp_path):
    campaign(tmp_path)
    command = ["doctor", "--model", "demo", "--stage", str(tmp_path / "carry"), "--config"]
    ran = CliRunner().invoke(app, [*command, str(tmp_path / "my.yaml")])
    assert ran.exit_code == 0, ran.output
    assert "4 files in" in ran.stdout and "foldcp weights --cache carry" in ran.stdout
    ran = CliRunner().invoke(app, ["doctor", "--config", str(tmp_path / "my.yaml")])
    assert ran.exit_code != 0 and "--stage FOLDER" in str(ran.exception)

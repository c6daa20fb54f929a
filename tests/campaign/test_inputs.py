import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml
from campaign.make_tables import complexes, sha256

from foldcp.campaign.inputs import Entities, entities, template_items, write_input
from foldcp.campaign.msa import collect
from foldcp.campaign.sequences import resolve
from foldcp.campaign.tokens import count
from foldcp.config import MsaConfig, SequencesConfig
from foldcp.errors import MissingError

ALL_LETTERS = "ACDEFGHIKLMNPQRSTVWYXBJZOU"


@pytest.fixture
def config(tmp_path: Path) -> SequencesConfig:
    (tmp_path / "s.fasta").write_text(
        f">P00001\nMKVLAAG\n>P00002\n{ALL_LETTERS}\n>P00003\nMKVLAAG\n>P00004\nNO\n"
        ">URS000012D749\nACGTRN\n>site\nACGTN\n"
    )
    (tmp_path / "l.csv").write_text(
        "member,ccd,smiles,description\nCHEBI:1,ZN,,\nCHEBI:2,,CC(=O)[O-],\nCHEBI:3,HEM,,\nCHEBI:4,SF4,,\nCHEBI:5,004,,\n"
    )
    return SequencesConfig(fasta=[tmp_path / "s.fasta"], ligands=tmp_path / "l.csv")


def prepared(
    config: SequencesConfig, root: Path, members: dict[str, int], msa: MsaConfig | None = None
) -> tuple[dict[str, Any], Entities, pa.Table]:
    table = complexes(c1=members)
    got = resolve(table, config)
    alignments = collect(got.sequences, msa or MsaConfig(), root / "03_msa")
    (row,) = count(table, got.sequences, got.unresolved, alignments, config).tokens.to_pylist()
    return row, entities(got.sequences, alignments, root), alignments


def test_input(config: SequencesConfig, tmp_path: Path) -> None:
    row, molecules, _ = prepared(
        config,
        tmp_path,
        {"P00001": 2, "P00003": 1, "URS000012D749": 1, "own:site": 2, "CHEBI:2": 1, "CHEBI:1": 2},
    )
    path = tmp_path / "06_predictions" / "c1" / "c1.yaml"
    write_input(path, row["chains"], molecules)
    assert yaml.safe_load(path.read_text()) == {
        "version": 1,
        "sequences": [
            {"protein": {"id": ["A", "B", "C"], "sequence": "MKVLAAG", "msa": "empty"}},
            {"dna": {"id": ["D", "E"], "sequence": "ACGTN"}},
            {"rna": {"id": ["F"], "sequence": "ACGUNN"}},
            {"ligand": {"id": ["G"], "smiles": "CC(=O)[O-]"}},
            {"ligand": {"id": ["H", "I"], "ccd": "ZN"}},
        ],
    }


def test_yaml_leaves_text_as_text(config: SequencesConfig, tmp_path: Path) -> None:
    # Chains 379 and 405 are NO and ON, which YAML would read as false and true; 004 it would read as 4.
    row, molecules, _ = prepared(config, tmp_path, {"P00004": 410, "CHEBI:5": 1})
    write_input(tmp_path / "c1.yaml", row["chains"], molecules)
    protein, ligand = yaml.safe_load((tmp_path / "c1.yaml").read_text())["sequences"]
    assert {"NO", "ON"} <= set(protein["protein"]["id"])
    assert (protein["protein"]["sequence"], ligand["ligand"]["ccd"]) == ("NO", "004")


def test_alignments_follow_the_campaign_folder(config: SequencesConfig, tmp_path: Path) -> None:
    (tmp_path / "P00001.a3m").write_text(">q\nMKVLAAG\n>a\nMKVLAAA\n")
    msa = MsaConfig(provider="directory,none", directory=tmp_path)
    root = tmp_path / "results"
    row, molecules, _ = prepared(config, root, {"P00001": 1, "P00002": 1}, msa)
    write_input(root / "06_predictions" / "c1" / "c1.yaml", row["chains"], molecules)
    moved = Path(shutil.move(root, tmp_path / "moved")) / "06_predictions" / "c1" / "c1.yaml"
    single, aligned = (item["protein"] for item in yaml.safe_load(moved.read_text())["sequences"])
    assert single["msa"] == "empty"
    assert aligned["msa"] == f"../../03_msa/{sha256('MKVLAAG')}.a3m"
    assert (moved.parent / aligned["msa"]).is_file()


@pytest.mark.model
def test_boltz_reads_the_input_and_counts_the_same(
    config: SequencesConfig, tmp_path: Path, demo_cache: Path
) -> None:
    from boltz.data.parse.a3m import parse_a3m
    from boltz.data.parse.schema import parse_boltz_schema
    from boltz.data.tokenize.boltz2 import tokenize_structure

    from foldcp.demo import molecules as demo

    (tmp_path / "P00001.a3m").write_text(">q\nMKVL\nAAG\n>a\nMKVLaa\nAA.A\n")
    members = {"CHEBI:4": 1, "P00002": 1, "P00001": 2, "URS000012D749": 1, "own:site": 1}
    members |= {"CHEBI:1": 2, "CHEBI:2": 1, "CHEBI:3": 1, "P00003": 1}
    msa = MsaConfig(provider="directory,none", directory=tmp_path)
    row, molecules, alignments = prepared(config, tmp_path, members, msa)
    write_input(tmp_path / "c1.yaml", row["chains"], molecules)
    schema = yaml.safe_load((tmp_path / "c1.yaml").read_text())

    mols = demo.build(demo_cache, ["ZN", "HEM", "SF4"])
    structure = parse_boltz_schema("c1", schema, {}, mols, boltz_2=True).structure
    tokens, _ = tokenize_structure(structure)
    assert len(tokens) == row["n_tokens"]
    assert len(structure.atoms) == row["n_atoms"]
    assert structure.chains["name"].tolist() == [chain["chain_id"] for chain in row["chains"]]
    per_chain = [int((tokens["asym_id"] == asym).sum()) for asym in structure.chains["asym_id"]]
    assert per_chain == [chain["n_tokens"] for chain in row["chains"]]

    aligned = next(a for a in alignments.to_pylist() if a["path"])
    parsed = parse_a3m(tmp_path / aligned["path"], taxonomy=None)
    assert len(parsed.sequences) == aligned["depth"] == 2
    assert {int(s["res_end"] - s["res_start"]) for s in parsed.sequences} == {7}


def test_a_file_used_twice_gets_a_copy_for_boltz_and_one_that_is_gone_is_named(tmp_path: Path) -> None:
    (tmp_path / "01_templates").mkdir()
    name = sha256("content")
    (tmp_path / "01_templates" / f"{name}.cif").write_text("content")
    one = {"sha256": name, "chains": ["A"], "template_chains": ["Q"]}
    items = template_items([one, one | {"chains": ["B"]}], tmp_path)
    assert [(item["chain_id"], item["template_id"], item["cif"].stem) for item in items] == [
        (["A"], ["Q"], name),
        (["B"], ["Q"], f"{name}-2"),
    ]
    assert items[1]["cif"].read_text() == "content"
    assert template_items(None, tmp_path) == []
    with pytest.raises(MissingError, match=r"y\.cif: the template is gone; --forcerun complexes"):
        template_items([one | {"sha256": "y"}], tmp_path)
    # What is read is what the name says: a second copy is made again from the first, which nothing else is.
    items[1]["cif"].write_text("altered")
    assert template_items([one, one], tmp_path)[1]["cif"].read_text() == "content"
    items[0]["cif"].write_text("altered")
    with pytest.raises(MissingError, match=rf"{name}\.cif: the template was altered; --forcerun complexes"):
        template_items([one], tmp_path)

"""Reading of ColabFold's output and of AlphaFold 2's own folders."""

import json

import numpy as np
import pytest
from scores.boltz_twin import DIMER, mmcif
from scores.program_twins import (
    MODEL,
    colabfold_values,
    structure_of,
    write_alphafold2,
    write_colabfold,
)

from foldcp.errors import InputError
from foldcp.scores import Chain, read_prediction, score
from foldcp.scores.readers.structure import layout, read_structure

SCORES = f"x_scores_rank_001_{MODEL.format(1)}.json"
PDB = f"x_unrelaxed_rank_001_{MODEL.format(1)}.pdb"


def test_scores_of_colabfold(tmp_path):
    values = colabfold_values(5)
    (sample,) = read_prediction(write_colabfold(tmp_path, values=values))
    assert sample.program == "colabfold"
    assert sample.chains == (Chain("A", "protein", 3), Chain("B", "protein", 2))
    assert sample.plddt.tolist() == pytest.approx([value / 100 for value in values["plddt"]])
    assert (sample.scores["ptm"], sample.scores["iptm"]) == (0.8, 0.7)
    assert sample.ranking_score == pytest.approx(0.8 * 0.7 + 0.2 * 0.8)
    assert sample.chain_pair_iptm is None
    assert (
        sample.errors.pae_min[0, 1] == np.array(values["pae"])[3:, :3].min()
    )  # aligned on B, chain A scored


def test_a_relaxed_structure_is_preferred_and_its_hydrogens_do_not_count(tmp_path):
    write_colabfold(tmp_path, relaxed=True)
    path = tmp_path / PDB.replace("unrelaxed", "relaxed")
    line = next(line for line in path.read_text().splitlines() if line.startswith("ATOM"))
    hydrogen = line[:12] + " HA " + line[16:76] + " H" + line[78:]
    path.write_text(path.read_text().replace(line, f"{line}\n{hydrogen}", 1))
    (sample,) = read_prediction(tmp_path)
    assert sample.structure.name == path.name
    assert "H" not in sample.atoms.element


def test_samples_are_in_order_of_rank(tmp_path):
    for rank in (3, 11, 1):
        write_colabfold(tmp_path, rank=rank)
    assert [sample.number for sample in read_prediction(tmp_path)] == [0, 2, 10]


def test_one_chain_is_ranked_by_plddt(tmp_path):
    values = colabfold_values(3)
    del values["iptm"]
    write_colabfold(tmp_path, structure=structure_of(mmcif(DIMER[:1])), values=values)
    (sample,) = read_prediction(tmp_path)
    assert sample.scores["iptm"] == 0
    assert sample.ranking_score == pytest.approx(np.mean(values["plddt"]) / 100)


def test_extra_ptm_of_chains_and_pairs(tmp_path):
    extra = {"per_chain_ptm": {"A": 0.9, "B": 0.8}, "pairwise_iptm": {"A-B": 0.6}}
    (sample,) = read_prediction(write_colabfold(tmp_path, values=colabfold_values(5) | extra))
    assert sample.chain_ptm.tolist() == [0.9, 0.8]
    assert sample.chain_pair_iptm[0, 1] == sample.chain_pair_iptm[1, 0] == 0.6


def test_without_an_aligned_error_its_scores_are_null(tmp_path):
    values = colabfold_values(5)
    del values["pae"]
    row = score(read_prediction(write_colabfold(tmp_path, values=values))).interfaces[0]
    assert row["ipsae"] is row["pdockq2"] is None
    assert row["pdockq"] is not None


def test_an_insertion_code_makes_another_residue(tmp_path):
    path = tmp_path / "x.pdb"
    atom = "ATOM      1  CA  ALA A  10{}     1.000   2.000   3.000  1.00 50.00           C\n"
    path.write_text(atom.format(" ") + atom.format("A") + atom.format("B"))
    assert len(layout(read_structure(path), atoms_of_modified=False).residue) == 3


def test_two_chains_of_one_name_are_not_merged(tmp_path):
    write_colabfold(tmp_path)
    path = tmp_path / PDB
    path.write_text(
        "".join(
            line[:21] + "A" + line[22:] + "\n" if line[:4] in ("ATOM", "TER ") else line + "\n"
            for line in path.read_text().splitlines()
        )
    )
    with pytest.raises(InputError, match=rf"{PDB}: several chains are called \['A'\]"):
        read_prediction(tmp_path)


def _scores(**changes):
    def spoil(folder):
        values = json.loads((folder / SCORES).read_text()) | changes
        (folder / SCORES).write_text(json.dumps({k: v for k, v in values.items() if v != "gone"}))

    return spoil


def _cut(folder):
    text = (folder / SCORES).read_text()
    (folder / SCORES).write_text(text[: len(text) // 2])


ODD = {
    "cut in the middle": (_cut, f"{SCORES}: not readable as JSON"),
    "no structure": (
        lambda folder: (folder / PDB).unlink(),
        f"{PDB}: no such file; expected the structure as PDB",
    ),
    "structure without atoms": (lambda folder: (folder / PDB).write_text("END\n"), f"{PDB}: holds no atoms"),
    "no pLDDT": (_scores(plddt="gone"), "key 'plddt' is missing"),
    "pLDDT of other residues": (_scores(plddt=[50.0] * 4), f"{SCORES}: plddt is 4 numbers, expected 5"),
    "pLDDT over 100": (_scores(plddt=[150.0] * 5), "from 150 to 150, expected 0 to 100"),
    "PAE of other residues": (
        _scores(pae=[[1.0] * 4] * 4),
        f"{SCORES}: pae is 4 x 4 numbers, expected 5 x 5",
    ),
    "flat PAE of other residues": (_scores(pae=[1.0] * 24), f"{SCORES}: pae is 24 numbers, expected 5 x 5"),
    "NaN in PAE": (_scores(pae=[float("nan")] * 25), f"{SCORES}: .*is nan"),
    "text score": (_scores(iptm="high"), f"{SCORES}: iptm is 'high'"),
    "extra scores of other chains": (_scores(per_chain_ptm={"A": 0.5}), "key 'B' is missing"),
}


@pytest.mark.parametrize(("spoil", "message"), ODD.values(), ids=ODD)
def test_a_broken_file_is_named_with_the_reason(tmp_path, spoil, message):
    spoil(write_colabfold(tmp_path))
    with pytest.raises(InputError, match=message):
        read_prediction(tmp_path)


def test_scores_of_alphafold_2_and_no_pickle_is_opened(tmp_path):
    pae = np.random.default_rng(0).uniform(0.3, 30, (5, 5)).round(2).tolist()
    samples = read_prediction(write_alphafold2(tmp_path / "x", pae=pae))
    assert [(sample.number, sample.ranking_score) for sample in samples] == [(0, 0.9), (1, 0.8)]
    first = samples[0]
    assert first.program == "alphafold2"
    assert first.plddt.tolist() == [0.5] * 5
    assert first.scores.get("ptm") is first.scores["iptm"] is None
    assert first.errors.pae_min[1, 0] == np.array(pae)[:3, 3:].min()
    assert score(samples).samples[0]["ptm"] is None


def test_alphafold_2_ranks_one_chain_by_plddt(tmp_path):
    structure = structure_of(mmcif(DIMER[:1]))
    first, _ = read_prediction(write_alphafold2(tmp_path / "x", structure, by="plddts"))
    assert first.ranking_score == pytest.approx(0.9)
    assert first.scores["iptm"] == 0


def test_alphafold_2_without_an_aligned_error(tmp_path):
    folder = write_alphafold2(tmp_path / "x")
    for path in folder.glob("pae_*.json"):
        path.unlink()
    assert all(sample.errors is None for sample in read_prediction(folder))


PAE = "pae_model_5_multimer_v3_pred_0.json"
ODD_ALPHAFOLD2 = {
    "no structure": (lambda f: (f / "ranked_1.pdb").unlink(), "ranked_1.pdb: no such file"),
    "no ranks": (lambda f: (f / "ranking_debug.json").write_text("{}"), "expected keys 'order' and one of"),
    "a model without a score": (
        lambda f: (f / "ranking_debug.json").write_text('{"iptm+ptm": {"a": 1}, "order": ["b"]}'),
        r"ranking_debug.json: iptm\+ptm key 'b' is missing",
    ),
    "PAE of other residues": (
        lambda f: (f / PAE).write_text('[{"predicted_aligned_error": [[1.0]]}]'),
        f"{PAE}: pae is 1 x 1 numbers",
    ),
    "no PAE in its file": (lambda f: (f / PAE).write_text("[]"), f"{PAE}: expected one set of keys"),
    "PAE cut in the middle": (lambda f: (f / PAE).write_text('[{"predicted'), f"{PAE}: not readable as JSON"),
}


@pytest.mark.parametrize(("spoil", "message"), ODD_ALPHAFOLD2.values(), ids=ODD_ALPHAFOLD2)
def test_a_broken_file_of_alphafold_2_is_named_with_the_reason(tmp_path, spoil, message):
    folder = write_alphafold2(tmp_path / "x")
    spoil(folder)
    with pytest.raises(InputError, match=message):
        read_prediction(folder)

"""Scores through the readers, from the files to the rows, against numbers that others published of them.

`ipsae_v4_rerun` is the output of ipsae.py version 4 on these very files. The same prediction, written in
the layout of another program, must score the same.
"""

import csv
import json

import gemmi
import numpy as np
import pytest
from scores.program_twins import write_alphafold2, write_colabfold, write_local

from foldcp.scores import find, read_prediction, score
from foldcp.scores.readers.structure import layout, read_structure

FOLDERS = {"af3": "af3server_5b8c", "boltz": "boltz1_pdl1_binder/predictions/pdl1_binder"}
PRINTED = {  # column of ipsae.py, where chain 1 aligns and chain 2 is scored: our column, digits
    "ipSAE": ("ipsae", 6),
    "ipSAE_d0chn": ("ipsae_d0chn", 6),
    "ipSAE_d0dom": ("ipsae_d0dom", 6),
    "ipTM_d0chn": ("iptm_d0chn", 6),
    "pDockQ": ("pdockq", 4),
    "pDockQ2": ("pdockq2", 4),
    "LIS": ("lis", 4),
    "n0res": ("n0res", 0),
    "n0chn": ("n0chn", 0),
    "n0dom": ("n0dom", 0),
    "d0res": ("d0res", 2),
    "d0chn": ("d0chn", 2),
    "d0dom": ("d0dom", 2),
    "nres1": ("nres_b", 0),
    "nres2": ("nres_a", 0),
    "dist1": ("dist_b", 0),
    "dist2": ("dist_a", 0),
}


def published(folder):
    (path,) = (folder / "ipsae_v4_rerun").glob("*_10_10.txt")
    lines = [line.split() for line in path.read_text().splitlines() if line.strip()]
    return [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]


@pytest.mark.parametrize("name", FOLDERS)
def test_every_printed_digit(shared_data, name):
    folder = shared_data / "predictions" / FOLDERS[name]
    (prediction,) = find(folder).values()
    rows = [row for row in score(prediction.read()).interfaces if row["sample"] == 0]
    at = {(row["chain_a"], row["chain_b"]): row for row in rows}
    directed = [row for row in published(folder) if row["Type"] == "asym"]
    assert len(directed) == len(at)
    for row in directed:
        ours = at[row["Chn2"], row["Chn1"]]
        for column, (field, digits) in PRINTED.items():
            assert f"{ours[field]:.{digits}f}" == row[column], (row["Chn1"], row["Chn2"], column)
        # The one column that it prints the other way round: pair_chains_iptm[first chain][second chain].
        assert f"{at[row['Chn1'], row['Chn2']]['chain_pair_iptm']:.3f}" == row["ipTM_af"]


def test_scores_of_boltz_beside_the_files(shared_data):
    folder = shared_data / "predictions" / "boltz1_pdl1_binder"
    scored = score(read_prediction(folder / "predictions" / "pdl1_binder"))
    first = scored.samples[0]
    for name, mine in [("boltz_metrics.csv", None), ("ipsae_and_ipae.csv", scored)]:
        with (folder / name).open() as handle:
            said = next(row for row in csv.DictReader(handle) if row["binder_id"] == "pdl1_binder")
        if mine is None:
            for column in ("iptm", "complex_plddt", "complex_iplddt", "complex_pde", "complex_ipde"):
                assert first[column] == pytest.approx(float(said[f"boltz_{column}_model_0"]), abs=1e-6)
            continue
        both = [row for row in scored.interfaces if row["sample"] == 0]
        for column, theirs, digits in [
            ("pdockq", "pDockQ", 4),
            ("pdockq2", "pDockQ2", 4),
            ("ipsae", "ipSAE", 6),
        ]:
            values = sorted(row[column] for row in both)
            for value, end in zip(values, ("min", "max"), strict=True):
                assert f"{value:.{digits}f}" == f"{float(said[f'boltz1_{theirs}_{end}']):.{digits}f}"
        assert f"{first['ipsae_max']:.6f} {first['pdockq2_max']:.4f}" == "0.897489 0.8781"
    # Boltz weights residues within 8 Å of another chain ten times in this mean; among them it is a plain one.
    assert first["interface_plddt"] == pytest.approx(first["complex_iplddt"], abs=2e-6)


def test_scores_of_alphafold_3_beside_the_files(shared_data):
    folder = shared_data / "predictions" / "af3server_5b8c"
    summary = json.loads((folder / "fold_5b8c_summary_confidences_0.json").read_text())
    scored = score(read_prediction(folder))
    (sample,) = scored.samples
    assert [sample[key] for key in ("ptm", "iptm", "ranking_score")] == [0.87, 0.82, 0.86]
    assert [row["chain_ptm"] for row in scored.chains] == summary["chain_ptm"]
    names = "ABC"
    for row in scored.interfaces:
        a, b = names.index(row["chain_a"]), names.index(row["chain_b"])
        assert row["chain_pair_iptm"] == summary["chain_pair_iptm"][a][b]
        # Theirs is of the same matrix with more digits than the file's, over all frames of chain b.
        assert row["pae_min"] == pytest.approx(summary["chain_pair_pae_min"][b][a], abs=0.06)
    assert sample["n_clashes"] == summary["has_clash"] == 0


@pytest.fixture(scope="module")
def original(shared_data):
    folder = shared_data / "predictions" / "af3server_5b8c"
    full, summary = (
        json.loads((folder / f"fold_5b8c_{name}_0.json").read_text())
        for name in ("full_data", "summary_confidences")
    )
    return folder / "fold_5b8c_model_0.cif", full, summary, score(read_prediction(folder))


def as_pdb(path, atom_plddts):
    """The structure with the pLDDT of its tokens as B factors, and that pLDDT, 0 to 100."""
    read = read_structure(path)
    plddt = np.array(atom_plddts)[layout(read, atoms_of_modified=True).atom]
    structure = gemmi.read_structure(str(path))
    for residue, value in zip((r for chain in structure[0] for r in chain), plddt, strict=True):
        for atom in residue:
            atom.b_iso = value
    return structure, plddt.tolist()


OF_PROGRAM = {"program", "ranking_score", "structure", "chain_ptm", "chain_pair_iptm", "ptm", "iptm"}


def assert_same_metrics(got, expected):
    for name in ("samples", "chains", "interfaces"):
        for mine, theirs in zip(getattr(got, name), getattr(expected, name), strict=True):
            assert {k: v for k, v in mine.items() if k not in OF_PROGRAM} == {
                k: v for k, v in theirs.items() if k not in OF_PROGRAM
            }


def test_the_same_prediction_in_the_local_layout_of_alphafold_3(tmp_path, original):
    path, full, summary, expected = original
    folder = write_local(tmp_path / "job", path.read_text(), (full, summary), samples=1)
    got = score(read_prediction(folder))
    assert_same_metrics(got, expected)
    assert got.samples[0] | {"structure": ""} == expected.samples[0] | {"structure": ""}
    assert got.samples[0]["structure"] == "seed-7_sample-0/job_seed-7_sample-0_model.cif"


def test_the_same_prediction_in_the_layout_of_colabfold(tmp_path, original):
    path, full, summary, expected = original
    structure, plddt = as_pdb(path, full["atom_plddts"])
    values = {"plddt": plddt, "pae": full["pae"]} | {key: summary[key] for key in ("ptm", "iptm")}
    got = score(read_prediction(write_colabfold(tmp_path, structure=structure, values=values)))
    assert_same_metrics(got, expected)
    assert got.samples[0]["ranking_score"] == pytest.approx(0.8 * 0.82 + 0.2 * 0.87)
    flat = values | {"pae": np.array(full["pae"]).ravel().tolist()}
    again = score(read_prediction(write_colabfold(tmp_path, structure=structure, values=flat)))
    assert again == got


def test_the_same_prediction_in_the_layout_of_alphafold_2(tmp_path, original):
    path, full, _, expected = original
    structure, _ = as_pdb(path, full["atom_plddts"])
    got = score(read_prediction(write_alphafold2(tmp_path / "x", structure, full["pae"], models=1)))
    assert_same_metrics(got, expected)


def test_the_comparison_sees_another_error_matrix(tmp_path, original):
    path, full, summary, expected = original
    turned = full | {"pae": np.array(full["pae"]).T.tolist()}
    folder = write_local(tmp_path / "job", path.read_text(), (turned, summary), samples=1)
    with pytest.raises(AssertionError):
        assert_same_metrics(score(read_prediction(folder)), expected)

"""Interface scores against the published output of ipsae.py version 4, to every digit that it prints."""

import json

import gemmi
import numpy as np
import pytest
import torch

from foldcp.mesh import Mesh, Place
from foldcp.ops.interface_scores import interface_tables, rows_of
from foldcp.ops.interface_sums import Residues
from foldcp.scores.aligned_error import ErrorArray, ErrorFile, interface_errors
from foldcp.scores.tokens import ScoredTokens

BOLTZ = "boltz1_pdl1_binder/predictions/pdl1_binder"
AF3 = "af3server_5b8c"
PRINTED = {  # column of ipsae.py: field, digits
    "ipSAE": ("ipsae", 6),
    "ipSAE_d0chn": ("ipsae_d0chn", 6),
    "ipSAE_d0dom": ("ipsae_d0dom", 6),
    "ipTM_d0chn": ("iptm_d0chn", 6),
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
FIELDS = {field for field, _ in PRINTED.values()}


def tokens_of(path, plddt):
    """Return the tokens of a structure of proteins, and the chains' names; pLDDT is by atom or by token."""
    model = gemmi.read_structure(str(path))[0]
    residues = [(number, residue) for number, chain in enumerate(model) for residue in chain]
    atoms = [residue["CA" if residue.name == "GLY" else "CB"][0] for _, residue in residues]
    tokens = ScoredTokens(
        chain=np.array([number for number, _ in residues]),
        kinds=("protein",) * len(model),
        counted=np.ones(len(residues), bool),
        contact=np.array([atom.pos.tolist() for atom in atoms]),
        plddt=plddt if len(plddt) == len(atoms) else plddt[[atom.serial - 1 for atom in atoms]],
    )
    return tokens, [chain.name for chain in model]


def af3(data):
    path = data / "predictions" / AF3
    full = json.loads((path / "fold_5b8c_full_data_0.json").read_text())
    # The structure has the pLDDT too, but rounded otherwise, which shows in the fourth digit of pDockQ2.
    tokens, names = tokens_of(path / "fold_5b8c_model_0.cif", np.array(full["atom_plddts"]) / 100)
    return ErrorArray(np.array(full["pae"]), "AF3"), tokens, names


def boltz(data):
    path = data / "predictions" / BOLTZ
    plddt = np.load(path / "plddt_pdl1_binder_model_0.npz")["plddt"]
    tokens, names = tokens_of(path / "pdl1_binder_model_0.cif", plddt)
    return ErrorFile(path / "pae_pdl1_binder_model_0.npz"), tokens, names


CASES = {"af3": (af3, AF3, 6), "boltz": (boltz, BOLTZ, 2)}


def table(data, folder, suffix="_10_10.txt"):
    (path,) = (data / "predictions" / folder / "ipsae_v4_rerun").glob(f"*{suffix}")
    lines = [line.split() for line in path.read_text().splitlines() if line.strip()]
    return [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]


def pdockq2(tokens, names, scores, row):
    """Return pDockQ2 of a row: (Zhu et al. 2023) with the mean pLDDT over residues in contact."""
    i, j = (tokens.chain == names.index(row[name]) for name in ("Chn1", "Chn2"))
    gap = np.linalg.norm(tokens.contact[i][:, None] - tokens.contact[j], axis=-1) <= 8
    plddt = np.concatenate([tokens.plddt[i][gap.any(1)], tokens.plddt[j][gap.any(0)]]).mean() * 100
    x = plddt * scores.contact_tm[names.index(row["Chn2"]), names.index(row["Chn1"])]
    return 1.31 / (1 + np.exp(-0.075 * (x - 84.733))) + 0.005


@pytest.mark.parametrize("name", CASES)
def test_every_printed_digit(shared_data, name):
    read, folder, n_rows = CASES[name]
    rows, tokens, names = read(shared_data)
    scores = interface_errors(rows, tokens)
    directed = [row for row in table(shared_data, folder) if row["Type"] == "asym"]
    assert len(directed) == n_rows
    for row in directed:
        a, b = names.index(row["Chn2"]), names.index(row["Chn1"])
        for column, (field, digits) in PRINTED.items():
            value = getattr(scores, field)[a, b]
            assert f"{value:.{digits}f}" == row[column], (row["Chn1"], row["Chn2"], column)
        assert f"{pdockq2(tokens, names, scores, row):.4f}" == row["pDockQ2"]


OF_THE_BETTER = ("n0res", "n0chn", "d0res", "d0chn")
"""Columns of a `max` row that belong to the direction with the higher ipSAE."""


@pytest.mark.parametrize("name", CASES)
def test_rows_of_both_directions(shared_data, name):
    read, folder, n_rows = CASES[name]
    rows, tokens, names = read(shared_data)
    scores = interface_errors(rows, tokens)
    undirected = [row for row in table(shared_data, folder) if row["Type"] == "max"]
    assert len(undirected) == n_rows // 2
    for row in undirected:
        b, a = names.index(row["Chn1"]), names.index(row["Chn2"])
        both = {field: (getattr(scores, field)[a, b], getattr(scores, field)[b, a]) for field in FIELDS}
        for column in ("ipSAE", "ipSAE_d0chn", "ipSAE_d0dom", "ipTM_d0chn"):
            assert f"{max(both[PRINTED[column][0]]):.6f}" == row[column]
        assert f"{np.mean(both['lis']):.4f}" == row["LIS"]
        best = int(np.argmax(both["ipsae"]))
        for column in OF_THE_BETTER:
            field, digits = PRINTED[column]
            assert f"{both[field][best]:.{digits}f}" == row[column]
        best = int(np.argmax(both["ipsae_d0dom"]))
        assert f"{both['n0dom'][best]:.0f} {both['d0dom'][best]:.2f}" == f"{row['n0dom']} {row['d0dom']}"
        for kind in ("nres", "dist"):
            of_b = max(both[f"{kind}_b"][0], both[f"{kind}_a"][1])
            of_a = max(both[f"{kind}_a"][0], both[f"{kind}_b"][1])
            assert f"{of_b:.0f} {of_a:.0f}" == f"{row[kind + '1']} {row[kind + '2']}"


BY_RESIDUE = {
    "n0res": ("n0", 0),
    "d0res": ("d0", 3),
    "ipTM_pae": ("iptm_d0chn", 4),
    "ipSAE_d0chn": ("ipsae_d0chn", 4),
    "ipSAE_d0dom": ("ipsae_d0dom", 4),
    "ipSAE": ("ipsae", 4),
}
OF_PAIR = {"n0chn": 0, "n0dom": 0, "d0chn": 3, "d0dom": 3}


@pytest.mark.parametrize("name", CASES)
def test_every_printed_digit_of_each_residue(shared_data, name):
    read, folder, _ = CASES[name]
    rows, tokens, names = read(shared_data)
    n, whole = len(tokens.chain), [slice(0, len(tokens.chain))]
    (pae,) = rows.blocks(n, whole)
    chain, counted, contact = (torch.tensor(x) for x in (tokens.chain, tokens.counted, tokens.contact))
    residues = Residues.of(chain, counted, contact, torch.zeros(len(names), dtype=torch.bool))
    place = Place.create(Mesh.create(1, 1), n, "small")
    of_residue, of_pair = interface_tables(rows_of(torch.tensor(pae)), residues, place)
    printed = table(shared_data, folder, "_byres.txt")
    assert len(printed) == (len(names) - 1) * n
    starts = np.searchsorted(tokens.chain, np.arange(len(names)))
    for row in printed:
        b, c = names.index(row["AlignChn"]), names.index(row["ScoredChain"])
        i = starts[b] + int(row["AlignResNum"]) - 1
        for column, (field, digits) in BY_RESIDUE.items():
            assert f"{getattr(of_residue, field)[i, c]:.{digits}f}" == row[column], (row, column)
        for column, digits in OF_PAIR.items():
            assert f"{of_pair[column][b, c]:.{digits}f}" == row[column], (row, column)


def test_a_published_minimum(shared_data):
    """AlphaFold 3 says itself which error between two chains is lowest."""
    rows, tokens, _ = af3(shared_data)
    path = shared_data / "predictions" / AF3 / "fold_5b8c_summary_confidences_0.json"
    given = np.array(json.loads(path.read_text())["chain_pair_pae_min"])
    found = interface_errors(rows, tokens).pae_min
    apart = ~np.eye(3, dtype=bool)
    assert np.abs(found.T - given)[apart].max() < 0.1  # the matrix has one digit
    assert np.abs(found - given)[apart].max() > 0.1  # and the direction is not the other

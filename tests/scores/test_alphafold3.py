"""Reading of AlphaFold 3's output, of its server and of the local program."""

import json
import shutil

import numpy as np
import pytest
from scores.boltz_twin import DIMER, MIXED, mmcif
from scores.program_twins import alphafold3_values, write_local, write_server

from foldcp.errors import InputError
from foldcp.scores import Chain, find, read_prediction, score


def read(folder, chains=DIMER, **changes):
    full, summary = alphafold3_values(chains)
    write_server(folder, cif=mmcif(chains), values=(full | changes, summary))
    (sample,) = read_prediction(folder)
    return sample, full, summary


def test_scores_of_the_program(tmp_path):
    sample, full, summary = read(tmp_path / "x")
    assert sample.program == "alphafold3"
    assert (sample.scores["ptm"], sample.scores["iptm"], sample.ranking_score) == (0.83, 0.71, 0.74)
    assert sample.scores["complex_plddt"] == pytest.approx(sample.plddt.mean())
    assert sample.chain_ptm.tolist() == summary["chain_ptm"]
    assert sample.chain_pair_iptm.tolist() == summary["chain_pair_iptm"]
    # The first residue is ALA: N, CA, C, O, CB. The second is GLY: its CA is atom 6.
    assert sample.plddt[:2].tolist() == pytest.approx(
        [full["atom_plddts"][4] / 100, full["atom_plddts"][6] / 100]
    )


def test_atoms_of_ligands_and_of_modified_residues_are_tokens(tmp_path):
    sample, full, _ = read(tmp_path / "x", MIXED)
    assert sample.chains == (
        Chain("A", "protein", 8),
        Chain("B", "rna", 2),
        Chain("C", "dna", 3),
        Chain("D", "ligand", 4),
        Chain("E", "protein", 1),
        Chain("F", "ligand", 5),
        Chain("G", "rna", 1),
    )
    # ALA, then SEP as N, CA, C, O, CB, P, then GLY: of SEP only the CA is counted, with the pLDDT of its CB.
    assert sample.tokens.counted[:8].tolist() == [True, False, True, False, False, False, False, True]
    assert sample.plddt[2] == pytest.approx(full["atom_plddts"][9] / 100)
    assert sample.plddt[1] == pytest.approx(full["atom_plddts"][5] / 100)
    assert not sample.tokens.counted[sample.tokens.chain == 3].any()
    scored = score([sample])
    ligand = [row for row in scored.interfaces if "ligand" in row["kind"]]
    assert {row["kind"] for row in ligand} >= {"protein-ligand", "rna-ligand", "ligand-ligand"}
    for row in ligand:
        assert row["pdockq"] is row["n_contacts"] is row["ipsae"] is row["interface_plddt"] is None
        assert row["chain_pair_iptm"] is not None
        assert row["n_clashes"] > 0  # all atoms of the twin lie in one place


def test_an_ion_alone(tmp_path):
    chains = [("A", "protein", ["ALA", "GLY"]), ("B", "ligand", ["ATP"])]
    text = "".join(
        line + "\n"
        for line in mmcif(chains).splitlines()
        if not line.startswith("HETATM") or '"PG"' in line  # one atom is left, as of an ion
    )
    full, summary = alphafold3_values(chains)
    keep = [0, 1, 2]
    full |= {key: [full[key][k] for k in keep] for key in ("token_chain_ids", "token_res_ids")}
    full["pae"] = np.array(full["pae"])[np.ix_(keep, keep)].tolist()
    full["atom_plddts"] = full["atom_plddts"][:10]
    write_server(tmp_path, cif=text, values=(full, summary))
    (sample,) = read_prediction(tmp_path)
    assert sample.chains[1] == Chain("B", "ligand", 1)
    row = score([sample]).samples[0]
    assert (row["n_interfaces"], row["ipsae_weakest"], row["ipsae_max"]) == (0, None, None)


def test_a_polymer_that_begins_with_a_modified_residue_is_no_ligand(tmp_path):
    chains = [("A", "protein", ["SEP", "ALA"]), ("B", "protein", ["GLY"])]
    text = mmcif(chains)
    text = "".join(
        (line.replace("ATOM", "HETATM", 1) if " SEP " in line else line) + "\n" for line in text.splitlines()
    )
    write_server(tmp_path, cif=text, values=alphafold3_values(chains))
    (sample,) = read_prediction(tmp_path)
    assert sample.chains == (Chain("A", "protein", 7), Chain("B", "protein", 1))


def test_one_chain(tmp_path):
    sample, _, _ = read(tmp_path / "x", DIMER[:1])
    assert sample.scores["iptm"] == 0
    assert sample.errors is None
    row = score([sample]).samples[0]
    assert (row["n_interfaces"], row["pdockq_max"], row["buried_area"]) == (0, None, 0)


def test_a_score_that_is_null(tmp_path):
    full, summary = alphafold3_values()
    summary["chain_pair_iptm"][0][1] = None
    write_server(tmp_path, values=(full, summary))
    first, second = score(read_prediction(tmp_path)).interfaces
    assert first["chain_pair_iptm"] is None
    assert second["chain_pair_iptm"] is not None


def test_without_full_data_plddt_is_in_the_structure_and_there_is_no_aligned_error(tmp_path):
    write_server(tmp_path)
    (tmp_path / "fold_x_full_data_0.json").unlink()
    (sample,) = read_prediction(tmp_path)
    assert sample.plddt.tolist() == [0.5] * 5
    assert sample.errors is None


def test_full_data_without_an_aligned_error(tmp_path):
    full, summary = alphafold3_values()
    del full["pae"]
    write_server(tmp_path, values=(full, summary))
    (row, _) = score(read_prediction(tmp_path)).interfaces
    assert row["ipsae"] is row["pdockq2"] is None
    assert row["pdockq"] is not None


def test_more_chains_than_letters_with_names_of_several_letters(tmp_path):
    chains = [(f"{chr(65 + k // 26)}{chr(65 + k % 26)}", "protein", ["ALA"]) for k in range(70)]
    sample, _, _ = read(tmp_path / "x", chains)
    assert [chain.chain_id for chain in sample.chains] == [name for name, _, _ in chains]
    assert len(score([sample]).interfaces) == 70 * 69


@pytest.mark.parametrize("named", [True, False])
def test_samples_of_the_local_program(tmp_path, named):
    folder = write_local(tmp_path / "job", samples=3, named=named)
    samples = read_prediction(folder)
    assert [sample.number for sample in samples] == [0, 1, 2]
    assert [sample.structure.parent.name for sample in samples] == [f"seed-7_sample-{k}" for k in range(3)]


def test_only_the_best_sample_of_the_local_program(tmp_path):
    folder = write_local(tmp_path / "job", samples=1)
    shutil.rmtree(folder / "seed-7_sample-0")
    (sample,) = read_prediction(folder)
    assert sample.structure.name == "job_model.cif"
    assert find(tmp_path)["job"].program == "alphafold3"


def test_samples_of_the_server_in_order(tmp_path):
    for number in (10, 2, 0):
        write_server(tmp_path / "x", sample=number)
    assert [sample.number for sample in read_prediction(tmp_path / "x")] == [0, 2, 10]


def _full(**changes):
    def spoil(folder):
        path = folder / "fold_x_full_data_0.json"
        values = json.loads(path.read_text()) | changes
        path.write_text(json.dumps({key: value for key, value in values.items() if value != "gone"}))

    return spoil


def _summary(**changes):
    def spoil(folder):
        path = folder / "fold_x_summary_confidences_0.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return spoil


def _cut(name):
    def spoil(folder):
        path = folder / name
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    return spoil


FULL, SUMMARY, MODEL = "fold_x_full_data_0.json", "fold_x_summary_confidences_0.json", "fold_x_model_0.cif"
ODD = {
    "full data cut in the middle": (_cut(FULL), f"{FULL}: not readable as JSON"),
    "summary cut in the middle": (_cut(SUMMARY), f"{SUMMARY}: not readable as JSON"),
    "structure cut in the middle": (_cut(MODEL), "fold_x_"),
    "no structure": (lambda f: (f / MODEL).unlink(), f"{MODEL}: no such file"),
    "structure without atoms": (lambda f: (f / MODEL).write_text("data_x\n"), f"{MODEL}: holds no atoms"),
    "positions that are no numbers": (
        lambda f: (f / MODEL).write_text((f / MODEL).read_text().replace(" 2.0 3.0 ", " ? 3.0 ", 1)),
        f"{MODEL}: positions of atoms are not all numbers",
    ),
    "not keys and values": (
        lambda f: (f / SUMMARY).write_text("[1]"),
        f"{SUMMARY}: expected keys and values",
    ),
    "PAE of other tokens": (_full(pae=[[1.0] * 4] * 4), f"{FULL}: pae is 4 x 4 numbers, expected 5 x 5"),
    "ragged PAE": (_full(pae=[[1.0] * 5] * 4 + [[1.0]]), f"{FULL}: pae is not 5 x 5 numbers"),
    "PAE of text": (_full(pae="high"), f"{FULL}: pae is not 5 x 5 numbers"),
    "a hole in PAE": (_full(pae=[[1.0] * 5] * 4 + [[1.0] * 4 + [None]]), f"{FULL}: .*tokens 4 and 4 is nan"),
    "NaN in PAE": (_full(pae=[[float("nan")] * 5] * 5), f"{FULL}: .*tokens 0 and 0 is nan"),
    "NaN pLDDT": (_full(atom_plddts=[float("nan")] * 22), f"{FULL}: plddt holds NaN"),
    "pLDDT over 100": (
        _full(atom_plddts=[101.0] * 22),
        f"{FULL}: plddt runs from 101 to 101, expected 0 to 100",
    ),
    "pLDDT of other atoms": (_full(atom_plddts=[50.0] * 4), f"{FULL}: atom_plddts is 4 numbers, expected 22"),
    "tokens of other chains": (_full(token_chain_ids=["A"] * 5), f"{FULL}: its 5 tokens are not the 5 of"),
    "fewer tokens": (_full(token_chain_ids=["A"] * 3), f"{FULL}: its 3 tokens are not the 5 of {MODEL}"),
    "other residues": (
        _full(token_res_ids=[1, 2, 4, 1, 2]),
        f"{FULL}: residue numbers of its tokens are not",
    ),
    "no token ids": (_full(token_res_ids="gone"), rf"{FULL}: keys \['token_res_ids'\] are missing"),
    "tokens of no chains": (_full(token_chain_ids=None), f"{FULL}: token_chain_ids is None, expected"),
    "other chains": (_summary(chain_ptm=[0.5]), f"{SUMMARY}: chain_ptm is 1 numbers, expected 2"),
    "pairs of other chains": (
        _summary(chain_pair_iptm=[[0.5]]),
        f"{SUMMARY}: chain_pair_iptm is 1 x 1 numbers",
    ),
    "NaN score": (_summary(ptm=float("nan")), f"{SUMMARY}: ptm is nan"),
    "text score": (_summary(ranking_score="high"), f"{SUMMARY}: ranking_score is 'high', expected a number"),
}


@pytest.mark.parametrize(("spoil", "message"), ODD.values(), ids=ODD)
def test_a_broken_file_is_named_with_the_reason(tmp_path, spoil, message):
    folder = write_server(tmp_path / "x")
    spoil(folder)
    with pytest.raises(InputError, match=message):
        read_prediction(folder)


def test_two_summaries_in_one_folder_of_the_local_program(tmp_path):
    folder = write_local(tmp_path / "job", samples=1)
    (folder / "seed-7_sample-0" / "summary_confidences.json").write_text("{}")
    with pytest.raises(InputError, match=r"seed-7_sample-0: holds 2 files \*summary_confidences.json"):
        read_prediction(folder)

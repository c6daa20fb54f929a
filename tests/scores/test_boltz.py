"""Reading of one prediction directory in Boltz's layout."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scores.boltz_twin import DIMER, MIXED, confidence, write_prediction

from foldcp.errors import InputError
from foldcp.scores import Chain, read_prediction, score


def test_chains_scores_and_direction(tmp_path):
    (sample,) = read_prediction(write_prediction(tmp_path / "x"))
    assert sample.chains == (Chain("A", "protein", 3), Chain("B", "protein", 2))
    assert sample.scores["complex_pde"] == 0.5
    assert list(sample.chain_ptm) == [0.9, 0.8]
    assert sample.chain_pair_iptm[0, 1] == 0.01  # scores chain 0 from the frames of chain 1
    assert sample.chain_pair_iptm[1, 0] == 0.10
    assert [len(part) for part in sample.plddt_by_chain()] == [3, 2]


@pytest.mark.parametrize(("boltz", "of_modified"), [(1, 6), (2, 1)])
def test_tokens_as_boltz_1_and_2_count_them(tmp_path, boltz, of_modified):
    (sample,) = read_prediction(write_prediction(tmp_path / "x", MIXED, boltz=boltz))
    assert sample.chains == (
        Chain("A", "protein", 1 + of_modified + 1),
        Chain("B", "rna", 2),
        Chain("C", "dna", 3),
        Chain("D", "ligand", 4),
        Chain("E", "protein", 1),
        Chain("F", "ligand", 5),
        Chain("G", "rna", 1),
    )


def test_samples_in_order_of_number(tmp_path):
    samples = read_prediction(
        write_prediction(tmp_path / "x", scores=tuple(0.5 + i / 100 for i in range(11)))
    )
    assert [s.number for s in samples] == list(range(11))
    assert samples[10].scores["confidence_score"] == pytest.approx(0.6)


def test_a_renamed_directory_still_reads(tmp_path):
    write_prediction(tmp_path / "x").rename(tmp_path / "y")
    assert len(read_prediction(tmp_path / "y")) == 1


def test_keys_that_boltz_1_lacks_are_null(tmp_path):
    directory = write_prediction(tmp_path / "x")
    path = directory / "confidence_x_model_0.json"
    optional = {"complex_ipde", "protein_iptm", "chains_ptm", "pair_chains_iptm"}
    path.write_text(json.dumps({k: v for k, v in confidence(DIMER).items() if k not in optional}))
    (sample,) = read_prediction(directory)
    assert sample.scores["complex_ipde"] is None
    assert sample.scores["protein_iptm"] is None
    assert sample.chain_ptm is None
    assert sample.chain_pair_iptm is None


PROTEIN, RNA, LIGAND = ("protein", ["GLY"]), ("rna", ["A"]), ("ligand", ["ATP"])


@pytest.mark.parametrize(
    ("molecules", "null"),
    [
        ([PROTEIN, PROTEIN], {"ligand_iptm"}),
        ([PROTEIN, LIGAND], {"protein_iptm"}),
        ([PROTEIN, PROTEIN, LIGAND], set()),
        ([RNA, LIGAND], {"protein_iptm", "ligand_iptm"}),
        ([PROTEIN], {"protein_iptm", "ligand_iptm"}),
    ],
)
def test_interfaces_that_chains_cannot_form_have_no_score(tmp_path, molecules, null):
    chains = [("ABC"[k], *molecule) for k, molecule in enumerate(molecules)]
    (sample,) = read_prediction(write_prediction(tmp_path / "x", chains))
    assert {name for name, value in sample.scores.items() if value is None} == null


def _write_pae(directory, pae, stem="x_model_0"):
    np.savez_compressed(directory / f"pae_{stem}.npz", pae=pae)


def test_the_aligned_error_where_it_was_asked_for(tmp_path):
    directory = write_prediction(tmp_path / "x")
    assert read_prediction(directory)[0].errors is None
    pae = np.random.default_rng(0).uniform(0.3, 30, (5, 5)).astype(np.float16)
    _write_pae(directory, pae)
    (sample,) = read_prediction(directory)
    assert sample.errors.pae_min[0, 1] == pae[3:, :3].min()  # aligned on chain B, chain A scored
    assert sample.program == "boltz"


def test_scores_that_were_made_while_folding_are_preferred(tmp_path):
    directory = write_prediction(tmp_path / "x")
    _write_pae(directory, np.full((5, 5), 3.0))
    (sample,) = read_prediction(directory)
    made = replace(sample.errors, ipsae=np.array([[np.nan, 0.25], [0.5, np.nan]]))
    made.save(directory / "interfaces_x_model_0.npz")
    _write_pae(directory, np.full((4, 4), 3.0))  # is not even opened
    (sample,) = read_prediction(directory)
    assert sample.errors.ipsae[0, 1] == 0.25
    assert sample.program == "foldcp"


def test_scores_made_while_folding_are_of_other_chains(tmp_path):
    trimer = write_prediction(tmp_path / "y", [*DIMER, ("C", "protein", ["GLY"])])
    _write_pae(trimer, np.full((6, 6), 3.0), "y_model_0")
    directory = write_prediction(tmp_path / "x")
    read_prediction(trimer)[0].errors.save(directory / "interfaces_x_model_0.npz")
    with pytest.raises(
        InputError, match=r"interfaces_x_model_0.npz: is for 3 chains, but the structure has 2"
    ):
        read_prediction(directory)


def test_plddt_is_not_taken_from_b_factors(tmp_path):
    directory = write_prediction(tmp_path / "x")
    path = directory / "x_model_0.cif"
    path.write_text(path.read_text().replace(" 50 1\n", " 1 1\n"))
    np.savez(directory / "plddt_x_model_0.npz", plddt=np.full(5, 0.7))
    assert read_prediction(directory)[0].plddt.tolist() == [0.7] * 5


def test_a_ring_of_one_residue_chains(tmp_path):
    chains = [(f"C{k}", "protein", ["GLY"]) for k in range(64)]
    (sample,) = read_prediction(write_prediction(tmp_path / "x", chains))
    assert len(sample.chains) == 64
    row = score([sample]).samples[0]
    assert (row["n_chains"], row["n_interfaces"]) == (64, 64 * 63 // 2)


def _pae(pae):
    return lambda directory: _write_pae(directory, pae)


def _cut_pae(name):
    def spoil(directory):
        _write_pae(directory, np.random.default_rng(0).random((5, 5)))
        _cut(name)(directory)

    return spoil


def _no_interfaces(directory):
    (directory / "interfaces_x_model_0.npz").write_bytes(b"nothing")


def _confidence(**changes):
    def spoil(directory):
        path = directory / "confidence_x_model_0.json"
        path.write_text(json.dumps({**confidence(DIMER), **changes}))

    return spoil


def _plddt(**arrays):
    return lambda directory: np.savez(directory / "plddt_x_model_0.npz", **arrays)


def _cut(name):
    def spoil(directory):
        path = directory / name
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    return spoil


def _drop(name):
    return lambda directory: (directory / name).unlink()


def _without_iptm(directory):
    values = confidence(DIMER)
    del values["iptm"]
    (directory / "confidence_x_model_0.json").write_text(json.dumps(values))


ODD = {
    "truncated npz": (_cut("plddt_x_model_0.npz"), "plddt_x_model_0.npz.*truncated"),
    "no npz": (_drop("plddt_x_model_0.npz"), "plddt_x_model_0.npz: no such file"),
    "other array": (_plddt(pae=np.ones(5)), "no array 'plddt'"),
    "wrong length": (_plddt(plddt=np.ones(4)), "has 5 tokens .*, but its plddt is for 4"),
    "wrong rank": (_plddt(plddt=np.ones((1, 5))), r"shape \(1, 5\)"),
    "empty": (_plddt(plddt=np.ones(0)), r"shape \(0,\)"),
    "NaN pLDDT": (_plddt(plddt=np.array([1, 1, np.nan, 1, 1])), "plddt holds NaN"),
    "pLDDT of text": (_plddt(plddt=np.full(5, "high")), "plddt is of type <U4, expected numbers"),
    "percent pLDDT": (_plddt(plddt=np.full(5, 85.0)), "from 85 to 85, expected 0 to 1"),
    "truncated PAE": (_cut_pae("pae_x_model_0.npz"), "pae_x_model_0.npz: truncated"),
    "NaN in PAE": (_pae(np.full((5, 5), np.nan)), "pae_x_model_0.npz: .* tokens 0 and 0 is nan"),
    "PAE of other tokens": (_pae(np.ones((4, 4))), r"pae_x_model_0.npz: .* shape \(4, 4\)"),
    "no scores of interfaces": (_no_interfaces, "interfaces_x_model_0.npz: truncated"),
    "truncated JSON": (_cut("confidence_x_model_0.json"), "confidence_x_model_0.json: not readable as JSON"),
    "missing key": (_without_iptm, "key 'iptm' is missing"),
    "NaN score": (_confidence(ptm=float("nan")), "ptm is nan"),
    "text score": (_confidence(ptm="high"), "ptm is 'high', expected a number"),
    "other chains": (_confidence(chains_ptm={"0": 0.5}), r"chains_ptm is for chains \['0'\]"),
    "no pair table": (_confidence(pair_chains_iptm=[1]), "not a table of 2 x 2"),
    "holes in pair table": (
        _confidence(pair_chains_iptm={"0": {"0": 1, "1": 1}, "1": {"0": 1}}),
        r"iptm\[1\] is for",
    ),
    "no structure": (_drop("x_model_0.cif"), "x_model_0.cif: no such file"),
    "truncated structure": (_cut("x_model_0.cif"), "x_model_0"),
    "structure without atoms": (lambda d: (d / "x_model_0.cif").write_text("data_x\n"), "holds no atoms"),
    "empty structure": (
        lambda d: (d / "x_model_0.cif").write_text(""),
        "x_model_0.cif: not readable as mmCIF",
    ),
    "JSON without an end": (
        lambda d: (d / "confidence_x_model_0.json").write_text('{"a":' * 100_000),
        "confidence_x_model_0.json: not readable as JSON",
    ),
    "no confidence": (_drop("confidence_x_model_0.json"), "no confidence_"),
    "nothing at all": (
        lambda d: [path.unlink() for path in d.iterdir()],
        "x: holds no scores of a prediction",
    ),
}


@pytest.mark.parametrize(("spoil", "message"), ODD.values(), ids=ODD)
def test_a_broken_file_is_named_with_the_reason(tmp_path, spoil, message):
    directory = write_prediction(tmp_path / "x")
    spoil(directory)
    with pytest.raises(InputError, match=message):
        read_prediction(directory)


def test_a_structure_without_scores_is_not_dropped_in_silence(tmp_path):
    directory = write_prediction(tmp_path / "x", scores=(0.8, 0.7))
    (directory / "confidence_x_model_1.json").unlink()
    with pytest.raises(InputError, match=r"x_model_1\.cif: has no confidence"):
        read_prediction(directory)


def test_real_boltz_1_output(shared_data):
    folder = shared_data / "predictions" / "boltz1_pdl1_binder" / "predictions" / "pdl1_binder"
    first, _ = read_prediction(folder)
    assert first.chains == (Chain("A", "protein", 94), Chain("B", "protein", 115))
    assert first.chain_pair_iptm[0, 1] == pytest.approx(0.94259, abs=1e-5)
    assert first.chain_pair_iptm[1, 0] == pytest.approx(0.93220, abs=1e-5)
    assert first.plddt.mean() == pytest.approx(first.scores["complex_plddt"], abs=1e-5)

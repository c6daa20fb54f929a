"""Score tables of a folder of predictions."""

import pytest
from scores.boltz_twin import DIMER, MIXED, write_prediction

from foldcp.campaign.scores import collect
from foldcp.errors import InputError
from foldcp.tables.rows import rows_to_table
from foldcp.tables.schemas import TOKENS


def _tokens(*rows):
    common = {"n_tokens": 5, "n_atoms": 20, "n_entities": 2, "msa_depth": 1, "input_key": "in", "flags": []}
    return rows_to_table(
        TOKENS,
        [
            {
                **common,
                "complex_id": name,
                "predicted_as": served_by,
                "n_chains": len(chains),
                "chains": [
                    {
                        "chain_id": "AB"[i],
                        "member": member,
                        "sha256": sha,
                        "entity_type": "protein",
                        "copy": 1,
                        "n_tokens": 3,
                    }
                    for i, (member, sha) in enumerate(chains)
                ],
            }
            for name, served_by, chains in rows
        ],
    )


def test_one_row_per_sample_chain_and_direction(tmp_path):
    write_prediction(tmp_path / "x", DIMER, scores=(0.5, 0.8))
    write_prediction(tmp_path / "y", MIXED)
    got = collect(tmp_path)
    assert got.complexes["complex_id"].to_pylist() == ["x", "x", "y"]
    assert got.complexes["rank"].to_pylist() == [2, 1, 1]
    assert got.complexes["structure"][0].as_py() == "x/x_model_0.cif"
    assert got.chains.num_rows == 2 + 2 + 7
    assert got.interfaces.num_rows == 2 + 2 + 42
    directed = {(r["chain_a"], r["chain_b"]): r["chain_pair_iptm"] for r in got.interfaces.to_pylist()[:2]}
    assert directed == {("A", "B"): 0.01, ("B", "A"): 0.10}
    assert not got.meaningless


def test_a_predictions_subfolder_and_a_single_prediction(tmp_path):
    one = write_prediction(tmp_path / "predictions" / "x")
    assert collect(tmp_path).complexes.equals(collect(tmp_path / "predictions").complexes)
    assert collect(one).complexes["complex_id"].to_pylist() == ["x"]


def test_a_broken_directory_costs_only_itself(tmp_path):
    write_prediction(tmp_path / "x")
    (write_prediction(tmp_path / "y") / "plddt_y_model_0.npz").write_bytes(b"PK")
    got = collect(tmp_path)
    assert got.complexes["complex_id"].to_pylist() == ["x"]
    (failed,) = got.failed.to_pylist()
    assert (failed["stage"], failed["complex_id"]) == ("scores", "y")
    assert "plddt_y_model_0.npz" in failed["reason"]


def test_only_marked_directories_of_a_campaign_count(tmp_path):
    write_prediction(tmp_path / "done", model="boltz2", seed=7)
    write_prediction(tmp_path / "killed")
    got = collect(tmp_path)
    assert got.complexes["complex_id"].to_pylist() == ["done"]
    assert got.complexes["seed"].to_pylist() == [7]
    assert got.unfinished == ("killed",)


def test_a_file_changed_after_completion_is_a_failure(tmp_path):
    directory = write_prediction(tmp_path / "x", model="boltz2")
    with (directory / "x_model_0.cif").open("a") as handle:
        handle.write("# edited\n")
    assert "differ from its completion marker" in collect(tmp_path).failed["reason"][0].as_py()


def test_demo_weights_are_told_by_marker_and_by_note(tmp_path):
    write_prediction(tmp_path / "a" / "x", model="demo")
    write_prediction(tmp_path / "b" / "x", note="demo weights")
    for folder in "ab":
        got = collect(tmp_path / folder)
        assert got.meaningless
        assert all(got.chains["meaningless"].to_pylist() + got.interfaces["meaningless"].to_pylist())


def test_a_shared_prediction_serves_each_complex_under_its_own_members(tmp_path):
    write_prediction(tmp_path / "x", model="boltz2")
    # y has the same two sequences, listed the other way round and under other accessions.
    tokens = _tokens(
        ("x", "x", [("P1", "s1"), ("P2", "s2")]),
        ("y", "x", [("Q2", "s2"), ("Q1", "s1")]),
        ("z", "z", [("P3", "s3")]),
    )
    got = collect(tmp_path, tokens)
    assert got.complexes.select(["complex_id", "predicted_as"]).to_pylist() == [
        {"complex_id": "x", "predicted_as": "x"},
        {"complex_id": "y", "predicted_as": "x"},
    ]
    assert got.chains["member"].to_pylist() == ["P1", "P2", "Q1", "Q2"]
    assert [r["member_a"] for r in got.interfaces.to_pylist()] == ["P1", "P2", "Q1", "Q2"]
    assert got.unfinished == ("z",)


def test_leftovers_of_an_earlier_table_are_not_scored(tmp_path):
    write_prediction(tmp_path / "old", model="boltz2")
    write_prediction(tmp_path / "x", model="boltz2", input_key="of an older sequence")
    got = collect(tmp_path, _tokens(("x", "x", [("P1", "s1"), ("P2", "s2")])))
    assert got.complexes.num_rows == 0
    assert got.unfinished == ("x",)


def test_nothing_predicted_yet(tmp_path):
    (tmp_path / "ledger").mkdir()
    tokens = _tokens(("x", "x", [("P1", "s1")]))
    for folder in (tmp_path, tmp_path / "ledger", tmp_path / "absent"):
        assert collect(folder, tokens).unfinished == ("x",)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="no such folder"):
        collect(tmp_path / "file", tokens)


def test_a_folder_that_holds_no_predictions(tmp_path):
    with pytest.raises(InputError, match="no prediction directories"):
        collect(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        collect(tmp_path / "nowhere")


def test_real_boltz_1_folder(shared_data):
    got = collect(shared_data / "predictions" / "boltz1_pdl1_binder")
    assert got.complexes["rank"].to_pylist() == [1, 2]
    assert got.chains["n_tokens"].to_pylist() == [94, 115, 94, 115]
    assert got.failed.num_rows == 0

"""Score tables of a folder of predictions."""

import json

import pyarrow.parquet as pq
import pytest
from scores.boltz_twin import DIMER, MIXED, write_prediction

from foldcp.campaign import scores
from foldcp.campaign.scores import TABLES, forget_other_bins, score_bin, score_folder
from foldcp.errors import InputError
from foldcp.predict.markers import write_marker
from foldcp.scores import Scored, read_prediction, score
from foldcp.tables import Provenance, rows_to_table, write_table
from foldcp.tables.dataset import part_path, part_paths, read_dataset
from foldcp.tables.provenance import read_metadata
from foldcp.tables.schemas import LEDGER, PLAN, TOKENS

BIN = "0000512"


class _Got:
    """Tables of a folder, as they are read back."""

    def __init__(self, folder, tmp_path, **options):
        self.output = tmp_path / "out"
        self.totals = score_folder(folder, self.output, **options)

    def __getattr__(self, table):
        return read_dataset(self.output / table, TABLES[table])


@pytest.fixture
def collect(tmp_path):
    return lambda folder, **options: _Got(folder, tmp_path, **options)


def _token_rows(*rows):
    common = {
        "n_tokens": 5,
        "n_atoms": 20,
        "n_entities": 2,
        "msa_depth": 1,
        "paired_depth": 1,
        "n_templates": 0,
        "input_key": "in",
        "flags": [],
    }
    return [
        {
            **common,
            "complex_id": name,
            "role": "input",
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
    ]


def _tokens(folder, *rows):
    path = folder / "04_tokens.parquet"
    write_table(path, TOKENS, rows_to_table(TOKENS, _token_rows(*rows)), Provenance())
    return path


def _plan(folder, **bins):
    common = {"n_tokens": 5, "mesh_rows": 1, "mesh_cols": 1, "n_nodes": 1, "gpu": "cpu", "role": "input"}
    common |= {"predicted_peak_bytes": 1, "predicted_seconds": 1.0, "shard": 0, "input_key": "in"}
    common |= {"msa_depth": 1, "msa_rows": 1}
    rows = [common | {"complex_id": k, "bin": v, "position": i} for i, (k, v) in enumerate(bins.items())]
    write_table(folder / "05_plan.parquet", PLAN, rows_to_table(PLAN, rows), Provenance())


def _ledger(folder, name, run_keys, outcome="done"):
    """Write what the predict stage says of one bin, with the run key of each complex."""
    common = {"bin": name, "shard": 0, "mesh": "1x1", "budget": "small", "seed": 7, "samples": 1}
    common |= {"outcome": outcome, "cause": outcome, "foldcp_version": "0"}
    rows = [common | {"complex_id": k, "run_key": v} for k, v in run_keys.items()]
    write_table(folder / "06_ledger" / f"{name}.parquet", LEDGER, rows_to_table(LEDGER, rows), Provenance())


def _keep_scores(directory, **changes):
    """Score a prediction as foldcp does when it has written it, and mark it."""
    kept = directory / f"scores_{directory.name}.json"
    found = score(read_prediction(directory))
    for row in found.samples:
        row.update(changes)
    found.save(kept)
    files = [p.name for p in directory.iterdir() if p.name != "done.json"]
    write_marker(directory, "key", files, {"model": "boltz2"})
    return kept


def test_one_row_per_sample_chain_and_direction(tmp_path, collect):
    write_prediction(tmp_path / "in" / "x", DIMER, scores=(0.5, 0.8))
    write_prediction(tmp_path / "in" / "y", MIXED)
    got = collect(tmp_path / "in")
    assert got.samples["complex_id"].to_pylist() == ["x", "x", "y"]
    assert got.samples["rank"].to_pylist() == [2, 1, 1]
    assert got.samples["structure"][0].as_py() == "x/x_model_0.cif"
    assert got.chains.num_rows == 2 + 2 + 7
    assert got.interfaces.num_rows == 2 + 2 + 42
    directed = {(r["chain_a"], r["chain_b"]): r["chain_pair_iptm"] for r in got.interfaces.to_pylist()[:2]}
    assert directed == {("A", "B"): 0.01, ("B", "A"): 0.10}
    assert not got.totals.meaningless
    assert got.totals.rows == {"samples": 3, "complexes": 2, "chains": 11, "interfaces": 46, "failed": 0}


def test_a_complex_is_its_best_sample_and_how_the_samples_spread(tmp_path, collect):
    write_prediction(tmp_path / "in" / "x", scores=(0.5, 0.8, 0.2))
    write_prediction(tmp_path / "in" / "y", scores=(0.5,))
    x, y = collect(tmp_path / "in").complexes.to_pylist()
    assert (x["sample"], x["confidence_score"], x["n_samples"]) == (1, 0.8, 3)
    assert (x["ranking_score_mean"], x["ranking_score_sd"]) == pytest.approx((0.5, 0.3))
    assert (x["iptm_mean"], x["iptm_sd"]) == pytest.approx((0.6, 0))
    assert (y["n_samples"], y["ranking_score_mean"], y["ranking_score_sd"]) == (1, 0.5, None)


def test_the_earlier_sample_wins_a_tie_and_one_without_a_score_comes_last(tmp_path, collect):
    directory = write_prediction(tmp_path / "in" / "x", scores=(0.8, 0.8, 0.8))
    kept = _keep_scores(directory)
    assert collect(tmp_path / "in").samples["rank"].to_pylist() == [1, 2, 3]
    found = Scored.load(kept)
    for row, value in zip(found.samples, (None, -1.0, -2.0), strict=True):  # as AlphaFold 3 may score
        row["ranking_score"] = value
    found.save(kept)
    write_marker(directory, "key", [kept.name], {"model": "boltz2"})
    assert collect(tmp_path / "in").samples["rank"].to_pylist() == [3, 1, 2]


def test_a_predictions_subfolder_and_a_single_prediction(tmp_path, collect):
    one = write_prediction(tmp_path / "in" / "predictions" / "x")
    assert collect(tmp_path / "in").samples.equals(collect(tmp_path / "in" / "predictions").samples)
    assert collect(one).samples["structure"].to_pylist() == ["x/x_model_0.cif"]


def test_a_broken_directory_costs_only_itself(tmp_path, collect):
    write_prediction(tmp_path / "in" / "x")
    (write_prediction(tmp_path / "in" / "y") / "plddt_y_model_0.npz").write_bytes(b"PK")
    got = collect(tmp_path / "in")
    assert got.complexes["complex_id"].to_pylist() == ["x"]
    (failed,) = got.failed.to_pylist()
    assert (failed["stage"], failed["complex_id"]) == ("scores", "y")
    assert "plddt_y_model_0.npz" in failed["reason"]
    assert got.totals.unreadable == [failed["reason"]]
    assert list(part_paths(got.output / "failed")) == ["0000000", BIN]


def test_a_prediction_that_nobody_foresaw_costs_only_itself(tmp_path, collect, caplog):
    for name in ("empty", "odd", "x"):
        write_prediction(tmp_path / "in" / name)
    (tmp_path / "in" / "empty" / "empty_model_0.cif").write_bytes(b"")
    odd = tmp_path / "in" / "odd" / "confidence_odd_model_0.json"
    values = json.loads(odd.read_text()) | {"ptm": 10**400}  # which no number of the machine holds
    odd.write_text(json.dumps(values))
    got = collect(tmp_path / "in")
    assert got.complexes["complex_id"].to_pylist() == ["x"]
    assert got.failed["complex_id"].to_pylist() == ["empty", "odd"]
    empty, odd = got.failed["reason"].to_pylist()
    assert "empty_model_0.cif: not readable as mmCIF" in empty
    assert "odd: cannot be scored: OverflowError" in odd
    (said,) = caplog.records
    assert said.exc_info is not None


def test_only_marked_directories_of_a_campaign_count(tmp_path, collect):
    write_prediction(tmp_path / "in" / "done", model="boltz2", seed=7)
    write_prediction(tmp_path / "in" / "killed")
    got = collect(tmp_path / "in")
    assert got.samples["complex_id"].to_pylist() == ["done"]
    assert got.samples["seed"].to_pylist() == [7]
    assert got.totals.unfinished == ["killed"]


def test_a_file_changed_after_completion_is_a_failure(tmp_path, collect):
    directory = write_prediction(tmp_path / "in" / "x", model="boltz2")
    with (directory / "x_model_0.cif").open("a") as handle:
        handle.write("# edited\n")
    reason = collect(tmp_path / "in").failed["reason"][0].as_py()
    assert "differ from its completion marker (x_model_0.cif)" in reason
    (directory / "done.json").write_text("{}")
    assert "(no files)" in collect(tmp_path / "in").failed["reason"][0].as_py()


def test_scores_kept_beside_a_prediction_spare_reading_the_rest(tmp_path, collect):
    directory = write_prediction(tmp_path / "in" / "x")
    _keep_scores(directory, ptm=0.125)
    # A structure of the same length: only reading it would tell, and it is not read.
    structure = directory / "x_model_0.cif"
    structure.write_bytes(b"#" * structure.stat().st_size)
    assert collect(tmp_path / "in").samples["ptm"].to_pylist() == [0.125]
    structure.write_bytes(b"#")
    assert "x_model_0.cif" in collect(tmp_path / "in").failed["reason"][0].as_py()


def test_scores_that_changed_since_are_not_used(tmp_path, collect):
    kept = _keep_scores(write_prediction(tmp_path / "in" / "x"), ptm=0.125)
    text = kept.read_text()
    assert text.count("0.125") == 1
    kept.write_text(text.replace("0.125", "0.625"))
    assert "(scores_x.json)" in collect(tmp_path / "in").failed["reason"][0].as_py()


def test_scores_that_no_marker_vouches_for_are_made_again(tmp_path, collect):
    directory = write_prediction(tmp_path / "in" / "x")
    _keep_scores(directory, ptm=0.125)
    (directory / "done.json").unlink()
    assert collect(tmp_path / "in").samples["ptm"].to_pylist() == [0.7]
    write_marker(directory, "key", ["x_model_0.cif"], {"model": "boltz2"})
    assert collect(tmp_path / "in").samples["ptm"].to_pylist() == [0.7]


def test_scores_of_another_version_are_made_again_from_files_that_are_intact(tmp_path, collect):
    directory = write_prediction(tmp_path / "in" / "x")
    kept = _keep_scores(directory, ptm=0.125)
    kept.write_text(json.dumps(json.loads(kept.read_text()) | {"scoring_version": -1}))
    files = [p.name for p in directory.iterdir() if p.name != "done.json"]
    write_marker(directory, "key", files, {"model": "boltz2"})
    assert collect(tmp_path / "in").samples["ptm"].to_pylist() == [0.7]
    structure = directory / "x_model_0.cif"
    structure.write_bytes(b"#" * structure.stat().st_size)
    assert "(x_model_0.cif)" in collect(tmp_path / "in").failed["reason"][0].as_py()


def test_demo_weights_are_told_by_marker_and_by_note(tmp_path, collect):
    write_prediction(tmp_path / "a" / "x", model="demo", weights_sha256="cd")
    write_prediction(tmp_path / "b" / "x", note="demo weights")
    for folder, weights in (("a", "cd"), ("b", None)):
        got = collect(tmp_path / folder)
        assert got.totals.meaningless
        for table in (got.samples, got.complexes, got.chains, got.interfaces):
            assert all(table["meaningless"].to_pylist())
        metadata = read_metadata(pq.read_schema(part_path(got.output / "chains", BIN)).metadata)
        assert "scores mean nothing" in metadata["note"] and metadata.get("weights_sha256") == weights


def test_a_shared_prediction_serves_each_complex_under_its_own_members(tmp_path, collect):
    write_prediction(tmp_path / "in" / "x", model="boltz2")
    # y has the same two sequences, listed the other way round and under other accessions.
    tokens = _tokens(
        tmp_path,
        ("x", "x", [("P1", "s1"), ("P2", "s2")]),
        ("y", "x", [("Q2", "s2"), ("Q1", "s1")]),
        ("z", "z", [("P3", "s3")]),
    )
    got = collect(tmp_path / "in", tokens=tokens)
    assert got.complexes.select(["complex_id", "predicted_as"]).to_pylist() == [
        {"complex_id": "x", "predicted_as": "x"},
        {"complex_id": "y", "predicted_as": "x"},
    ]
    assert got.chains["member"].to_pylist() == ["P1", "P2", "Q1", "Q2"]
    assert got.interfaces["member_a"].to_pylist() == ["P1", "P2", "Q1", "Q2"]
    assert got.interfaces["member_b"].to_pylist() == ["P2", "P1", "Q2", "Q1"]
    assert got.totals.unfinished == ["z"]


def test_every_row_has_the_role_of_its_complex(tmp_path, collect):
    write_prediction(tmp_path / "in" / "x", model="boltz2")
    rows = _token_rows(("x", "x", [("P1", "s1"), ("P2", "s2")]), ("y", "x", [("P1", "s1"), ("P2", "s2")]))
    rows[1]["role"] = "decoy"
    tokens = tmp_path / "04_tokens.parquet"
    write_table(tokens, TOKENS, rows_to_table(TOKENS, rows), Provenance())
    got = collect(tmp_path / "in", tokens=tokens)
    for table in (got.samples, got.complexes, got.chains, got.interfaces):
        roles = set(zip(table["complex_id"].to_pylist(), table["role"].to_pylist(), strict=True))
        assert roles == {("x", "input"), ("y", "decoy")}


def test_leftovers_of_an_earlier_table_are_not_scored(tmp_path, collect):
    write_prediction(tmp_path / "in" / "old", model="boltz2")
    write_prediction(tmp_path / "in" / "x", model="boltz2", input_key="of an older sequence")
    got = collect(tmp_path / "in", tokens=_tokens(tmp_path, ("x", "x", [("P1", "s1"), ("P2", "s2")])))
    assert got.samples.num_rows == 0
    assert got.totals.unfinished == ["x"]


def test_nothing_predicted_yet(tmp_path, collect):
    (tmp_path / "ledger").mkdir()
    tokens = _tokens(tmp_path / "t", ("x", "x", [("P1", "s1")]))
    for folder in (tmp_path, tmp_path / "ledger", tmp_path / "absent"):
        assert collect(folder, tokens=tokens).totals.unfinished == ["x"]
    assert collect(tmp_path).totals.rows["samples"] == 0  # a ledger, and no prediction yet
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="no such folder"):
        collect(tmp_path / "file", tokens=tokens)


def test_a_folder_that_holds_no_predictions(tmp_path, collect):
    with pytest.raises(InputError, match=r"no prediction"):
        collect(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        collect(tmp_path / "nowhere")


def _campaign(folder, bins, absent=()):
    for name in bins:
        if name not in absent:
            write_prediction(folder / "06_predictions" / name, scores=(0.3, 0.6), model="boltz2")
    _tokens(folder, *((name, name, [("P1", "s1"), ("P2", "s2")]) for name in bins))
    _plan(folder, **bins)
    for bin_ in set(bins.values()):
        _ledger(folder, bin_, {name: "key" for name in bins if bins[name] == bin_})


def test_a_prediction_of_other_settings_is_not_one_of_this_campaign(tmp_path, collect):
    _campaign(tmp_path / "in", {"x": BIN, "y": BIN, "z": BIN})
    # x was to be predicted anew, with more steps, and failed; its earlier files are still there.
    _ledger(tmp_path / "in", BIN, {"x": "with more steps", "y": "key"}, "oom")
    got = score_bin(tmp_path / "in", BIN, tmp_path / "07_scores", Provenance())
    assert got.unfinished == ["x", "z"]  # of z the ledger knows nothing
    assert read_dataset(tmp_path / "07_scores/complexes", TABLES["complexes"])["complex_id"].to_pylist() == [
        "y"
    ]
    assert collect(tmp_path / "in").totals.unfinished == []  # a folder is read as it is


def test_a_bin_of_a_campaign_is_written_by_itself_be_it_empty(tmp_path):
    _campaign(tmp_path, {"x": "0000025", "y": "0000040", "z": "0000040"}, absent=("x",))
    output = tmp_path / "07_scores"
    first = score_bin(tmp_path, "0000025", output, Provenance(note="n"))
    assert (first.unfinished, first.rows["samples"]) == (["x"], 0)
    second = score_bin(tmp_path, "0000040", output, Provenance())
    assert (second.unfinished, second.rows["samples"]) == ([], 4)
    for name, spec in TABLES.items():
        assert list(part_paths(output / name)) == ["0000025", "0000040"]
        metadata = read_metadata(pq.read_schema(part_path(output / name, "0000025")).metadata)
        assert (metadata["table"], metadata["note"]) == (spec.name, "n")
    assert read_dataset(output / "complexes", TABLES["complexes"])["complex_id"].to_pylist() == ["y", "z"]


def test_a_campaign_folder_is_cut_into_the_bins_of_its_plan(tmp_path, collect):
    _campaign(tmp_path / "in", {"x": "0000025", "y": "0000040"})
    got = collect(tmp_path / "in")
    assert list(part_paths(got.output / "chains")) == ["0000025", "0000040"]
    assert got.chains["member"].to_pylist() == ["P1", "P2"] * 4
    (tmp_path / "in" / "05_plan.parquet").unlink()
    assert list(part_paths(collect(tmp_path / "in").output / "chains")) == [BIN]  # the others are gone


@pytest.mark.parametrize(
    ("n_tokens", "bin_"),
    [(1, "0000512"), (512, "0000512"), (513, "0001024"), (32768, "0032768"), (32769, "0065536")],
)
def test_default_bins(n_tokens, bin_):
    assert scores._bin_of(n_tokens) == bin_


def test_parts_of_bins_that_left_the_plan_are_removed(tmp_path):
    for name in TABLES:
        for bin_ in ("a", "b"):
            part_path(tmp_path / name, bin_).parent.mkdir(parents=True)
            part_path(tmp_path / name, bin_).touch()
    forget_other_bins(tmp_path, {"b", "c"})
    assert all(list(part_paths(tmp_path / name)) == ["b"] for name in TABLES)
    forget_other_bins(tmp_path, set())
    assert not list(tmp_path.glob("*/*"))
    forget_other_bins(tmp_path / "absent", {"b"})


def test_real_boltz_1_folder(shared_data, collect):
    got = collect(shared_data / "predictions" / "boltz1_pdl1_binder")
    assert got.samples["rank"].to_pylist() == [1, 2]
    assert got.chains["n_tokens"].to_pylist() == [94, 115, 94, 115]
    assert got.failed.num_rows == 0

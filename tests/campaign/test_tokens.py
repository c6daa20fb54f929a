import itertools
from pathlib import Path

import pytest
from campaign.make_tables import by, complexes, sha256

from foldcp.campaign.inputs import entities, write_input
from foldcp.campaign.msa import collect
from foldcp.campaign.sequences import resolve, resolve_lengths
from foldcp.campaign.tokens import HEAVY_ATOMS, Counted, chain_name, count
from foldcp.config import MsaConfig, SequencesConfig
from foldcp.msa.pairing import Pairing
from foldcp.predict.document import read
from foldcp.predict.paired_input import write_for_boltz
from foldcp.tables.rows import rows_to_table
from foldcp.tables.schemas import COMPLEXES

FASTA = {
    "P00001": "MKVLAAG",
    "P00002": "MKVLAAGIVG",
    "P00003": "MKVLAAG",
    "P00004": "ACGU",
    "URS000012D749": "ACGU",
    "site": "ACGT",
}


@pytest.fixture
def config(tmp_path: Path) -> SequencesConfig:
    (tmp_path / "s.fasta").write_text("".join(f">{key}\n{seq}\n" for key, seq in FASTA.items()))
    (tmp_path / "l.csv").write_text("member,ccd,smiles,description\nCHEBI:1,ZN,,\nCHEBI:2,,CCO,\n")
    return SequencesConfig(fasta=[tmp_path / "s.fasta"], ligands=tmp_path / "l.csv")


def counted(config: SequencesConfig, **members: dict[str, int] | list[str]) -> Counted:
    table = complexes(**members)
    got = resolve(table, config)
    result = count(table, got.sequences, got.unresolved, None, config)
    names = result.tokens["complex_id"].to_pylist() + result.rejected["complex_id"].to_pylist()
    assert sorted(names) == sorted(table["complex_id"].to_pylist())
    return result


def test_chain_names() -> None:
    assert [chain_name(i) for i in (0, 25, 26, 51, 52, 701, 702)] == ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]
    assert len({chain_name(i) for i in range(20_000)}) == 20_000


def test_one_complex(config: SequencesConfig) -> None:
    content = {"CHEBI:1": 2, "P00001": 2, "URS000012D749": 1, "P00002": 1, "own:site": 1, "CHEBI:2": 1}
    (row,) = counted(config, c1=content).tokens.to_pylist()
    assert [
        (c["chain_id"], c["member"], c["entity_type"], c["copy"], c["n_tokens"]) for c in row["chains"]
    ] == [
        ("A", "P00002", "protein", 1, 10),
        ("B", "P00001", "protein", 1, 7),
        ("C", "P00001", "protein", 2, 7),
        ("D", "own:site", "dna", 1, 4),
        ("E", "URS000012D749", "rna", 1, 4),
        ("F", "CHEBI:2", "ligand", 1, 3),
        ("G", "CHEBI:1", "ligand", 1, 1),
        ("H", "CHEBI:1", "ligand", 2, 1),
    ]
    assert row["chains"][0]["sha256"] == sha256(FASTA["P00002"])
    assert (row["n_tokens"], row["n_chains"], row["n_entities"], row["msa_depth"]) == (37, 8, 6, 1)
    protein = sum(HEAVY_ATOMS["protein"][a] for a in "MKVLAAGIVG" + 2 * "MKVLAAG")
    assert row["n_atoms"] == protein + (21 + 19 + 22 + 20) + (22 + 20 + 23 + 20) + 3 + 2
    assert (row["flags"], row["predicted_as"]) == ([], "c1")


def test_key_does_not_depend_on_order_or_names(config: SequencesConfig) -> None:
    members = ["P00001", "P00002", "CHEBI:1", "own:site"]
    orders = {f"c{i}": list(order) for i, order in enumerate(itertools.permutations(members))}
    tokens = counted(config, **orders, same=["P00003", "P00002", "CHEBI:1", "own:site"]).tokens
    assert len(set(tokens["input_key"].to_pylist())) == 1
    assert set(tokens["predicted_as"].to_pylist()) == {"c0"}


def test_key_depends_on_content(config: SequencesConfig) -> None:
    different = {
        "a": {"P00001": 1},
        "b": {"P00001": 2},
        "c": {"P00002": 1},
        "d": {"P00001": 1, "P00002": 1},
        "e": {"P00001": 1, "CHEBI:1": 1},
        "f": {"P00001": 1, "CHEBI:2": 1},
        "g": {"P00001": 1, "URS000012D749": 1},
        "h": {"P00001": 1, "own:site": 1},
        "protein": {"P00004": 1},
        "rna": {"URS000012D749": 1},
    }
    tokens = counted(config, **different, same={"P00003": 1, "P00001": 1}).tokens
    keys = by(tokens, "complex_id")
    assert len({keys[name]["input_key"] for name in different}) == len(different)
    # Two members of one sequence are two copies of one chain, and one entity.
    assert keys["same"]["input_key"] == keys["b"]["input_key"]
    assert keys["same"]["predicted_as"] == "b"
    assert keys["same"]["n_entities"] == 1


def test_alignments_are_part_of_the_key(config: SequencesConfig, tmp_path: Path) -> None:
    def key(*rows: str) -> dict:
        (tmp_path / "P00001.a3m").write_text("".join(f">x\n{row}\n" for row in rows))
        msa = collect(
            got.sequences, MsaConfig(provider="directory,none", directory=tmp_path), tmp_path / "03_msa"
        )
        (row,) = count(table, got.sequences, got.unresolved, msa, config).tokens.to_pylist()
        return row

    table = complexes(c1=["P00001", "P00002"])
    got = resolve(table, config)
    first, second = key("MKVLAAG", "MKVLAAA"), key("MKVLAAG", "MKVLAAA", "MKVLAA-")
    assert first["input_key"] != second["input_key"]
    assert key("MKVLAAG", "MKVLAAA") == first
    assert (first["msa_depth"], second["msa_depth"]) == (2, 3)
    assert first["flags"] == ["single_sequence:P00002"]


def test_rows_of_the_complex_are_counted_as_boltz_stacks_them(
    config: SequencesConfig, tmp_path: Path
) -> None:
    """Against the files that are written for Boltz, of proteins, copies and members of one sequence."""
    table = complexes(
        hetero={"P00001": 1, "P00002": 1},
        homo={"P00001": 2},
        same={"P00001": 1, "P00003": 1},
        three={"P00001": 2, "P00002": 1, "P00004": 1},
    )
    got = resolve(table, config)
    for row in got.sequences.to_pylist():
        if row["member"] in ("P00001", "P00002"):
            tail, first = row["sequence"][3:], row["sequence"][1:]
            rows = [f"OX=11\nC{first}", f"OX=12\nD{first}"]
            rows += [f"{row['member']}\nCC{row['sequence'][2:]}", f"OX=12\nCCC{tail}", f"OX=17\nDDD{tail}"]
            text = "".join(f">{each}\n" for each in ["q\n" + row["sequence"], *rows])
            (tmp_path / f"{row['member']}.a3m").write_text(text)
    folder = tmp_path / "campaign"
    msa = collect(got.sequences, MsaConfig(provider="directory,none", directory=tmp_path), folder / "03_msa")
    molecules = entities(got.sequences, msa, folder)
    for strategy in ("greedy", "complete", "none"):
        for most in (8192, 3):
            how = Pairing(strategy, most, min(most, 2))
            tokens = count(table, got.sequences, got.unresolved, msa, config, how).tokens
            for row in tokens.to_pylist():
                path = folder / f"{row['complex_id']}.yaml"
                write_input(path, row["chains"], molecules)
                _, depths = write_for_boltz(read(path), how, tmp_path / "out")
                assert (row["paired_depth"], row["msa_depth"]) == depths
    assert {row["complex_id"]: row["paired_depth"] for row in tokens.to_pylist()} == dict.fromkeys(
        ("hetero", "homo", "same", "three"), 1
    )
    tokens = count(table, got.sequences, got.unresolved, msa, config).tokens
    found = {row["complex_id"]: (row["paired_depth"], row["msa_depth"]) for row in tokens.to_pylist()}
    # Species 11, 12 and 17; the second row of 12 pairs between copies only.
    assert found == {"hetero": (4, 9), "homo": (5, 10), "same": (5, 10), "three": (5, 10)}


def test_pairing_is_part_of_the_key_where_it_makes_a_difference(
    config: SequencesConfig, tmp_path: Path
) -> None:
    for name, tags in {"P00001": "11 12", "P00002": "11 12 13"}.items():
        rows = "".join(f">OX={tag}\n{'-' * n}{FASTA[name][n:]}\n" for n, tag in enumerate(tags.split(), 1))
        (tmp_path / f"{name}.a3m").write_text(f">q\n{FASTA[name]}\n{rows}")
    table = complexes(two=["P00001", "P00002"], copies={"P00002": 2}, one=["P00001"], none=["P00004"])
    got = resolve(table, config)
    msa = collect(
        got.sequences, MsaConfig(provider="directory,none", directory=tmp_path), tmp_path / "03_msa"
    )

    def keys(*how) -> dict[str, str]:
        tokens = count(table, got.sequences, got.unresolved, msa, config, Pairing(*how)).tokens
        return dict(zip(tokens["complex_id"].to_pylist(), tokens["input_key"].to_pylist(), strict=True))

    greedy = keys()
    assert {name for name, key in keys("complete").items() if key != greedy[name]} == set()
    assert {name for name, key in keys("none").items() if key != greedy[name]} == {"two", "copies"}
    assert {name for name, key in keys("greedy", 100).items() if key != greedy[name]} == set()
    # Two rows of one protein, and two or three pairs.
    assert {name for name, key in keys("greedy", 8192, 3).items() if key != greedy[name]} == {"copies"}
    assert {name for name, key in keys("greedy", 3).items() if key != greedy[name]} == {"two", "copies"}


def test_a_file_of_the_query_alone_is_a_single_sequence(config: SequencesConfig, tmp_path: Path) -> None:
    (tmp_path / "P00001.a3m").write_text(f">q\n{FASTA['P00001']}\n")
    (tmp_path / "P00002.a3m").write_text(f">q\n{FASTA['P00002']}\n>r\n{FASTA['P00002'][::-1]}\n")
    table = complexes(c1=["P00001", "P00002"])
    got = resolve(table, config)
    msa = collect(got.sequences, MsaConfig(provider="directory", directory=tmp_path), tmp_path / "03_msa")
    (row,) = count(table, got.sequences, got.unresolved, msa, config).tokens.to_pylist()
    assert row["flags"] == ["single_sequence:P00001"]


def test_bad_alignment_rejects_its_complexes(config: SequencesConfig, tmp_path: Path) -> None:
    table = complexes(c1=["P00001", "P00002"], c2=["P00002"])
    got = resolve(table, config)
    (tmp_path / "P00001.a3m").write_text(">q\nMKV\n")
    msa = collect(
        got.sequences, MsaConfig(provider="directory,none", directory=tmp_path), tmp_path / "03_msa"
    )
    result = count(table, got.sequences, got.unresolved, msa, config)
    assert result.tokens["complex_id"].to_pylist() == ["c2"]
    (row,) = result.rejected.to_pylist()
    assert row["reason_code"] == "bad_alignment"
    assert row["reason"].startswith("P00001: ") and "line 1: the first row" in row["reason"]


def test_rejection_names_complex_row_and_reason(config: SequencesConfig) -> None:
    result = counted(config, c1=["P00001"], c2=["CHEBI:9", "P00009", "P00001", "CPX-7"])
    assert result.rejected.to_pylist() == [
        {
            "stage": "tokens",
            "complex_id": "c2",
            "source_id": "source c2",
            "source_row": 2,
            "reason_code": "no_sequence",
            "reason": "P00009: not in the given FASTA files and fetching is off (set sequences.uniprot.fetch)"
            "; CPX-7 is a complex inside the complex and was not expanded: give the Complex Portal table "
            "that lists it, or list its proteins"
            "; CHEBI:9 is a small molecule: not in the ligand table (sequences.ligands)",
            "raw": "P00009;CPX-7;CHEBI:9",
        }
    ]


def test_many_reasons_are_shortened(config: SequencesConfig) -> None:
    (row,) = counted(config, c1=[f"P1{n:04}" for n in range(60)]).rejected.to_pylist()
    assert row["reason"].endswith("; and 55 more members")
    assert len(row["raw"]) == 200


@pytest.mark.parametrize("member", ["CHEBI:9", "URS0000000009"])
def test_unsupported_members_are_dropped_or_reject(config: SequencesConfig, member: str) -> None:
    (row,) = counted(config, c1=["P00001", member]).tokens.to_pylist()
    assert (row["n_tokens"], row["flags"]) == (7, [f"dropped:{member}"])
    strict = config.model_copy(update={"unsupported_member": "reject"})
    result = counted(strict, c1=["P00001", member], c2=["P00001"])
    assert result.rejected["reason_code"].to_pylist() == ["unsupported_member"]
    assert result.tokens["complex_id"].to_pylist() == ["c2"]


def test_nothing_left_to_fold(config: SequencesConfig) -> None:
    result = counted(config, c1=["CHEBI:9"])
    assert result.rejected["reason_code"].to_pylist() == ["unsupported_member"]


def test_stand_ins_are_flagged(config: SequencesConfig) -> None:
    (row,) = counted(config, c1=["P00001-4", "P00002-PRO_0000000001"]).tokens.to_pylist()
    assert row["flags"] == [
        "whole_entry_for_feature:P00002-PRO_0000000001",
        "canonical_for_isoform:P00001-4",
    ]


def test_planning_from_lengths(config: SequencesConfig, tmp_path: Path) -> None:
    (tmp_path / "l.tsv").write_text("Entry\tLength\nP1\t100\nP2\t100\nURS000012D749\t10\n")
    table = complexes(
        a={"P1": 2, "P2": 1}, b={"P2": 1, "P1": 2}, c={"P1": 1, "P2": 2}, d=["P3"], e=["URS000012D749"]
    )
    got = resolve_lengths(table, tmp_path / "l.tsv")
    result = count(table, got.sequences, got.unresolved, None, config)
    rows = by(result.tokens, "complex_id")
    assert (rows["a"]["n_tokens"], rows["a"]["n_atoms"], rows["a"]["n_entities"]) == (300, 2370, 2)
    assert rows["a"]["input_key"] == rows["b"]["input_key"] != rows["c"]["input_key"]
    assert rows["a"]["chains"][0]["sha256"] == ""
    assert rows["e"]["n_atoms"] == 212
    assert result.rejected["complex_id"].to_pylist() == ["d"]


@pytest.mark.model
def test_heavy_atoms_are_those_of_boltz() -> None:
    from boltz.data import const

    tables = {
        "protein": const.prot_letter_to_token,
        "rna": const.rna_letter_to_token,
        "dna": const.dna_letter_to_token,
    }
    expected = {
        kind: {letter: len(const.ref_atoms[name]) for letter, name in table.items() if letter != "-"}
        for kind, table in tables.items()
    }
    assert expected == HEAVY_ATOMS


def test_a_role_is_kept_and_a_decoy_shares_with_nothing(config: SequencesConfig) -> None:
    members = {"a": ["P00001", "P00002"], "b": ["P00003", "P00002"], "d": ["P00001", "P00003"]}
    rows = complexes(**members, e=["P00002", "P00003"], f=["P00003", "P00001"]).to_pylist()
    roles = dict(zip("abdef", ("known", "candidate", "decoy", "decoy", "decoy"), strict=True))
    table = rows_to_table(COMPLEXES, [row | {"role": roles[row["complex_id"]]} for row in rows])
    got = resolve(table, config)
    result = count(table, got.sequences, got.unresolved, None, config)
    tokens = by(result.tokens, "complex_id")
    assert {name: row["role"] for name, row in tokens.items()} == {
        "a": "known",
        "b": "candidate",
        "d": "decoy",
    }
    # P00003 has the sequence of P00001: e is the same prediction as a, and f as d.
    assert tokens["b"]["predicted_as"] == "a" and tokens["d"]["predicted_as"] == "d"
    rejected = by(result.rejected, "complex_id")
    assert {row["reason_code"] for row in rejected.values()} == {"decoy_is_complex"}
    assert "same sequences and copies as a" in rejected["e"]["reason"] and rejected["f"]["source_row"] == 5


def test_a_failed_alignment_is_flagged_where_no_sequence_has_one(
    config: SequencesConfig, tmp_path: Path
) -> None:
    table = complexes(c1=["P00001", "P00002"])
    got = resolve(table, config)
    (tmp_path / "P00001.a3m").write_text(">q\nMKV\n")
    settings = MsaConfig(provider="directory,none", directory=tmp_path, on_failure="single")
    msa = collect(got.sequences, settings, tmp_path / "03_msa")
    (row,) = count(table, got.sequences, got.unresolved, msa, config).tokens.to_pylist()
    assert (row["flags"], row["msa_depth"]) == (["single_sequence:P00001"], 1)

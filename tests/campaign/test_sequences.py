import time
from pathlib import Path

import pytest
from campaign.make_tables import by, complexes, sha256
from campaign.sources.uniprot_standin import chain, entry, isoforms, serve

from foldcp.campaign import complexes as complexes_stage
from foldcp.campaign.sequences import entity_type, read_lengths, resolve, resolve_lengths
from foldcp.campaign.tokens import count
from foldcp.config import SequencesConfig, UniprotConfig
from foldcp.errors import InputError, MissingError


@pytest.fixture
def fasta(tmp_path: Path) -> Path:
    path = tmp_path / "my.fasta"
    path.write_text(
        ">sp|P00001|A_HUMAN Protein A OS=Homo sapiens OX=9606\nMKVLAAG\n"
        ">sp|P00001-2|A_HUMAN Isoform 2 of A OS=Homo sapiens OX=9606\nMKV\n"
        ">sp|P00002|B_YEAST Protein B OS=Yeast OX=4932\nACGTACGT\n"
        ">9606.ENSP00000000233\nMENSP\n"
        ">URS000012D749_559292 U6 RNA\nACGTNRY\n"
        ">probe\nACGU\n>site\nACGT\n>peptide\nACGTW\n"
    )
    return path


def find(members: list[str], **config: object) -> tuple[dict[str, dict], dict[str, dict]]:
    got = resolve(complexes(c1=members, c2=members[:1]), SequencesConfig(**config))
    resolved, unresolved = by(got.sequences, "member"), by(got.unresolved, "member")
    assert sorted([*resolved, *unresolved]) == sorted(members)
    return resolved, unresolved


def test_proteins_from_fasta(fasta: Path) -> None:
    resolved, unresolved = find(["P00001", "P00001-2", "P00002"], fasta=[fasta])
    assert not unresolved
    assert resolved["P00001"] == {
        "member": "P00001",
        "namespace": "uniprot",
        "accession": "P00001",
        "isoform": None,
        "feature": None,
        "entity_type": "protein",
        "sequence": "MKVLAAG",
        "ccd": None,
        "smiles": None,
        "length": 7,
        "sha256": sha256("MKVLAAG"),
        "source": "my.fasta",
        "resolution": "exact",
        "description": "Protein A",
        "taxid": 9606,
    }
    isoform = resolved["P00001-2"]
    assert (isoform["sequence"], isoform["isoform"], isoform["resolution"]) == ("MKV", 2, "exact")
    assert resolved["P00002"]["entity_type"] == "protein"  # UniProt decides, whatever the letters


@pytest.mark.parametrize("member", ["P00001-1", "P00001-7"])
def test_missing_isoform(fasta: Path, member: str) -> None:
    resolved, _ = find([member], fasta=[fasta])
    assert resolved[member]["resolution"] == "canonical_for_isoform"
    assert resolved[member]["sequence"] == "MKVLAAG"
    _, unresolved = find([member], fasta=[fasta], missing_isoform="reject")
    assert unresolved[member]["reason_code"] == "isoform_missing"
    assert "sequences.missing_isoform" in unresolved[member]["reason"]


@pytest.mark.parametrize(
    ("policy", "code", "words"),
    [
        ("reject", "mature_chain", "valid also: whole, cut"),
        ("cut", "mature_chain", "sequences.uniprot.fetch"),
    ],
)
def test_mature_chain_without_coordinates(fasta: Path, policy: str, code: str, words: str) -> None:
    member = "P00001-PRO_0000000001"
    resolved, _ = find([member], fasta=[fasta])
    assert resolved[member]["resolution"] == "whole_entry_for_feature"
    assert resolved[member]["feature"] == "PRO_0000000001"
    _, unresolved = find([member], fasta=[fasta], mature_chain=policy)
    assert (unresolved[member]["reason_code"], words in unresolved[member]["reason"]) == (code, True)


def test_absent_protein_says_where_it_was_looked_for(fasta: Path) -> None:
    _, unresolved = find(["P99999", "P00001-PRO_0000000001"], fasta=[fasta], mature_chain="reject")
    assert unresolved["P99999"] == {
        "member": "P99999",
        "namespace": "uniprot",
        "reason_code": "no_sequence",
        "reason": "P99999: not in the given FASTA files and fetching is off (set sequences.uniprot.fetch)",
        "n_complexes": 2,
    }
    assert unresolved["P00001-PRO_0000000001"]["n_complexes"] == 1
    _, unresolved = find(["P99999"])
    assert "no FASTA files given" in unresolved["P99999"]["reason"]


def test_other_namespaces(fasta: Path) -> None:
    members = ["ENSP00000000233", "URS000012D749_559292", "own:probe", "own:site", "own:peptide"]
    resolved, _ = find(members, fasta=[fasta])
    assert {m: (r["entity_type"], r["sequence"], r["resolution"]) for m, r in resolved.items()} == {
        "ENSP00000000233": ("protein", "MENSP", "exact"),
        "URS000012D749_559292": ("rna", "ACGUNNN", "exact"),
        "own:probe": ("rna", "ACGU", "exact"),
        "own:site": ("dna", "ACGT", "exact"),
        "own:peptide": ("protein", "ACGTW", "exact"),
    }


@pytest.mark.parametrize(
    ("namespace", "letters", "kind"),
    [
        ("uniprot", "ACG", "protein"),
        ("rnacentral", "ACGT", "rna"),
        ("other", "ACGN", "dna"),
        ("other", "ACGU", "rna"),
        ("other", "ACGTU", "protein"),
        ("intact", "ACGTE", "protein"),
    ],
)
def test_entity_type(namespace: str, letters: str, kind: str) -> None:
    assert entity_type(namespace, letters) == kind


def test_what_cannot_be_folded_says_why(tmp_path: Path) -> None:
    rna = tmp_path / "rna.fa"
    rna.write_text(">URS000012D749\nMKVLE\n")
    _, unresolved = find(["CPX-297", "CHEBI:29105", "URS000012D749_1", "URS0000000001"], fasta=[rna])
    codes = {m: r["reason_code"] for m, r in unresolved.items()}
    assert codes == {
        "CPX-297": "nested_complex",
        "CHEBI:29105": "unsupported_member",
        "URS000012D749_1": "illegal_letters",
        "URS0000000001": "unsupported_member",
    }
    assert "no ligand table was given" in unresolved["CHEBI:29105"]["reason"]
    assert "not RNA: its sequence has E, L" in unresolved["URS000012D749_1"]["reason"]


def test_a_bad_record_costs_only_the_members_that_need_it(tmp_path: Path) -> None:
    path = tmp_path / "my.fasta"
    path.write_text(">P00001\nMK*V\n>P00002\nMK\n>P00002\nMKV\n>P00003\nMKV\n>P00009\nM1\n")
    members = ["P00001", "P00001-2", "P00002", "P00003"]
    resolved, unresolved = find(members, fasta=[path])
    assert list(resolved) == ["P00003"]
    codes = {m: r["reason_code"] for m, r in unresolved.items()}
    malformed, duplicate = "malformed_sequence", "duplicate_sequence"
    assert codes == {"P00001": malformed, "P00001-2": malformed, "P00002": duplicate}
    assert unresolved["P00001"]["reason"].startswith(
        "P00001: my.fasta, line 2: P00001 has '*' in its sequence"
    )
    assert (
        "my.fasta, line 5: P00002 has another sequence here than in my.fasta, line 3"
        in (unresolved["P00002"]["reason"])
    )


# Ligands


def ligand_table(tmp_path: Path, *rows: str) -> Path:
    path = tmp_path / "ligands.csv"
    path.write_text("\n".join(["member,ccd,smiles,description", *rows]))
    return path


def test_ligands(tmp_path: Path) -> None:
    table = ligand_table(
        tmp_path,
        "CHEBI:1,ZN,,zinc",
        "CHEBI:2,,CC(=O)O,acetate",
        "CHEBI:3,ATP,,",
        "CHEBI:4,XYZZY,,",
        "CHEBI:5,,C1CC,",
        "CHEBI:6,,,".replace(",,,", f",,{'C' * 1200},"),
        "P00009,HEM,,taken as heme",
    )
    members = [f"CHEBI:{n}" for n in range(1, 8)] + ["P00009"]
    resolved, unresolved = find(members, ligands=table)
    assert {m: (r["entity_type"], r["ccd"], r["smiles"], r["length"]) for m, r in resolved.items()} == {
        "CHEBI:1": ("ligand", "ZN", None, 1),
        "CHEBI:2": ("ligand", None, "CC(=O)O", 4),
        "CHEBI:3": ("ligand", "ATP", None, 31),
        "P00009": ("ligand", "HEM", None, 43),
    }
    assert {r["reason_code"] for r in unresolved.values()} == {"unsupported_member"}
    assert "'XYZZY' is no CCD code" in unresolved["CHEBI:4"]["reason"]
    assert "is not a SMILES string" in unresolved["CHEBI:5"]["reason"]
    assert "more atoms than Boltz can name" in unresolved["CHEBI:6"]["reason"]
    assert "not in the ligand table" in unresolved["CHEBI:7"]["reason"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "line 1: expected the columns"),
        ("chebi,ccd\n", "line 1: expected the columns"),
        ("member,ccd,smiles,description\nCHEBI:1,ZN\n", "line 2: expected 4 fields"),
        ("member,ccd,smiles,description\n\n,ZN,,zinc\n", "line 3: the first field"),
        ("member,ccd,smiles,description\nCHEBI:1,,,zinc\n", "line 2: CHEBI:1 needs a CCD code or a SMILES"),
        ("member,ccd,smiles,description\nCHEBI:1,ZN,[Zn],zinc\n", "line 2: CHEBI:1 needs .* not both"),
        ("member,ccd,smiles,description\na,ZN,,\na,MG,,\n", "line 3: a is listed twice"),
        ('member,ccd,smiles,description\na,"ZN,,\n', "not readable as CSV"),
    ],
)
def test_malformed_ligand_table(tmp_path: Path, content: str, reason: str) -> None:
    path = tmp_path / "l.csv"
    path.write_text(content)
    with pytest.raises(InputError, match=rf"l\.csv.*{reason}"):
        find(["CHEBI:1"], ligands=path)


def test_shipped_ligands_exist_in_the_ccd() -> None:
    path = Path(__file__).parents[2] / "config" / "ligands.csv"
    members = [line.split(",")[0] for line in path.read_text().splitlines()[1:]]
    resolved, unresolved = find(members, ligands=path)
    assert len(resolved) >= 40 and not unresolved
    known = {"CHEBI:29105": 1, "CHEBI:49883": 8, "CHEBI:33737": 4, "CHEBI:16238": 53, "CHEBI:30413": 43}
    assert {m: resolved[m]["length"] for m in known} == known


# UniProt


def test_fetching(fasta: Path, tmp_path: Path) -> None:
    with serve() as server:
        server.entries["Q00001"] = entry(
            "Q00001",
            "MKVLAAGIVG",
            comments=isoforms(Q00001_1="Described", Q00001_2="Displayed"),
            features=[chain("PRO_0000000001", 3, 6), chain("PRO_0000000002", None, 6, "UNKNOWN")],
        )
        server.entries["P00001"] = entry("P00001", "MWWW")
        server.entries["Q00002"] = entry("Q00002", "MMM")
        server.isoforms["Q00001-1"] = "MKIVG"
        server.merged["Q00003"] = "Q00002"
        uniprot = UniprotConfig(fetch=True, url=server.url, cache=tmp_path, requests_per_second=10)
        members = ["P00001", "P00001-1", "P00001-3", "Q00001-1", "Q00001-2", "Q00001-3", "Q00003", "Q00009"]
        chains = ["Q00001-PRO_0000000001", "Q00001-PRO_0000000002", "Q00001-PRO_0000000003"]
        resolved, unresolved = find(members + chains, fasta=[fasta], uniprot=uniprot, mature_chain="cut")
        asked = [accessions for _, kind, accessions in server.requests if kind == "fasta"]
        whole, _ = find(chains[:1], uniprot=uniprot)
    assert "Q00001-2" not in asked[0]  # the entry says that it is the canonical one
    assert whole[chains[0]]["sequence"] == "MKVLAAGIVG"
    assert {m: (r["sequence"], r["resolution"], r["source"]) for m, r in resolved.items()} == {
        "P00001": ("MKVLAAG", "exact", "my.fasta"),
        "P00001-1": ("MWWW", "exact", "uniprot"),
        "P00001-3": ("MKVLAAG", "canonical_for_isoform", "my.fasta"),
        "Q00001-1": ("MKIVG", "exact", "uniprot"),
        "Q00001-2": ("MKVLAAGIVG", "exact", "uniprot"),
        "Q00001-3": ("MKVLAAGIVG", "canonical_for_isoform", "uniprot"),
        "Q00001-PRO_0000000001": ("VLAA", "mature_chain", "uniprot"),
        "Q00003": ("MMM", "merged_entry", "uniprot"),
    }
    assert unresolved["Q00009"]["reason"] == (
        "Q00009: not in the given FASTA files; UniProt has no entry Q00009"
    )
    assert "no exact coordinates" in unresolved["Q00001-PRO_0000000002"]["reason"]


def test_uniprot_does_not_stand_in_for_a_bad_record(tmp_path: Path) -> None:
    path = tmp_path / "my.fasta"
    path.write_text(">P00001\nMK*V\n")
    with serve() as server:
        server.entries["P00001"] = entry("P00001", "MWWW")
        server.isoforms["P00001-2"] = "MW"
        uniprot = UniprotConfig(fetch=True, url=server.url, cache=tmp_path, requests_per_second=10)
        assert (
            find(["P00001"], fasta=[path], uniprot=uniprot)[1]["P00001"]["reason_code"]
            == "malformed_sequence"
        )
        assert server.requests == []
        # The isoform needs the entry, which must not become the entry's own sequence.
        resolved, unresolved = find(["P00001", "P00001-2"], fasta=[path], uniprot=uniprot)
    assert list(unresolved) == ["P00001"] and resolved["P00001-2"]["sequence"] == "MW"


def test_uniprot_is_left_alone_where_it_is_not_needed(fasta: Path, tmp_path: Path) -> None:
    with serve() as server:
        uniprot = UniprotConfig(fetch=True, url=server.url, cache=tmp_path)
        find(["P00001", "P00001-PRO_0000000001", "CHEBI:1"], fasta=[fasta], uniprot=uniprot)
        find(["P00003-PRO_0000000001"], fasta=[fasta], uniprot=uniprot, mature_chain="reject")
        assert server.requests == []


def test_no_network_stops_the_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    uniprot = UniprotConfig(fetch=True, url="http://127.0.0.1:9", cache=tmp_path)
    with pytest.raises(MissingError, match="Check the network"):
        find(["P00001"], uniprot=uniprot)


# Lengths


def test_lengths(tmp_path: Path) -> None:
    path = tmp_path / "lengths.tsv"
    path.write_text("Entry\tGene\tLength\nP00001\ta\t100\nP00001-2\ta\t90\nURS000012D749\t\t30\n")
    members = ["P00001", "P00001-2", "P00001-3", "P00001-PRO_0000000001", "URS000012D749_1", "P9", "CHEBI:1"]
    got = resolve_lengths(complexes(c1=members), path)
    assert {m: r["length"] for m, r in by(got.sequences, "member").items()} == {
        "P00001": 100,
        "P00001-2": 90,
        "P00001-3": 100,
        "P00001-PRO_0000000001": 100,
        "URS000012D749_1": 30,
    }
    assert set(got.sequences["resolution"].to_pylist()) == {"length_only"}
    assert by(got.unresolved, "member")["P9"]["reason"] == "P9: not in the lengths table lengths.tsv"


def test_lengths_with_commas(tmp_path: Path) -> None:
    path = tmp_path / "l.csv"
    path.write_text("accession,length\nP1,10\n\nP2, 20\n")
    assert read_lengths(path) == {"P1": 10, "P2": 20}


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ("", "line 1"),
        ("a\tb\n", "line 1"),
        ("Entry\tMass\nP1\t3\n", "line 1"),
        ("Entry\tLength\nP1\n", "line 2"),
        ("Entry\tLength\nP1\t12\nP2\t-3\n", "line 3"),
        ("Entry\tLength\nP1\t0\n", "line 2"),
        ("Entry\tLength\nP1\t1.5\n", "line 2"),
        ("Entry\tLength\nP1\tlong\n", "line 2"),
        ("Entry\tLength\nP1\t99999999999\n", "line 2"),
    ],
)
def test_malformed_lengths(tmp_path: Path, content: str, place: str) -> None:
    path = tmp_path / "l.tsv"
    path.write_text(content)
    with pytest.raises(InputError, match=rf"l\.tsv, {place}: expected"):
        read_lengths(path)


def test_corum_is_planned_from_lengths(shared_data: Path) -> None:
    got = complexes_stage.ingest(shared_data / "corum" / "corum3.0_20180903_allComplexes.txt")
    lengths = shared_data / "sequences" / "uniprot_human_reviewed_lengths.tsv"
    resolved = resolve_lengths(got.complexes, lengths)
    counted = count(got.complexes, resolved.sequences, resolved.unresolved, None, SequencesConfig())
    assert counted.tokens.num_rows + counted.rejected.num_rows == got.complexes.num_rows
    # Of the complexes of which every length is known: 90 % are below 5735 tokens, the largest has 49 055.
    n_tokens = sorted(counted.tokens["n_tokens"].to_pylist())
    assert (len(n_tokens), n_tokens[-1]) == (2890, 49_055)
    assert 5500 < n_tokens[int(0.9 * len(n_tokens))] < 6000

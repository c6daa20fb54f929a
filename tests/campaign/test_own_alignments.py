"""Alignments of single complexes, from the folder to Boltz's input: msa, tokens, inputs."""

import time
from pathlib import Path

import pyarrow as pa
import pytest
import yaml
from campaign.make_tables import by, complexes, sha256
from hand_made import Hand

from foldcp.campaign.inputs import entities, write_input
from foldcp.campaign.msa import batches, collect
from foldcp.campaign.sequences import resolve
from foldcp.campaign.tokens import Counted, count
from foldcp.config import MsaConfig, SequencesConfig
from foldcp.errors import MissingError
from foldcp.tables.rows import empty, rows_to_table
from foldcp.tables.schemas import MSA

ONE, TWO = "MKVLAAG", "GGHHA"
MEMBERS = ["P00001", "URS000012D749", "P00002"]


class Campaign:
    """Complexes c, d, e of the same members, and f of one of them; a folder of alignments."""

    def __init__(self, folder: Path, **content: list[str]) -> None:
        self.root, self.given = folder / "results", folder / "given"
        self.given.mkdir()
        fasta = folder / "s.fasta"
        fasta.write_text(f">P00001\n{ONE}\n>P00002\n{TWO}\n>P00003\n{ONE}\n>URS000012D749\nACGU\n")
        self.sequences_config = SequencesConfig(fasta=[fasta])
        self.complexes = complexes(**(content or dict.fromkeys("cde", MEMBERS) | {"f": ["P00002"]}))
        self.got = resolve(self.complexes, self.sequences_config)

    def put(self, name: str, *rows: str) -> None:
        path = self.given / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f">r{n} OX={n}\n{row}\n" for n, row in enumerate(rows)))

    def config(self, **settings: object) -> MsaConfig:
        return MsaConfig(**{"provider": "directory,none", "directory": self.given} | settings)

    def collect(self, **settings: object) -> pa.Table:
        config = self.config(**settings)
        return collect(self.got.sequences, config, self.root / "03_msa", {}, self.complexes)

    def count(self, msa: pa.Table) -> Counted:
        return count(self.complexes, self.got.sequences, self.got.unresolved, msa, self.sequences_config)

    def inputs(self, msa: pa.Table, tokens: pa.Table) -> dict[str, dict[str, str]]:
        """Return the text of the alignments that Boltz gets: complex -> sequence -> file's text."""
        molecules = entities(self.got.sequences, msa, self.root)
        found: dict[str, dict[str, str]] = {}
        for row in tokens.to_pylist():
            path = self.root / "06_predictions" / row["complex_id"] / "x.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_input(path, row["chains"], molecules, row["complex_id"])
            items = yaml.safe_load(path.read_text())["sequences"]
            found[row["complex_id"]] = {
                p["sequence"]: p["msa"] if p["msa"] == "empty" else (path.parent / p["msa"]).read_text()
                for p in (item["protein"] for item in items if "protein" in item)
            }
        return found


@pytest.fixture
def campaign(tmp_path: Path) -> Campaign:
    return Campaign(tmp_path)


def key(row: dict) -> tuple[str | None, str]:
    return row["complex_id"], row["sha256"]


def test_a_complex_takes_its_own_and_the_others_the_shared_one(campaign: Campaign) -> None:
    campaign.put("P00001.a3m", ONE, "MKVLAA-")
    campaign.put("P00002.a3m", TWO, "GGHH-", "G-HH-")
    campaign.put("c/1.a3m", ONE, "MKV----", "M------")
    campaign.put("d/3/pairing.a3m", TWO, "GG---")
    campaign.put("d/3/non_pairing.a3m", TWO, "-GHH-", "--HH-", "---H-")
    msa = campaign.collect()
    rows = {key(row): row for row in msa.to_pylist()}
    assert list(rows) == [
        *((None, sha) for sha in sorted((sha256(ONE), sha256(TWO)))),
        ("c", sha256(ONE)),
        ("d", sha256(TWO)),
    ]
    mine = rows["d", sha256(TWO)]
    assert mine["path"] == f"03_msa/d.{sha256(TWO)}.a3m" and mine["origin"] == "d/3/pairing.a3m"
    assert (mine["provider"], mine["depth"], mine["length"], mine["error"]) == ("directory", 5, 5, None)
    assert sha256((campaign.root / mine["path"]).read_text()) == mine["file_sha256"]
    assert len(list((campaign.root / "03_msa").iterdir())) == 4

    tokens = by(campaign.count(msa).tokens, "complex_id")
    # c: three rows of its own; d: five of its own; e and f: two and three shared ones.
    assert {name: row["msa_depth"] for name, row in tokens.items()} == {"c": 3, "d": 5, "e": 3, "f": 3}
    assert {name: row["predicted_as"] for name, row in tokens.items()} == dict(
        zip("cdef", "cdef", strict=True)
    )
    texts = campaign.inputs(msa, campaign.count(msa).tokens)
    assert (
        texts["c"][ONE].startswith(f">r0 OX=0\n{ONE}\n>r1 OX=1\nMKV----\n") and "MKVLAA-" in texts["d"][ONE]
    )
    assert texts["d"][TWO].count(">") == 5 and texts["c"][TWO] == texts["e"][TWO] == texts["f"][TWO]


def test_complexes_of_equal_alignments_are_one_prediction(campaign: Campaign) -> None:
    for name in ("c/1.a3m", "d/1.a3m"):
        campaign.put(name, ONE, "MKV----")
    tokens = by(campaign.count(campaign.collect()).tokens, "complex_id")
    # e takes what c lends, which is the same.
    assert {tokens[name]["predicted_as"] for name in "cde"} == {"c"}


def test_without_a_shared_one_the_first_complex_lends_its_own(campaign: Campaign) -> None:
    campaign.put("d/1.a3m", ONE, "M------")
    campaign.put("e/1.a3m", ONE, "MK-----", "MKV----")
    msa = campaign.collect()
    rows = {key(row): row for row in msa.to_pylist()}
    shared = rows[None, sha256(ONE)]
    assert (shared["provider"], shared["depth"], shared["origin"]) == ("directory", 2, "d/1.a3m")
    assert shared["file_sha256"] == rows["d", sha256(ONE)]["file_sha256"]
    texts = campaign.inputs(msa, campaign.count(msa).tokens)
    assert texts["c"][ONE] == texts["d"][ONE] != texts["e"][ONE]
    # A decoy is of no complex that a file is called after.
    assert texts["f"] == {TWO: "empty"}


WHOLE = f"#5,7\t1,1\n>101\t102\n{TWO}{ONE}\n>a\nGGHH-MKVxxL---\n>101\n{TWO}-------\n>b\nG-H-------AAG\n"


def test_one_file_of_a_whole_complex(campaign: Campaign) -> None:
    (campaign.given / "c.a3m").write_text(WHOLE.replace("G-H-------AAG", "G-H---------"))
    msa = campaign.collect()
    texts = campaign.inputs(msa, campaign.count(msa).tokens)["c"]
    assert texts[ONE] == f">101\t102\n{ONE}\n>a Key=2\nMKVxxL---\n"
    assert texts[TWO] == f">101\t102\n{TWO}\n>a Key=2\nGGHH-\n>b Key=-\nG-H--\n"
    assert {row["origin"] for row in msa.to_pylist()} == {"c.a3m"}


@pytest.mark.parametrize("policy", ["fail", "single"])
@pytest.mark.parametrize(
    ("name", "text", "wrong"),
    [
        ("d/1.a3m", ">q\nMKV\n", 1),
        ("d/1.csv", f"key,sequence\n,{ONE}\n,MKV\n", 1),
        ("d/7.a3m", f">q\n{ONE}\n", 2),
        ("d.a3m", WHOLE, 2),
        ("d.a3m", f">q\n{ONE}\n", 2),
    ],
)
def test_what_is_wrong_with_its_own_costs_that_complex_alone(
    campaign: Campaign, policy: str, name: str, text: str, wrong: int
) -> None:
    campaign.put("P00001.a3m", ONE, "MKVLAA-")
    campaign.put("P00002.a3m", TWO, "GGHH-")
    campaign.put("c/1.a3m", ONE, "MKV----")
    campaign.put(name)
    (campaign.given / name).write_text(text)
    msa = campaign.collect(on_failure=policy)
    rows = [row for row in msa.to_pylist() if row["complex_id"] == "d"]
    reasons = [row["error"] if policy == "fail" else row["failure"] for row in rows]
    assert len(reasons) == wrong and all(str(campaign.given / name) in reason for reason in reasons)
    counted = campaign.count(msa)
    texts = campaign.inputs(msa, counted.tokens)
    if policy == "fail":
        assert sorted(texts) == ["c", "e", "f"]
        (rejected,) = counted.rejected.to_pylist()
        assert (rejected["complex_id"], rejected["reason_code"]) == ("d", "bad_alignment")
        assert str(campaign.given / name) in rejected["reason"]
    else:
        assert sorted(texts) == ["c", "d", "e", "f"] and texts["d"][ONE] == "empty"
        assert "single_sequence:P00001" in by(counted.tokens, "complex_id")["d"]["flags"]
    assert texts["e"][ONE].endswith("MKVLAA-\n") and texts["c"][ONE].endswith("MKV----\n")


def test_keys_mean_something_among_the_alignments_of_one_complex_only(campaign: Campaign) -> None:
    (campaign.given / "c.a3m").write_text(WHOLE.replace("G-H-------AAG", "G-H---------"))
    (campaign.given / "d").mkdir()
    (campaign.given / "d/1.csv").write_text(f"key,sequence\n,{ONE}\n2,MK-----\n")
    campaign.put("f/1.a3m", TWO, "G----")
    msa = campaign.collect()
    texts = campaign.inputs(msa, campaign.count(msa).tokens)
    assert (
        ">a Key=2\n" in texts["c"][ONE] and ">a Key=2\n" in texts["c"][TWO] and ">2 Key=2" in texts["d"][ONE]
    )
    # e takes what c lends. Were it to take one from c and one from d, key 2 of both would pair.
    assert texts["e"][ONE] == texts["c"][ONE].replace(" Key=2", "")
    assert texts["e"][TWO] == texts["d"][TWO] == texts["c"][TWO].replace(" Key=2", "").replace(" Key=-", "")
    assert texts["e"][ONE].count(">") == 2 and "OX=1" in texts["f"][TWO]


def test_a_bad_one_is_not_lent(campaign: Campaign) -> None:
    campaign.put("c/1.a3m", ONE, "MKV")
    campaign.put("d/1.a3m", ONE, "MKV----")
    rows = {key(row): row for row in campaign.collect().to_pylist()}
    assert rows["c", sha256(ONE)]["error"] and rows[None, sha256(ONE)]["origin"] == "d/1.a3m"


def test_a_file_that_cannot_be_read_ends_the_stage(campaign: Campaign) -> None:
    (campaign.given / "c").mkdir()
    (campaign.given / "c/1.a3m").symlink_to("/proc/self/mem")
    with pytest.raises(MissingError, match=r"1 alignments cannot be had.*c/1\.a3m: cannot be read"):
        campaign.collect()


def test_what_a_complex_lends_is_not_searched(campaign: Campaign, tmp_path: Path) -> None:
    server = {"url": "http://127.0.0.1:9"}
    config = campaign.config(provider="directory,server,none", cache=tmp_path / "cache", server=server)

    def searched() -> set[str]:
        return set(batches(campaign.got.sequences, config, campaign.complexes)["sequence"].to_pylist())

    assert searched() == {ONE, TWO}
    campaign.put("c/1.a3m", ONE, "MKV----")
    assert searched() == {TWO}
    campaign.put("c/1.a3m", ONE, "MKV")  # cannot be used, so there is still need of one
    assert searched() == {ONE, TWO}
    (campaign.given / "d.a3m").write_text(WHOLE.replace("G-H-------AAG", "G-H---------"))
    assert searched() == set()


def test_without_provider_directory_nothing_is_looked_for(campaign: Campaign) -> None:
    campaign.put("c/1.a3m", ONE, "MKV----")
    assert {row["complex_id"] for row in campaign.collect(provider="none").to_pylist()} == {None}


def test_results_of_one_campaign_are_the_folder_of_the_next(campaign: Campaign) -> None:
    campaign.put("P00001.a3m", ONE, "MKVLAA-")
    campaign.put("c/1.a3m", ONE, "MKV----")
    first = campaign.collect().to_pylist()
    (campaign.root / "03_msa").rename(campaign.root / "before")
    again = campaign.collect(directory=campaign.root / "before").to_pylist()
    assert [row["file_sha256"] for row in again] == [row["file_sha256"] for row in first]
    assert [row["complex_id"] for row in again] == [None, None, "c"]


def test_a_protein_without_any_row_is_a_single_sequence(campaign: Campaign) -> None:
    molecules = entities(campaign.got.sequences, empty(MSA), campaign.root)
    assert molecules["protein", sha256(ONE), None] == {"sequence": ONE, "msa": "empty"}


def test_a_complex_called_like_a_protein(tmp_path: Path) -> None:
    campaign = Campaign(tmp_path, P00001=["P00001", "P00002"])
    campaign.put("P00001.a3m", ONE, "MKVLAA-")
    rows = campaign.collect().to_pylist()
    assert {row["complex_id"] for row in rows} == {None} and not any(row["error"] for row in rows)


@pytest.mark.model
def test_a_real_complex(tmp_path: Path, shared_data: Path) -> None:
    from boltz.data.parse.a3m import parse_a3m

    folder, parts = shared_data / "msa", ("pairing", "non_pairing")
    files = {(n, part): folder / f"opendde_7wux_{n}_{part}.a3m" for n in (1, 2) for part in parts}
    proteins = {n: files[n, "pairing"].read_text().split("\n")[1] for n in (1, 2)}
    fasta = tmp_path / "real.fasta"
    fasta.write_text("".join(f">P0000{n}\n{text}\n" for n, text in proteins.items()))
    given = tmp_path / "given"
    for (n, part), file in files.items():
        (given / f"7wux/msa/{n}").mkdir(parents=True, exist_ok=True)
        (given / f"7wux/msa/{n}/{part}.a3m").symlink_to(file)
    table = complexes(**{"7wux": ["P00001", "P00002"], "other": ["P00002"]})
    got = resolve(table, SequencesConfig(fasta=[fasta]))
    config = MsaConfig(provider="directory", directory=given)
    rows = collect(got.sequences, config, tmp_path / "03_msa", {}, table).to_pylist()
    assert (
        sorted((row["complex_id"] or "", row["error"]) for row in rows)
        == [("", None)] * 2 + [("7wux", None)] * 2
    )
    for row in rows:
        (n,) = (n for n, text in proteins.items() if sha256(text) == row["sha256"])
        rows_given = sum(files[n, part].read_text().count(">") for part in parts) - 1
        assert (tmp_path / row["path"]).read_text().count(">") == rows_given
        read = parse_a3m(tmp_path / row["path"], taxonomy=None).sequences
        assert set(read["res_end"] - read["res_start"]) == {row["length"]} == {len(proteins[n])}
        assert 500 < len(read) == row["depth"] <= rows_given
        assert len(row["species"]) > 200


def test_members_of_one_sequence(tmp_path: Path) -> None:
    campaign = Campaign(tmp_path, c=["P00003", "P00002"], d=["P00001", "P00003"])
    campaign.put("d/2.a3m", ONE, "MKV----")
    msa = campaign.collect()
    rows = [key(row) for row in msa.to_pylist()]
    assert rows.count(("d", sha256(ONE))) == 1 and ("c", sha256(ONE)) not in rows
    (row,) = [r for r in campaign.count(msa).tokens.to_pylist() if r["complex_id"] == "d"]
    assert (row["msa_depth"], row["n_entities"]) == (2, 1)


def test_a_decoy_is_made_and_folded_with_the_shared_ones(tmp_path: Path) -> None:
    # P00001 has no shared alignment that can be used, but one complex its own: it gets no decoy, and says so.
    hand = Hand(tmp_path)
    hand.members_of("P00001 P00002 P00003 P00004 P00005 P00006")
    shared = hand._msa().to_pylist()
    bad, depth = sha256("P00001"), 50
    for row in shared:
        row |= {"error": "malformed", "depth": 0} if row["sha256"] == bad else {}
    own = [shared[0] | {"sha256": bad, "complex_id": "a", "depth": depth, "error": None, "path": "x"}]
    own.append(shared[1] | {"sha256": sha256("P00003"), "complex_id": "b", "depth": depth, "path": "y"})
    hand._msa = lambda: rows_to_table(MSA, [*shared, *own])
    got = hand.run(
        "complex_id\tmembers\na\tP00001;P00002\nb\tP00003;P00004\nc\tP00005;P00006\n", per_complex=1
    )
    assert set(got.decoys["matched_to"].to_pylist()) == {"b", "c"}
    members = {m["member"] for row in got.decoys.to_pylist() for m in row["members"]}
    assert "P00001" not in members and "P00003" in members  # not lost for being deep in one complex
    (lacking,) = got.rejected.to_pylist()
    assert lacking["complex_id"] == "a" and "only its own alignment of P00001" in lacking["reason"]


def test_half_a_million_complexes_without_any_cost_little(campaign: Campaign) -> None:
    n = 500_000
    table = complexes(x=["P00001", "P00002"]).take([0] * n)
    table = table.set_column(0, table.schema.field(0), pa.array([f"pair{number}" for number in range(n)]))
    campaign.put("pair77/1.a3m", ONE, "MKV----")
    start = time.perf_counter()
    msa = collect(campaign.got.sequences, campaign.config(), campaign.root / "03_msa", {}, table)
    assert time.perf_counter() - start < 10
    assert msa["complex_id"].to_pylist() == [None, None, "pair77"]

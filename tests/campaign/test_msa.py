import gzip
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from campaign.make_tables import by, complexes, sha256
from msa.colabfold_standin import Standin

from foldcp.campaign.msa import batches, collect, search
from foldcp.campaign.sequences import resolve
from foldcp.config import MsaConfig, SequencesConfig
from foldcp.errors import InputError, MissingError
from foldcp.msa.a3m import read

QUERY = "MKVLAAG"


@pytest.fixture
def given(tmp_path: Path) -> Path:
    (tmp_path / "given").mkdir()
    return tmp_path / "given"


def sequences(tmp_path: Path, *members: str, fasta: str = f">P00001\n{QUERY}\n") -> pa.Table:
    path = tmp_path / "s.fasta"
    path.write_text(fasta)
    return resolve(complexes(c=list(members)), SequencesConfig(fasta=[path])).sequences


def collect_one(tmp_path: Path, given: Path, text: str | bytes, name: str = "P00001.a3m") -> dict:
    (given / name).write_bytes(text.encode() if isinstance(text, str) else text)
    config = MsaConfig(provider="directory", directory=given)
    (row,) = collect(sequences(tmp_path, "P00001"), config, tmp_path / "out" / "03_msa").to_pylist()
    return row


def test_none_is_a_single_sequence_each(tmp_path: Path) -> None:
    fasta = f">P00001\n{QUERY}\n>P00002\nMK\n>P00003\nMK\n>URS000012D749\nACGU\n"
    table = sequences(tmp_path, "P00001", "P00002", "P00003", "URS000012D749", fasta=fasta)
    got = collect(table, MsaConfig(), tmp_path / "03_msa")
    assert {r["sha256"]: (r["length"], r["provider"], r["depth"], r["path"]) for r in got.to_pylist()} == {
        sha256(QUERY): (7, "none", 1, None),
        sha256("MK"): (2, "none", 1, None),
    }
    assert (tmp_path / "03_msa").is_dir()


@pytest.mark.parametrize(
    "name", ["P00001.a3m", "P00001.a3m.gz", f"{sha256(QUERY)}.a3m", f"{sha256(QUERY)}.a3m.gz"]
)
def test_alignment_is_found_checked_and_rewritten(tmp_path: Path, given: Path, name: str) -> None:
    # Comments, wrapped rows, carriage returns, insertions and the dots of a2m.
    text = "#7\t1\n>query\r\nMKVL\r\nAAG\n>UniRef100_A taxid=1\nMK-Laa\nA.AG\n\n>b\n-------\n"
    content = gzip.compress(text.encode()) if name.endswith(".gz") else text
    row = collect_one(tmp_path, given, content, name)
    written = tmp_path / "out" / "03_msa" / f"{sha256(QUERY)}.a3m"
    expected = ">query\nMKVLAAG\n>UniRef100_A taxid=1\nMK-LaaAAG\n>b\n-------\n"
    assert written.read_text() == expected
    assert row == {
        "sha256": sha256(QUERY),
        "complex_id": None,
        "length": 7,
        "provider": "directory",
        "path": f"03_msa/{sha256(QUERY)}.a3m",
        "depth": 3,
        "file_sha256": sha256(expected),
        "error": None,
        "coverage": pytest.approx(6 / 14),
        "origin": name,
        "failure": None,
        "species": [],
        "n_species_rows": 0,
    }


def test_species_are_listed_and_the_map_adds_to_them(tmp_path: Path, given: Path) -> None:
    (given / "P00001.a3m").write_text(
        f">q OX=9606\n{QUERY}\n>sp|P1|X_YEAST\nMKVLAAA\n>again\tX_YEAST\nMKVLAAC\n>UniRef100_A1\nMKVLACC\n"
        ">UniRef100_A2\nMKVLACC\n>UniRef100_A3\nMKVLCCC\n"
    )
    table = sequences(tmp_path, "P00001")
    config = MsaConfig(provider="directory", directory=given)
    (row,) = collect(table, config, tmp_path / "03_msa").to_pylist()
    assert (row["depth"], row["species"], row["n_species_rows"]) == (5, ["YEAST"], 2)
    (tmp_path / "map.tsv").write_text("A1\t10\nA2\t11\nA3\t12\nP1\t13\n")
    mapped = config.model_copy(update={"species": tmp_path / "map.tsv"})
    (row,) = collect(table, mapped, tmp_path / "03_msa").to_pylist()
    # A2's row is that of A1.
    assert (row["depth"], row["species"], row["n_species_rows"]) == (5, ["YEAST", "10", "12"], 4)
    written = (tmp_path / row["path"]).read_text()
    assert ">UniRef100_A1\tTaxID=10\nMKVLACC\n" in written and ">sp|P1|X_YEAST\n" in written


def test_alignments_are_thinned_out(tmp_path: Path, given: Path) -> None:
    (given / "P00001.a3m").write_text(f">q\n{QUERY}\n>a\nMKVLAAC\n>b\nMKVLACC\n>c OX=7\nMKVLAAW\n")
    config = MsaConfig(provider="directory", directory=given, max_identity=0.8)
    (row,) = collect(sequences(tmp_path, "P00001"), config, tmp_path / "03_msa").to_pylist()
    assert (tmp_path / row["path"]).read_text() == f">q\n{QUERY}\n>b\nMKVLACC\n>c OX=7\nMKVLAAW\n"
    assert row["depth"] == 3


def test_hash_wins_over_accession(tmp_path: Path, given: Path) -> None:
    (given / f"{sha256(QUERY)}.a3m").write_text(f">q\n{QUERY}\n>a\nMKVLAAC\n")
    assert collect_one(tmp_path, given, "rubbish")["depth"] == 2


def test_sequence_without_file_is_single(tmp_path: Path, given: Path) -> None:
    (given / "P00002.a3m").write_text(f">q\n{QUERY}\n")
    config = MsaConfig(provider="directory,none", directory=given)
    (row,) = collect(sequences(tmp_path, "P00001"), config, tmp_path / "03_msa").to_pylist()
    assert (row["provider"], row["depth"], row["path"], row["failure"]) == ("none", 1, None, None)


def test_canonical_stand_in_takes_the_alignment_of_the_entry(tmp_path: Path, given: Path) -> None:
    (given / "P00001.a3m").write_text(f">q\n{QUERY}\n>a\nMKVLAAC\n")
    (given / "P00001-2.a3m").write_text(">isoform\nMK\n")
    table = sequences(tmp_path, "P00001-2")
    config = MsaConfig(provider="directory", directory=given)
    (row,) = collect(table, config, tmp_path / "03_msa").to_pylist()
    assert (row["depth"], row["error"]) == (2, None)


def test_letters_that_boltz_does_not_tell_apart_are_the_same_query(tmp_path: Path, given: Path) -> None:
    (given / "P00001.a3m").write_text(">q\nMXK\n")
    table = sequences(tmp_path, "P00001", fasta=">P00001\nMUK\n")
    config = MsaConfig(provider="directory", directory=given)
    assert by(collect(table, config, tmp_path / "03_msa"), "sha256")[sha256("MUK")]["error"] is None


MALFORMED = {
    "empty": (b"", "line 1: the file holds no FASTA record"),
    "no header": (b"MKVLAAG\n", "line 1: expected a header"),
    "comment only": (b"#7\t1\n", "line 1: the file holds no FASTA record"),
    "other query": (b">q\nMKVLAAC\n", "line 1: the first row .* is not the sequence"),
    "short query": (b">q\nMKVLAA\n", "line 1: the first row .6 columns. is not the sequence .*7 residues"),
    "query with gap": (b">q\nMKV-LAAG\n", "line 1: the first row"),
    "query with insertion": (b">q\nMKVLAAg\n", "line 1: the first row"),
    "empty query": (b">q\n>b\nMKVLAAG\n", "line 1: the first row"),
    "ragged row": (b">q\nMKVLAAG\n>b\nMKVLAA\n", "line 3: the row below has 6 columns"),
    "long row": (b">q\nMKVLAAG\n>b\nMKVLAAGG\n", "line 3: the row below has 8 columns"),
    "empty row": (b">q\nMKVLAAG\n>b\n>c\nMKVLAAG\n", "line 3: the row below has 0 columns"),
    "number": (b">q\nMKVLAAG\n>b\nMKVL1AG\n", "line 3: the row below has '1'"),
    "stop": (b">q\nMKVLAAG*\n", "line 1: the row below has '\\*'"),
    "joined by nul": (b">q\nMKVLAAG\n\x00>b\nMK\n", "line 1: the row below has '\\\\x00'"),
    "space in a row": (b">q\nMKV LAAG\n", "line 1: the row below has ' '"),
    "latin-1": (b">q\nMKVLAAG\n>prot\xe9ine\nMKVLAAG\n", "line 3: not UTF-8"),
    "truncated gzip": (gzip.compress(b">q\nMKVLAAG\n" * 99)[:-9], "gzip file is truncated"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_alignment_is_an_error_of_its_sequence(tmp_path: Path, given: Path, name: str) -> None:
    content, reason = MALFORMED[name]
    row = collect_one(tmp_path, given, content)
    assert (row["provider"], row["path"], row["depth"], row["file_sha256"]) == ("directory", None, 0, None)
    with pytest.raises(InputError, match=rf"P00001\.a3m.*{reason}"):
        list(read(given / "P00001.a3m", QUERY))
    assert str(given / "P00001.a3m") in row["error"]
    assert list((tmp_path / "out" / "03_msa").iterdir()) == []


def test_absent_folder(tmp_path: Path) -> None:
    config = MsaConfig(provider="directory", directory=tmp_path / "absent")
    with pytest.raises(InputError, match=r"absent: no such folder \(msa\.directory\)"):
        collect(sequences(tmp_path, "P00001"), config, tmp_path / "03_msa")


def test_real_alignment(shared_data: Path) -> None:
    path = shared_data / "msa" / "boltz_seq1.a3m"
    query = path.read_text().split("\n")[1]
    assert sum(1 for _ in read(path, query)) == path.read_text().count(">")


def test_providers_are_tried_in_order_and_what_fails_is_told(tmp_path: Path, given: Path) -> None:
    fasta = f">P00001\n{QUERY}\n>P00002\nMKV\n>P00003\nMKVL\n"
    (given / "P00001.a3m").write_text(f">q\n{QUERY}\n>a\nMKVLAAC\n")
    (given / "P00002.a3m").write_text(">q\nMKA\n")
    table = sequences(tmp_path, "P00001", "P00002", "P00003", fasta=fasta)

    def rows(**settings) -> dict[str, tuple]:
        config = MsaConfig(directory=given, **settings)
        got = collect(table, config, tmp_path / "03_msa").to_pylist()
        return {
            r["length"]: (r["provider"], r["depth"], bool(r["path"]), bool(r["error"]), bool(r["failure"]))
            for r in got
        }

    good, single = ("directory", 2, True, False, False), ("none", 1, False, False, False)
    rejected, folded = ("directory", 0, False, True, False), ("none", 1, False, False, True)
    assert rows(provider="directory,none") == {7: good, 3: rejected, 4: single}
    assert rows(provider="directory, none", on_failure="single") == {7: good, 3: folded, 4: single}
    # Without none at the end, to have no alignment is a failure.
    assert rows(provider="directory") == {7: good, 3: rejected, 4: rejected}
    assert rows(provider="directory", on_failure="single") == {7: good, 3: folded, 4: folded}


def test_zstd_and_members_of_one_sequence(tmp_path: Path, given: Path) -> None:
    with (given / "P00002.a3m.zst").open("wb") as raw, pa.CompressedOutputStream(raw, "zstd") as stream:
        stream.write(f">q\n{QUERY}\n>a\nMK-----\n".encode())
    table = sequences(tmp_path, "P00001", "P00002", fasta=f">P00001\n{QUERY}\n>P00002\n{QUERY}\n")
    config = MsaConfig(provider="directory", directory=given)
    (row,) = collect(table, config, tmp_path / "03_msa").to_pylist()
    assert (row["depth"], row["coverage"], row["origin"]) == (2, pytest.approx(2 / 7), "P00002.a3m.zst")


class Campaign:
    """Eleven proteins, a directory that has two of them, and a cache for the rest."""

    def __init__(self, tmp_path: Path, standin: Standin, provider: str = "directory,server,none") -> None:
        self.proteins = {f"P{n:05d}": "MKVL" + "ACDEFGHIKLN"[n] * (n + 1) for n in range(11)}
        fasta = "".join(f">{name}\n{text}\n" for name, text in self.proteins.items())
        self.table = sequences(tmp_path, *self.proteins, fasta=fasta)
        folder = tmp_path / "mine"
        folder.mkdir(exist_ok=True)
        for name in ("P00000", "P00001"):
            (folder / f"{name}.a3m").write_text(f">q\n{self.proteins[name]}\n>a\n{self.proteins[name]}\n")
        self.config = MsaConfig(
            provider=provider,
            directory=folder,
            cache=tmp_path / "cache",
            batch=4,
            server={"url": standin.url, "requests_per_second": 1},
        )

    def run(self, out: Path) -> tuple[pa.Table, dict[str, dict]]:
        cut = batches(self.table, self.config)
        failed = {}
        for name in sorted(set(cut["batch"].to_pylist())):
            failed |= {r["sha256"]: r["reason"] for r in search(cut, name, self.config).to_pylist()}
        return cut, by(collect(self.table, self.config, out, failed), "sha256")

    def row(self, rows: dict[str, dict], name: str) -> dict:
        return rows[sha256(self.proteins[name])]


@pytest.fixture
def standin(monkeypatch: pytest.MonkeyPatch) -> Iterator[Standin]:
    # The declared limits are for public servers; this one is ours.
    monkeypatch.setattr("foldcp.msa.server.Server._take_turn", lambda self: None)
    monkeypatch.setattr("foldcp.msa.server.Server._sleep", lambda self, waits, why: time.sleep(0.01))
    server = Standin()
    yield server
    server.shutdown()


def test_what_nobody_has_is_searched_in_batches_once(tmp_path: Path, standin: Standin) -> None:
    campaign = Campaign(tmp_path, standin)
    cut, rows = campaign.run(tmp_path / "03_msa")
    assert Counter(cut["batch"].to_pylist()) == {"00000": 3, "00001": 3, "00002": 3}
    assert {r["provider"] for r in rows.values()} == {"directory", "server"}
    found = campaign.row(rows, "P00007")
    # Its two databases gave equal rows.
    assert (found["depth"], found["error"]) == (2, None)
    assert '"provider": "server"' in found["origin"] and standin.url in found["origin"]
    written = (tmp_path / found["path"]).read_text()
    assert (
        written.startswith(f">query\n{campaign.proteins['P00007']}\n")
        and sha256(written) == found["file_sha256"]
    )
    # Another campaign has nothing left to search, and the same alignments.
    again, same = Campaign(tmp_path, standin).run(tmp_path / "again" / "03_msa")
    assert again.num_rows == 0 and same == rows
    assert len(standin.tickets) == 3


@pytest.mark.parametrize("policy", ["fail", "single"])
def test_a_failed_search_follows_the_policy(tmp_path: Path, standin: Standin, policy: str) -> None:
    campaign = Campaign(tmp_path, standin)
    campaign.config = campaign.config.model_copy(update={"on_failure": policy})
    standin.bad = campaign.proteins["P00005"]
    _, rows = campaign.run(tmp_path / "03_msa")
    row = campaign.row(rows, "P00005")
    reason = row["error"] if policy == "fail" else row["failure"]
    assert "server: " in reason and "status ERROR" in reason
    assert (row["provider"], row["depth"]) == (("server", 0) if policy == "fail" else ("none", 1))
    assert sum(bool(r["error"] or r["failure"]) for r in rows.values()) == 1
    # It is searched again the next time, and only it.
    assert batches(campaign.table, campaign.config)["sequence"].to_pylist() == [standin.bad]


def test_a_search_that_finds_only_the_query_has_no_alignment(tmp_path: Path, standin: Standin) -> None:
    orphan = Campaign(tmp_path, standin)
    standin.alone = orphan.proteins["P00009"]
    _, rows = orphan.run(tmp_path / "03_msa")
    row = orphan.row(rows, "P00009")
    assert (row["provider"], row["depth"], row["path"], row["failure"]) == ("none", 1, None, None)
    assert not (tmp_path / "03_msa" / f"{row['sha256']}.a3m").exists()
    strict = Campaign(tmp_path, standin, "directory,server")
    _, rows = strict.run(tmp_path / "strict" / "03_msa")
    assert "no alignment of it" in strict.row(rows, "P00009")["error"]


def test_a_cached_alignment_that_is_gone_or_damaged_says_nothing_of_its_sequence(
    tmp_path: Path, standin: Standin
) -> None:
    campaign = Campaign(tmp_path, standin)
    campaign.run(tmp_path / "03_msa")
    (gone,) = (tmp_path / "cache").rglob(f"{sha256(campaign.proteins['P00006'])}.*.zst")
    (damaged,) = (tmp_path / "cache").rglob(f"{sha256(campaign.proteins['P00007'])}.*.zst")
    gone.unlink()
    damaged.write_bytes(damaged.read_bytes()[:-5])
    for policy in ("fail", "single"):
        config = campaign.config.model_copy(update={"on_failure": policy})
        with pytest.raises(MissingError, match=r"alignments cannot be had.* with --forcerun msa_batches"):
            collect(campaign.table, config, tmp_path / "new" / "03_msa")
    assert batches(campaign.table, campaign.config).num_rows == 2


def test_another_cache_or_an_unreadable_file_ends_the_stage(tmp_path: Path, standin: Standin) -> None:
    campaign = Campaign(tmp_path, standin)
    standin.bad = campaign.proteins["P00005"]
    campaign.run(tmp_path / "03_msa")
    failed = {sha256(standin.bad): "its search failed"}
    elsewhere = campaign.config.model_copy(update={"cache": tmp_path / "elsewhere"})
    with pytest.raises(MissingError, match=r"8 alignments cannot be had, nothing is decided.*elsewhere"):
        collect(campaign.table, elsewhere, tmp_path / "03_msa", failed)
    mine = tmp_path / "mine" / "P00000.a3m"
    mine.unlink()
    mine.symlink_to("/proc/self/mem")
    with pytest.raises(MissingError, match=r"1 alignments.*P00000\.a3m: cannot be read: Input/output error"):
        collect(campaign.table, campaign.config, tmp_path / "03_msa", failed)

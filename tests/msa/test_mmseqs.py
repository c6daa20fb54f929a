"""Real searches of small real databases."""

import hashlib
import re
import shutil
import subprocess

import pytest

from foldcp.config.alignments import MmseqsConfig, MsaConfig
from foldcp.errors import InputError, MissingError, UsageError
from foldcp.msa import a3m
from foldcp.msa.cache import provenance
from foldcp.msa.mmseqs import Mmseqs
from foldcp.msa.providers import searched
from foldcp.msa.query import Query, SearchError

SHORT = "MK"
ODD = "MKUUXBZGSHMLEDPVAOJ"
SETTINGS = {"threads": 1, "sensitivity": 4.0}


def query(sequence: str) -> Query:
    return Query(hashlib.sha256(sequence.encode()).hexdigest(), sequence)


def found(search: Mmseqs, sequences: list[str]) -> dict[str, list[a3m.Row]]:
    return {q.sequence: list(rows) for q, rows in search.search([query(s) for s in sequences])}


def accessions(rows: list[a3m.Row]) -> set[str]:
    return {header.split("\t")[0] for header, _ in rows[1:]}


@pytest.fixture(scope="module")
def targets(databases) -> list[str]:
    """Two of a family, one of which has letters that MMseqs2 does not know."""
    first, second = (protein.sequence for protein in databases.family[:2])
    return [first, f"{second[:50]}UU{second[52:]}"]


@pytest.fixture(scope="module")
def expanded(databases, targets) -> dict[str, list[a3m.Row]]:
    """The targets searched in the clustered database."""
    return found(Mmseqs(MmseqsConfig(database=databases.clustered, **SETTINGS)), targets)


def test_a_plain_database(databases, targets):
    # More than the 32 pieces that MMseqs2 shuffles.
    others = [SHORT, ODD, *(f"MW{a}W{b}WHC" for a in "ACDEFG" for b in "HIKLMN")]
    got = found(Mmseqs(MmseqsConfig(database=databases.plain, **SETTINGS)), [*targets, *others])
    assert list(got) == [*targets, *others]
    known = {protein.header.split("|")[1]: protein.header for protein in databases.proteins}
    for target in targets:
        assert got[target][0] == ("query", target)
        assert accessions(got[target]) and accessions(got[target]) <= set(known)
        for header, row in got[target][1:]:
            assert len(re.sub("[a-z]", "", row)) == len(target)
            # The species of a row is in its header, for pairing.
            assert header.endswith(f"\t{known[header.split(chr(9))[0]]}") and " OX=" in header
    assert {len(got[sequence]) for sequence in others} == {1}


def test_a_protein_that_could_be_a_gene_and_one_round(databases):
    once = MmseqsConfig(database=databases.plain, iterations=1, **SETTINGS)
    assert found(Mmseqs(once), ["GATTACAGATTACA"]) == {"GATTACAGATTACA": [("query", "GATTACAGATTACA")]}


def test_members_of_clusters_are_found_through_a_clustered_database(databases, expanded):
    members = {protein.header.split("|")[1] for protein in databases.family[1:]}
    for target, rows in expanded.items():
        assert rows[0] == ("query", target)
        assert len(accessions(rows) & members) > 1


def test_a_second_database_adds_rows(databases, targets, expanded):
    both = MmseqsConfig(database=databases.clustered, environmental=databases.plain, **SETTINGS)
    one, two = expanded[targets[0]], found(Mmseqs(both), targets[:1])[targets[0]]
    assert two[: len(one)] == one
    assert len(two) > len(one) and two.count(two[0]) == 1


def test_through_the_cache(databases, targets, tmp_path):
    mmseqs = {"database": databases.plain, **SETTINGS}
    provider = searched(MsaConfig(provider="mmseqs", cache=tmp_path, mmseqs=mmseqs))
    wanted = [query(targets[0]), query(SHORT)]
    assert provider.fill(wanted) == {}
    said = provenance(provider.cache.path(wanted[0]))
    assert said["tool"] == "MMseqs2" and said["version"] and said["parameters"]["sensitivity"] == 4.0
    assert said["databases"][0]["name"] == "plain" and said["database_dates"]["plain"].startswith("20")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.zst")}
    assert provider.fill(wanted) == {}
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.zst")} == before
    mmseqs["sensitivity"] = 5.0
    other = searched(MsaConfig(provider="mmseqs", cache=tmp_path, mmseqs=mmseqs))
    assert not other.has(wanted[0])


def test_a_search_keeps_to_its_memory(databases, targets, tmp_path):
    program, told = tmp_path / "mmseqs", tmp_path / "told"
    program.write_text(f'#!/bin/sh\necho "$@" >> {told}\nexec {shutil.which("mmseqs")} "$@"\n')
    program.chmod(0o755)
    settings = MmseqsConfig(database=databases.plain, program=str(program), **SETTINGS)
    free = found(Mmseqs(settings), targets[:1])
    assert "split-memory-limit" not in told.read_text()
    limited = settings.model_copy(update={"memory_mb": 2000})
    assert found(Mmseqs(limited), targets[:1]) == free
    (search,) = [line for line in told.read_text().splitlines() if "split-memory-limit" in line]
    assert search.startswith("search ") and "--split-memory-limit 1600M" in search


def test_threads_memory_and_program_are_not_part_of_the_recipe(databases):
    first = Mmseqs(MmseqsConfig(database=databases.plain)).recipe
    again = Mmseqs(
        MmseqsConfig(database=databases.plain, threads=9, memory_mb=999, program=shutil.which("mmseqs"))
    )
    assert again.recipe == first


def test_a_program_that_is_not_there(databases):
    search = Mmseqs(MmseqsConfig(database=databases.plain, program="no-such-mmseqs"))
    with pytest.raises(MissingError, match="no program 'no-such-mmseqs'"):
        list(search.search([query(SHORT)]))


def test_a_database_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="no MMseqs2 database"):
        Mmseqs(MmseqsConfig(database=tmp_path / "absent"))


def test_a_damaged_database_is_a_failed_search(databases, tmp_path):
    for path in databases.plain.parent.glob("plain*"):
        shutil.copy(path, tmp_path)
    (tmp_path / "plain.dbtype").write_bytes(b"\x07\0\0\0")
    search = Mmseqs(MmseqsConfig(database=tmp_path / "plain", **SETTINGS))
    with pytest.raises(SearchError, match=r"mmseqs search failed with exit code \d+: .*\w"):
        list(search.search([query("MKVLAAGTRESPLIKWNDQH")]))


def test_an_old_program_has_no_gpu(databases):
    said = subprocess.run(["mmseqs", "search", "-h"], capture_output=True, text=True).stdout
    if "--gpu " in said:
        pytest.skip("this MMseqs2 can search on a GPU")
    with pytest.raises(UsageError, match="cannot search on a GPU"):
        list(Mmseqs(MmseqsConfig(database=databases.plain, gpu=True)).search([query(SHORT)]))

"""Screens: lists of baits and preys become pairs."""

import itertools
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foldcp.campaign.complexes import read
from foldcp.campaign.screen import pairs
from foldcp.config import ComplexesConfig, ScreenConfig
from foldcp.errors import InputError
from foldcp.names import safe_id
from foldcp.tables.rows import check
from foldcp.tables.schemas import COMPLEXES, REJECTED


@pytest.fixture
def screen(tmp_path):
    """Run a screen from the texts of its files."""

    def run(homodimers=False, **texts):
        for name, text in texts.items():
            (tmp_path / f"{name}.txt").write_text(text)
        files = {name: tmp_path / f"{name}.txt" for name in texts}
        return pairs(ScreenConfig(homodimers=homodimers, **files))

    return run


def roles(got):
    return {row["complex_id"]: row["role"] for row in got.complexes.to_pylist()}


def test_baits_meet_preys_or_one_another(screen):
    assert roles(screen(baits="P00002\nP00001\nP00003\n")) == dict.fromkeys(
        ["P00001_P00002", "P00001_P00003", "P00002_P00003"], "candidate"
    )
    got = screen(baits="P00009\n", preys="P00001\nP00002\n")
    assert list(roles(got)) == ["P00009_P00001", "P00009_P00002"]
    row = got.complexes.to_pylist()[0]
    assert [m["member"] for m in row["members"]] == ["P00009", "P00001"]
    assert (row["source_id"], row["source_format"], row["n_chains"]) == ("P00009_P00001", "screen", 2)
    assert (row["same_as"], row["matched_to"], row["annotations"]) == ("P00009_P00001", None, [])
    assert (got.format, got.n_rows) == ("screen", 2)


def test_a_pair_is_one_whichever_way_round(screen):
    got = screen(baits="P00001\nP00002\nP00001\n", preys="P00002\nP00001\nP00003\n")
    assert list(roles(got)) == ["P00001_P00002", "P00001_P00003", "P00002_P00003"]
    other = screen(baits="P00002\nP00001\n", preys="P00003\nP00001\nP00002\n")
    assert list(roles(got)) == list(roles(other))


def test_homodimers_are_asked_for(screen):
    lists = {"baits": "member,copies\nP00001,2\nP00002,\n"}
    assert list(roles(screen(**lists))) == ["P00001_P00002"]
    got = {row["complex_id"]: row for row in screen(homodimers=True, **lists).complexes.to_pylist()}
    assert [m["copies"] for m in got["P00001_P00001"]["members"]] == [4]
    assert [m["copies"] for m in got["P00001_P00002"]["members"]] == [2, 1]
    both = screen(homodimers=True, baits="P00001\n", preys="P00001\nP00002\n")
    assert list(roles(both)) == ["P00001_P00001", "P00001_P00002"]


def test_known_pairs_are_known_in_either_direction_and_as_isoforms(screen):
    known = (
        "complex_id,members\na,P00003;P00001\nb,P00002(2)\nc,P00001;P77777\nd,TP53\ne,P00003;P00004;TP53\n"
    )
    lists = "P00001\nP00002\nP00003-2\nP00004\n"
    got = screen(baits=lists, known=known, homodimers=True)
    assert {name for name, role in roles(got).items() if role == "known"} == {
        "P00001_P00003-2",
        "P00002_P00002",
        "P00003-2_P00004",
    }
    assert "4 records of partners; 3 pairs of the screen are known by them" in got.remarks[0]
    assert "1 records name no molecule" in got.remarks[1]


def test_names_of_a_list_name_the_pair(screen):
    got = screen(baits="# my baits\nmember\tname\nP00001\tspike\n", preys="P00002\nP00003 (2)\n")
    rows = got.complexes.to_pylist()
    assert [row["name"] for row in rows] == ["spike - P00002", "spike - P00003"]
    assert rows[1]["n_chains"] == 3
    assert screen(baits="P00001\nP00002\n").complexes["name"].to_pylist() == [None]


def test_a_list_may_be_a_csv_of_any_order(screen):
    got = screen(baits='name,copies,member\n"a; b",2,P00001\nonly a name\nc,x,P00002\n,,P00003\n')
    (row,) = got.complexes.to_pylist()
    assert (row["complex_id"], row["name"], row["n_chains"]) == ("P00001_P00003", "a; b - P00003", 3)
    assert [(r["source_row"], r["reason_code"]) for r in got.rejected.to_pylist()] == [
        (3, "malformed_member"),
        (4, "malformed_copies"),
    ]


def test_bad_lines_are_rejected_with_their_number(screen):
    got = screen(baits="P00001\n\nTP53\nP00002(x)\nP00001(3)\nP00003(0)\n", preys="p00004\nP00005\n")
    assert list(roles(got)) == ["P00001_P00005"]
    rows = got.rejected.to_pylist()
    assert [(row["source_row"], row["reason_code"]) for row in rows] == [
        (3, "malformed_member"),
        (4, "malformed_copies"),
        (5, "malformed_copies"),
        (6, "malformed_copies"),
        (1, "malformed_member"),
    ]
    assert (
        "baits.txt, line 3: 'TP53' is no identifier" in rows[0]["reason"] and rows[0]["source_id"] == "TP53"
    )
    assert "3 copies of P00001(3) here and 1 above" in rows[2]["reason"]
    assert "preys.txt, line 1" in rows[4]["reason"] and "perhaps P00004" in rows[4]["reason"]
    assert got.n_rows == 6 and got.rejected.schema.equals(REJECTED.schema)


def test_a_list_that_is_empty_or_absent_is_an_error(screen, tmp_path):
    with pytest.raises(InputError, match=r"baits\.txt: the list is empty; expected one protein per line"):
        screen(baits="# nothing\n\n")
    with pytest.raises(InputError, match="no such file"):
        pairs(ScreenConfig(baits=tmp_path / "none.txt"))


def test_the_complexes_stage_takes_either(tmp_path):
    (tmp_path / "b.txt").write_text("P00001\nP00002\n")
    (tmp_path / "t.csv").write_text("complex_id,members\nx,P00001;P00002\n")
    assert read(ComplexesConfig(screen=ScreenConfig(baits=tmp_path / "b.txt"))).format == "screen"
    got = read(ComplexesConfig(table=tmp_path / "t.csv"))
    assert (got.format, roles(got)) == ("csv", {"x": "input"})


NAMES = st.sampled_from(["P00001", "P00001-2", "P00002", "EBI-1", "own:a", "own:A", "own:a_own:a"])


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    baits=st.lists(NAMES, min_size=1),
    preys=st.lists(NAMES, min_size=1) | st.none(),
    homodimers=st.booleans(),
    known=st.lists(st.tuples(NAMES, NAMES), min_size=1),
)
def test_every_pair_is_there_once(tmp_path, baits, preys, homodimers, known):
    (tmp_path / "b").write_text("\n".join(baits))
    (tmp_path / "p").write_text("\n".join(preys or ["P00001"]))
    (tmp_path / "k").write_text("\n".join(["id_a,id_b", *(f"{a},{b}" for a, b in known)]))
    config = ScreenConfig(
        baits=tmp_path / "b",
        preys=tmp_path / "p" if preys else None,
        known=tmp_path / "k",
        homodimers=homodimers,
    )
    got = pairs(config)
    rows = check(COMPLEXES, got.complexes).to_pylist()
    found = [frozenset(m["member"] for m in row["members"]) for row in rows]
    wanted = {frozenset(pair) for pair in itertools.product(baits, preys or baits)}
    assert set(found) == {pair for pair in wanted if homodimers or len(pair) == 2}
    assert len(found) == len(set(found)) == len({row["complex_id"].lower() for row in rows})
    assert all(safe_id(row["complex_id"]) == row["complex_id"] and row["n_chains"] == 2 for row in rows)
    entry = {name: name.removesuffix("-2") for name in itertools.chain(baits, preys or [], *known)}
    interacting = {frozenset(entry[name] for name in pair) for pair in known}
    for row, pair in zip(rows, found, strict=True):
        # Two isoforms of one entry stand for the same molecule twice, like the two copies of a homodimer.
        expected = frozenset(entry[name] for name in pair) in interacting
        if not (len(pair) == 2 and len({entry[name] for name in pair}) == 1):
            assert row["role"] == ("known" if expected else "candidate")


def test_pairs_do_not_fill_the_memory(tmp_path):
    path: Path = tmp_path / "baits.txt"
    path.write_text("\n".join(f"P{n:05d}" for n in range(300)))
    tracemalloc.start()
    got = pairs(ScreenConfig(baits=path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert got.complexes.num_rows == 300 * 299 // 2
    assert peak < 1000 * got.complexes.num_rows  # rows as Python objects would be 3 kB each

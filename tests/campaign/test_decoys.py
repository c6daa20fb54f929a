"""What decoys are matched on, who may not meet in them, and which complexes get none."""

import itertools
import random
import time
from collections import Counter

import pytest
from hand_made import Hand
from make_tables import by

from foldcp import config
from foldcp.campaign.complexes import read
from foldcp.campaign.controls import make_controls
from foldcp.errors import InputError
from foldcp.names import safe_id
from foldcp.tables.rows import empty, rows_to_table
from foldcp.tables.schemas import SEQUENCES, UNRESOLVED


@pytest.fixture
def hand(tmp_path):
    return Hand(tmp_path)


def drawn(got):
    """Return original -> members of its decoys."""
    found = {}
    for row in got.decoys.to_pylist():
        found.setdefault(row["matched_to"], []).append({m["member"] for m in row["members"]})
    return found


def partners(got):
    """Return the pairs that meet in some decoy."""
    sets = [members for decoys in drawn(got).values() for members in decoys]
    return {frozenset(pair) for members in sets for pair in itertools.combinations(members, 2)}


FOUR = "complex_id\tmembers\na\tP00001;P00002\nb\tP00003;P00004\n"


def test_without_decoys_nothing_is_read(hand):
    hand.members_of("P00001 P00002 P00003 P00004")
    got = hand.run(FOUR, per_complex=0, known_partners=["no/such/file"])
    assert got.decoys.num_rows == got.rejected.num_rows == 0
    with pytest.raises(InputError, match="no/such/file"):
        hand.run(FOUR, known_partners=["no/such/file"])


def test_the_row_says_what_it_is(hand):
    hand.members_of("P00001 P00002 P00003 P00004")
    hand.members["P00001"]["length"] = 104
    got = hand.run(
        "complex_id\tmembers\torganism\tname\n"
        "x y\tP00001(2);P00002\tHuman\tpair\nb\tP00003;P00004\tHuman\tother\n"
    )
    row = by(got.decoys, "name")["decoy of pair"]
    original = by(hand.complexes, "source_id")["x y"]
    assert row["matched_to"] == original["complex_id"] and row["organism"] == "Human"
    assert row["complex_id"] == f"decoy-{original['complex_id']}-1"
    assert sorted(m["copies"] for m in row["members"]) == [1, 2]
    assert {m["copies_source"] for m in row["members"]} == {"table", "assumed"}
    assert (row["n_members"], row["n_chains"], row["source_row"]) == (2, 3, 1)
    assert row["flags"][2] == "matched:depth=x1" and row["content_key"] != original["content_key"]
    assert any("2 decoys" in remark for remark in got.remarks)


def test_a_decoys_name_is_safe_and_nobodys_else(hand):
    hand.members_of("P00001 P00002 P00003 P00004 P00005 P00006")
    long = "x" * 80
    got = hand.run(
        f"complex_id\tmembers\na\tP00001;P00002\nDecoy-a-1\tP00003;P00004\n{long}\tP00005;P00006\n"
    )
    names = got.decoys["complex_id"].to_pylist()
    assert len(names) == 3 and all(safe_id(name) == name for name in names)
    assert "decoy-a-1-2" in names


@pytest.mark.parametrize(
    "known",
    [
        "id_a,id_b\nP00001,P00003\n",
        "id_a,id_b\nP00003-3,P00001-2\n",
        "complex_id,members\nx,P00001;P00003;TP53\n",
        "complex_id,members\nx,P00001(y);P00003\n",
        'complex_id,members\nx,"[P00009,P00003];P00001"\n',
        "complex_id,members\nx,CPX-1;P00001\nCPX-1,CPX-2;P00009\nCPX-2,P00003\n",
    ],
    ids=["pair", "isoforms", "malformed row", "malformed copies", "set", "nested"],
)
def test_partners_known_elsewhere_do_not_meet(hand, known):
    hand.members_of("P00001 P00002 P00003 P00004")
    assert frozenset(("P00001", "P00003")) in partners(hand.run(FOUR, per_complex=9))
    assert partners(hand.run(FOUR, per_complex=9, known=[known])) == {
        frozenset(pair) for pair in (("P00001", "P00004"), ("P00002", "P00003"), ("P00002", "P00004"))
    }


def test_what_a_table_of_partners_has_to_say_of_the_campaign_is_counted(hand):
    hand.members_of("P00001 P00002 P00003 P00004")
    got = hand.run(FOUR, known=["id_a,id_b\nP00001-2,P00003\nP00001,P77777\nP77777,P88888\n"])
    (said,) = (remark for remark in got.remarks if "known0" in remark)
    assert "3 records of partners, 1 of them between molecules of this campaign" in said


@pytest.mark.parametrize(
    ("known", "theirs"),
    [
        ("protein1 protein2 combined_score\n9606.ENSP00000000233 9606.ENSP00000272298 490\n", "ensembl"),
        ("id_a,id_b\nTP53,MDM2\n", "nothing that is known"),
    ],
)
def test_partners_of_another_database_are_warned_of(hand, known, theirs):
    hand.members_of("P00001 P00002 P00003 P00004")
    got = hand.run(FOUR, known=[known])
    (warned,) = (remark for remark in got.remarks if remark.startswith("warning"))
    assert "known0" in warned and f"by {theirs}, those of this campaign by uniprot" in warned


def test_rejected_rows_of_the_table_itself_say_who_meets(hand):
    hand.members_of("P00001 P00002 P00003 P00004")
    rows = "c\tP00001;P00003;TP53\nd\tP00001;P00004;P99999x\n"
    got = hand.run(FOUR + rows, per_complex=9)
    assert partners(got) == {frozenset(("P00002", "P00003")), frozenset(("P00002", "P00004"))}


def test_equal_sequences_and_isoforms_are_one_protein(hand):
    hand.members_of("P00001 P00002 P00003 P00004 P00005")
    hand.members_of("P00003-2")
    hand.members_of("P00006", sequence="P00004")
    table = FOUR + "c\tP00001;P00003-2\nd\tP00001;P00006\ne\tP00005;P00002\n"
    met = partners(hand.run(table, per_complex=20))
    assert met and not met & {
        frozenset(pair)
        for pair in [("P00001", "P00003"), ("P00001", "P00004"), ("P00003", "P00003-2"), ("P00004", "P00006")]
    }


def test_a_complex_of_one_protein_gets_no_decoy_and_the_reason(hand):
    hand.members_of("P00001 P00002 P00003 P00004 CHEBI:1")
    got = hand.run(FOUR + "homo\tP00001(2)\nbound\tP00001;CHEBI:1\n")
    assert set(drawn(got)) == {"a", "b"}
    rows = by(got.rejected, "complex_id")
    assert set(rows) == {"homo", "bound"}
    assert "one distinct protein or nucleic acid" in rows["homo"]["reason"]
    assert (rows["homo"]["stage"], rows["homo"]["reason_code"]) == ("controls", "no_decoy")


def test_what_resembles_nothing_is_named(hand):
    hand.members_of("P00001 P00002 P00003 P00004")
    hand.members_of("P00001", length=300, depth=50)
    got = hand.run(FOUR.replace("P00002\n", "P00002\n", 1) + "c\tP00001;P00003;P00002;P00004\n")
    assert (
        "no other subunit is like P00001 (300 residues or atoms, 50 aligned)"
        in got.rejected["reason"][0].as_py()
    )


def _two_kinds(hand, **facts):
    hand.members_of("P00001 P00002 P00003 P00004")
    hand.members_of("P00005 P00006 P00007 P00008", **facts)
    odd = "c\tP00005;P00006\nd\tP00007;P00008\n"
    for a, b in partners(hand.run(FOUR + odd, per_complex=9)):
        assert (a <= "P00004") == (b <= "P00004")


@pytest.mark.parametrize(
    "facts",
    [{"length": 112}, {"depth": 3}, {"taxid": 559292}, {"taxid": None}, {"entity_type": "rna"}],
    ids=lambda facts: next(iter(facts)),
)
def test_unlike_subunits_are_not_drawn(hand, facts):
    _two_kinds(hand, **facts)


def test_tolerances_are_what_they_say(hand):
    hand.members_of("P00001 P00002")
    hand.members_of("P00003 P00004", length=110, depth=2)
    assert drawn(hand.run(FOUR, length_tolerance=0.1))["a"]
    # Ten percent of 110 reaches 99, of 100 not 111.
    hand.members_of("P00003 P00004", length=111, depth=2)
    assert "a" not in drawn(hand.run(FOUR, length_tolerance=0.1))
    assert drawn(hand.run(FOUR, length_tolerance=0.11))["a"]
    assert "a" not in drawn(hand.run(FOUR, length_tolerance=0.11, depth_factor=1.9))


def test_organism_of_the_table_counts_where_the_sequence_has_no_taxon(hand):
    hand.members_of("P00001 P00002 P00003 P00004 P00005 P00006 P00007 P00008", taxid=None)
    rows = (
        "a\tP00001;P00002\tHuman\nb\tP00003;P00004\tHuman\nc\tP00005;P00006\tMouse\nd\tP00007;P00008\tMouse\n"
    )
    met = partners(hand.run(f"complex_id\tmembers\torganism\n{rows}", per_complex=9))
    assert met and all((a <= "P00004") == (b <= "P00004") for a, b in met)


def test_subunits_of_other_compartments_are_not_drawn(hand):
    hand.members_of(" ".join(f"P{n:05d}" for n in range(1, 9)))
    header = "ComplexID\tComplexName\tsubunits(UniProt IDs)\tFunCat ID\tFunCat description\n"
    places = (
        ("70.10.03", "chromosome"),
        ("70.10", "nucleus"),
        ("70.16", "mitochondrion"),
        ("70.16.05", "membrane"),
    )
    rows = [
        f"{n}\tx\tP{2 * n + 1:05d};P{2 * n + 2:05d}\t{term}\t{label}\n"
        for n, (term, label) in enumerate(places)
    ]
    met = partners(hand.run(header + "".join(rows), per_complex=9))
    assert met and all((a <= "P00004") == (b <= "P00004") for a, b in met)


def test_an_unusable_alignment_is_not_drawn(hand):
    hand.members_of("P00001 P00002 P00003 P00004 P00005 P00006")
    hand.members_of("P00005", error="broken")
    table = FOUR + "c\tP00005;P00006\n"
    assert "P00005" not in set().union(*partners(hand.run(table, per_complex=9)))


def test_a_share_of_complexes_gets_one_more(hand):
    hand.members_of(" ".join(f"P{n:05d}" for n in range(200)))
    table = "complex_id\tmembers\n" + "".join(f"c{n}\tP{2 * n:05d};P{2 * n + 1:05d}\n" for n in range(100))
    half, more = (Counter(hand.run(table, n).decoys["matched_to"].to_pylist()) for n in (0.5, 1.5))
    assert 35 < len(half) < 65 and set(half.values()) == {1}
    assert len(more) == 100 and {name for name, n in more.items() if n == 2} == set(half)


def test_another_seed_draws_other_decoys(hand):
    hand.members_of(" ".join(f"P{n:05d}" for n in range(40)))
    table = "complex_id\tmembers\n" + "".join(f"c{n}\tP{2 * n:05d};P{2 * n + 1:05d}\n" for n in range(20))
    first, again, other = (drawn(hand.run(table, seed=seed)) for seed in (7, 7, 8))
    assert first == again
    assert sum(other[name] == sets for name, sets in first.items()) < 5


def test_who_is_served_first_where_decoys_are_scarce_does_not_depend_on_the_order(hand):
    hand.members_of("P00001 P00002 P00003 P00004 P00005 P00006")
    rows = ["a\tP00001;P00002\n", "b\tP00003;P00004\n", "c\tP00005;P00006\n"]
    for seed in range(5):
        got = [hand.run("complex_id\tmembers\n" + "".join(r), 5, seed) for r in (rows, rows[::-1])]
        # There are twelve, and fifteen are wanted.
        assert got[0].decoys.num_rows == 12 and drawn(got[0]) == drawn(got[1])


def test_all_subunits_that_are_alike_are_drawn_about_equally_often(hand):
    hand.members_of(" ".join(f"P{n:05d}" for n in range(40)))
    table = "complex_id\tmembers\n" + "".join(f"c{n}\tP{2 * n:05d};P{2 * n + 1:05d}\n" for n in range(20))
    met = [m for sets in drawn(hand.run(table, per_complex=20)).values() for members in sets for m in members]
    counts = Counter(met)
    assert len(met) == 800 and len(counts) == 40
    # 800 draws over 40: a mean of 20 and a variance of about 20.
    assert sum((n - 20) ** 2 for n in counts.values()) / 40 < 45


def test_candidates_of_a_screen_get_no_decoys_but_known_pairs_do(tmp_path):
    (tmp_path / "baits.txt").write_text("P00001\nP00002\n")
    (tmp_path / "preys.txt").write_text("P00003\nP00004\nP00005\n")
    (tmp_path / "known.csv").write_text("id_a,id_b\nP00001,P00003\nP00004,P00005\n")
    screen = {
        name: str(tmp_path / f"{name}.{end}")
        for name, end in (("baits", "txt"), ("preys", "txt"), ("known", "csv"))
    }
    settings = config.parse({"complexes": {"screen": screen}, "controls": {"decoys_per_complex": 3}})
    complexes = read(settings.complexes).complexes
    hand = Hand(tmp_path)
    hand.members_of("P00001 P00002 P00003 P00004 P00005")
    sequences = rows_to_table(SEQUENCES, [hand._sequence(*item) for item in hand.members.items()])
    got = make_controls(complexes, sequences, empty(UNRESOLVED), hand._msa(), settings)
    # Whatever is left after the candidates (bait and prey) and the known pairs.
    assert list(drawn(got)) == ["P00001_P00003"]
    assert sorted(map(sorted, drawn(got)["P00001_P00003"])) == [
        ["P00001", "P00002"],
        ["P00003", "P00004"],
        ["P00003", "P00005"],
    ]


def test_five_thousand_complexes_take_seconds(hand):
    draw = random.Random(7)
    names = [f"P{n:05d}" for n in range(10_000)]
    for name in names:
        hand.members_of(name, length=int(draw.lognormvariate(5.9, 0.5)) + 30, depth=draw.randint(1, 5000))
    rows = [f"c{n}\t{';'.join(draw.sample(names, draw.randint(2, 12)))}\n" for n in range(5_000)]
    table = "complex_id\tmembers\n" + "".join(rows)
    hand.run(table, per_complex=0)
    start = time.process_time()
    got = hand.run(table)
    assert got.decoys.num_rows > 4_900
    assert time.process_time() - start < 60  # 6 s on one core

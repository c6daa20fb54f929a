"""Decoys: what must hold of every one of them, in random campaigns and in small ones made by hand."""

import itertools
import random
import time
from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from make_tables import by, sha256
from random_campaigns import LIGANDS, RandomCampaign

from foldcp import config
from foldcp.campaign.complexes import ingest, read
from foldcp.campaign.controls import make_controls
from foldcp.campaign.tokens import count
from foldcp.config import SequencesConfig
from foldcp.errors import InputError
from foldcp.names import safe_id
from foldcp.tables.rows import empty, rows_to_table
from foldcp.tables.schemas import MSA, SEQUENCES, UNRESOLVED

seeds = given(seed=st.integers(0, 2**32))
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def content(campaign, row):
    """What is folded: sequences with copies."""
    copies = Counter()
    for m in row["members"]:
        copies[campaign.facts[m["member"]]["sequence"]] += m["copies"]
    return frozenset(copies.items())


def swapped(row):
    """Return original -> replacement."""
    return dict(f.removeprefix("swapped:").split(">") for f in row["flags"] if f.startswith("swapped:"))


@quick
@seeds
def test_no_two_subunits_of_a_decoy_are_known_to_meet(seed, tmp_path):
    campaign = RandomCampaign(seed, tmp_path)
    for row in campaign.controls(2).decoys.to_pylist():
        for a, b in itertools.combinations([m["member"] for m in row["members"]], 2):
            assert not campaign.meet(a, b)


@quick
@seeds
def test_a_decoy_resembles_its_complex(seed, tmp_path):
    campaign = RandomCampaign(seed, tmp_path)
    got = campaign.controls(2, length_tolerance=0.05, depth_factor=1.5)
    originals = by(campaign.complexes, "complex_id")
    for row in got.decoys.to_pylist():
        wanted = {m["member"]: m["copies"] for m in originals[row["matched_to"]]["members"]}
        new = {m["member"]: m["copies"] for m in row["members"]}
        pairs = swapped(row)
        assert set(pairs) == set(wanted) and set(pairs.values()) == set(new)
        for old, other in pairs.items():
            assert wanted[old] == new[other]
            a, b = campaign.facts[old], campaign.facts[other]
            assert (a["entity_type"], a["taxid"]) == (b["entity_type"], b["taxid"])
            assert abs(a["length"] - b["length"]) <= 0.05 * a["length"]
            assert 1 / 1.5 <= a["depth"] / b["depth"] <= 1.5
        assert row["n_chains"] == sum(wanted.values()) and row["n_members"] == len(wanted)
        sizes = [sum(campaign.facts[m]["length"] * n for m, n in c.items()) for c in (wanted, new)]
        assert f"matched:tokens={sizes[1] / sizes[0] - 1:+.1%}" in row["flags"]
        assert abs(sizes[1] - sizes[0]) <= 0.05 * sizes[0] + 1e-9


@quick
@seeds
def test_decoys_are_distinct_and_no_complexes(seed, tmp_path):
    campaign = RandomCampaign(seed, tmp_path)
    got = campaign.controls(3)
    rows = got.decoys.to_pylist()
    names = [*campaign.complexes["complex_id"].to_pylist(), *(row["complex_id"] for row in rows)]
    assert len({name.lower() for name in names}) == len(names)
    contents = [content(campaign, row) for row in rows]
    assert len(set(contents)) == len(contents)
    both = pa.concat_tables([campaign.complexes, got.decoys])
    counted = count(both, campaign.sequences, campaign.unresolved, campaign.msa, SequencesConfig())
    tokens = by(counted.tokens, "complex_id")
    assert "decoy_is_complex" not in counted.rejected["reason_code"].to_pylist()
    for row in rows:
        assert (row["role"], row["source_format"], row["annotations"]) == ("decoy", "decoy", [])
        assert row["complex_id"] == row["source_id"] == safe_id(row["complex_id"]) == row["same_as"]
        found = tokens[row["complex_id"]]
        assert found["predicted_as"] == row["complex_id"] and found["role"] == "decoy"
        assert found["n_chains"] == tokens[row["matched_to"]]["n_chains"]


@quick
@seeds
def test_every_complex_that_is_folded_has_its_decoys_or_a_reason(seed, tmp_path):
    campaign = RandomCampaign(seed, tmp_path)
    got = campaign.controls(2)
    counted = count(
        campaign.complexes, campaign.sequences, campaign.unresolved, campaign.msa, SequencesConfig()
    )
    groups: dict[str, list[str]] = {}
    for row in counted.tokens.to_pylist():
        groups.setdefault(row["input_key"], []).append(row["complex_id"])
    have = Counter(got.decoys["matched_to"].to_pylist())
    lacking = by(got.rejected, "complex_id")
    assert all(row["reason_code"] == "no_decoy" and row["stage"] == "controls" for row in lacking.values())
    for names in groups.values():
        assert have[min(names)] == 2 or f"{have[min(names)]} of 2 decoys: " in lacking[min(names)]["reason"]
    assert {*have, *lacking} == {min(names) for names in groups.values()}


def _by_original(campaign, table):
    return {(r["matched_to"], r["complex_id"][-1]): content(campaign, r) for r in table.to_pylist()}


@quick
@seeds
def test_the_order_of_rows_and_members_does_not_matter(seed, tmp_path):
    campaign = RandomCampaign(seed, tmp_path)
    first = campaign.controls(2)
    shuffled = [*campaign.rows.items()]
    random.Random(seed).shuffle(shuffled)
    campaign.rows = {name: dict(reversed(row.items())) for name, row in shuffled}
    second = campaign.controls(2)
    assert _by_original(campaign, first.decoys) == _by_original(campaign, second.decoys)
    drop = ["source_row"]
    assert first.rejected.drop_columns(drop).sort_by("complex_id") == second.rejected.drop_columns(
        drop
    ).sort_by("complex_id")


@quick
@seeds
def test_another_complex_changes_only_the_decoys_that_it_forbids(seed, tmp_path):
    campaign = RandomCampaign(seed, tmp_path)
    before = _by_original(campaign, campaign.controls(1).decoys)
    draw = random.Random(seed)
    listed = sorted({m for row in campaign.rows.values() for m in row} & set(campaign.facts) - set(LIGANDS))
    pair = draw.sample(listed, min(2, len(listed)))
    campaign.rows["new"] = dict.fromkeys(pair, 1)
    table = campaign.controls(1).decoys
    after = _by_original(campaign, table)
    for name, was in before.items():
        sequences = {s for s, _ in was}
        forbidden = (
            len(
                {
                    s
                    for m in pair
                    for s in {campaign.facts[o]["sequence"] for o in campaign.same(m) if o in campaign.facts}
                    & sequences
                }
            )
            > 1
        )
        freed_or_taken = any(
            was == other or after.get(name) == old
            for key, other in after.items()
            if key != name
            for old in [before.get(key)]
        )
        assert forbidden or freed_or_taken or after[name] == was


@quick
@seeds
def test_asking_for_more_keeps_what_was_there(seed, tmp_path):
    campaign = RandomCampaign(seed, tmp_path)
    one, two = (_by_original(campaign, campaign.controls(n).decoys) for n in (1, 2))
    assert one.items() <= two.items()


class Hand:
    """A campaign made by hand: a table, and length, depth and taxon of each member."""

    def __init__(self, folder):
        self.folder = folder
        self.members = {}

    def members_of(self, names, length=100, depth=1, taxid=9606, **more):
        for name in names.split():
            self.members[name] = {"length": length, "depth": depth, "taxid": taxid, **more}

    def run(self, table, per_complex=1, seed=7, known=(), **controls):
        path = self.folder / "table.tsv"
        path.write_text(table)
        for number, text in enumerate(known):
            (self.folder / f"known{number}").write_text(text)
        values = {
            "seed": seed,
            "complexes": {"table": str(path)},
            "controls": {
                "decoys_per_complex": per_complex,
                "known_partners": [str(self.folder / f"known{n}") for n in range(len(known))],
                **controls,
            },
        }
        self.complexes = ingest(path).complexes
        sequences = rows_to_table(SEQUENCES, [self._sequence(*item) for item in self.members.items()])
        return make_controls(self.complexes, sequences, empty(UNRESOLVED), self._msa(), config.parse(values))

    def _sequence(self, name, facts):
        ligand = name.startswith("CHEBI:")
        return {
            "member": name,
            "namespace": "chebi" if ligand else "uniprot",
            "entity_type": facts.get("entity_type", "ligand" if ligand else "protein"),
            "sequence": None if ligand else "M",
            "length": facts["length"],
            "sha256": sha256(facts.get("sequence", name)),
            "source": "test",
            "resolution": "exact",
            "taxid": facts["taxid"],
        }

    def _msa(self):
        rows = {
            sha256(facts.get("sequence", name)): {
                "sha256": sha256(facts.get("sequence", name)),
                "length": facts["length"],
                "provider": "none",
                "depth": facts["depth"],
                "error": facts.get("error"),
            }
            for name, facts in self.members.items()
        }
        return rows_to_table(MSA, rows.values())


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
        'complex_id,members\nx,"[P00003,P00009];P00001"\n',
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
        "no other subunit is like P00001 (300 residues or atoms, 50 rows)"
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
    assert first == again != other


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

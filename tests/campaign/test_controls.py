"""Decoys: what must hold of every one of them, in random campaigns and in small ones made by hand."""

import itertools
import random
from collections import Counter

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from make_tables import by, sha256
from random_campaigns import LIGANDS, RandomCampaign

from foldcp import config
from foldcp.campaign.complexes import ingest
from foldcp.campaign.controls import make_controls
from foldcp.campaign.sequences import resolve_lengths
from foldcp.campaign.tokens import count
from foldcp.config import SequencesConfig
from foldcp.names import safe_id
from foldcp.tables.rows import empty, rows_to_table
from foldcp.tables.schemas import MSA

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


class _Shared(RandomCampaign):
    """Three complexes of two members that can be swapped; c2 has an alignment of its own."""

    def __init__(self, folder):
        super().__init__(0, folder)
        protein = {"entity_type": "protein", "length": 100, "depth": 1, "taxid": 9606}
        names = [f"P0000{number}" for number in range(8)]
        self.facts = {name: protein | {"sequence": name} for name in names}
        self.rows = {name: {"P00000": 1, "P00001": 1} for name in ("c0", "c1", "c2")}
        self.rows |= {f"single{name}": {name: 2} for name in names}
        self.known = []

    @property
    def msa(self):
        (own,) = (r for r in super().msa.to_pylist() if r["sha256"] == sha256("P00000"))
        own |= {"complex_id": "c2", "path": "own.a3m", "file_sha256": "0" * 64, "depth": 9}
        return pa.concat_tables([super().msa, rows_to_table(MSA, [own])])


def test_a_prediction_gets_its_decoys_once(tmp_path):
    got = _Shared(tmp_path).controls(2).decoys
    assert Counter(got["matched_to"].to_pylist()) == {"c0": 2, "c2": 2}


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
    campaign.facts["P88888"] = {
        "entity_type": "protein",
        "sequence": "x",
        "length": 9,
        "depth": 1,
        "taxid": 1,
    }
    campaign.rows["new"] = dict.fromkeys([*pair, "P88888"], 1)
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


def test_corum(shared_data):
    table = shared_data / "corum" / "corum3.0_20180903_allComplexes.txt"
    complexes = ingest(table).complexes
    lengths = shared_data / "sequences" / "uniprot_human_reviewed_lengths.tsv"
    found = resolve_lengths(complexes, lengths)
    values = config.parse({"complexes": {"table": str(table)}, "controls": {"decoys_per_complex": 1}})
    got = make_controls(complexes, found.sequences, found.unresolved, empty(MSA), values)
    assert got.decoys.num_rows > 2500 and got.rejected.num_rows < 120

    def accessions(row):
        return {m["member"].partition("-")[0] for m in row["members"]}

    met = {pair for row in complexes.to_pylist() for pair in itertools.permutations(accessions(row), 2)}
    decoys = got.decoys.to_pylist()
    assert not any(pair in met for row in decoys for pair in itertools.combinations(accessions(row), 2))
    assert max(row["n_members"] for row in decoys) > 40

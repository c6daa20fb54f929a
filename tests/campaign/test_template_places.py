"""Which chains a template is for."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foldcp.campaign.template_places import place
from foldcp.errors import InputError


def chains(**copies):
    names = iter("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    return [
        {"chain_id": next(names), "member": member, "entity_type": "rna" if member == "R" else "protein"}
        for member, n in copies.items()
        for _ in range(n)
    ]


def lines(*given):
    """Return lines from (member, file, chain)."""
    return [
        {"row": k, "member": m, "file": f, "chain": c, "sha256": f"of {f}", "error": None}
        for k, (m, f, c) in enumerate(given, 1)
    ]


def placed(given, **copies):
    """Return file, and chain to chain of the file (or the chains), of each template."""
    return [
        (
            t["sha256"].removeprefix("of "),
            t["chains"]
            if t["template_chains"] is None
            else dict(zip(t["chains"], t["template_chains"], strict=True)),
        )
        for t in place(lines(*given), chains(**copies))
    ]


CASES = {
    "one member": ([("P", "x", "H")], {"P": 1, "Q": 1}, [("x", {"A": "H"})]),
    "both members of one file": (
        [("Q", "x", "L"), ("P", "x", "H")],
        {"P": 1, "Q": 1},
        [("x", {"A": "H", "B": "L"})],
    ),
    "two files": (
        [("Q", "y", "L"), ("P", "x", "H")],
        {"P": 1, "Q": 1},
        [("x", {"A": "H"}), ("y", {"B": "L"})],
    ),
    "a homodimer on both chains": (
        [("P", "x", "H"), ("P", "x", "L")],
        {"P": 2},
        [("x", {"A": "H", "B": "L"})],
    ),
    "a homodimer on one chain": ([("P", "x", "H")], {"P": 2}, [("x", {"A": "H"}), ("x", {"B": "H"})]),
    "the only member needs no name": (
        [(None, "x", "H")],
        {"R": 1, "P": 2},
        [("x", {"B": "H"}), ("x", {"C": "H"})],
    ),
    "one copy on two chains": (
        [("P", "x", "H"), ("P", "x", "L")],
        {"P": 1},
        [("x", {"A": "H"}), ("x", {"A": "L"})],
    ),
    "two pairs on one": (
        [("P", "x", "H"), ("Q", "x", "L")],
        {"P": 2, "Q": 2},
        [("x", {"A": "H", "C": "L"}), ("x", {"B": "H", "D": "L"})],
    ),
    "two members on one chain": (
        [("P", "x", "H"), ("Q", "x", "H")],
        {"P": 1, "Q": 1},
        [("x", {"A": "H"}), ("x", {"B": "H"})],
    ),
    "matched by sequence": ([(None, "x", None)], {"P": 2, "R": 1, "Q": 1}, [("x", ["A", "B", "D"])]),
    "a member matched by sequence": ([("Q", "x", None)], {"P": 2, "Q": 2}, [("x", ["C", "D"])]),
    "two members matched together": (
        [("Q", "x", None), ("P", "x", None)],
        {"P": 1, "S": 1, "Q": 1},
        [("x", ["A", "C"])],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_places(name):
    given, copies, expected = CASES[name]
    assert placed(given, **copies) == expected


def test_many_mistakes_are_shortened():
    given = lines(*[("N", f"f{k}", None) for k in range(9)])
    with pytest.raises(InputError, match=r"^row 1 of .*row 5 of complexes.templates, f4: [^;]*; and 4 more$"):
        place(given, chains(P=1))


members = st.dictionaries(st.sampled_from("PQS"), st.integers(1, 4), min_size=1)


@settings(max_examples=200, deadline=None)
@given(members, st.data())
def test_every_copy_and_every_chain_comes_up_and_no_two_coincide(copies, data):
    wanted = {m: data.draw(st.lists(st.sampled_from("HIJKL"), unique=True, max_size=5)) for m in copies}
    given = lines(*[(m, "x", c) for m, names in wanted.items() for c in names])
    templates = place(given, chains(**copies))
    for template in templates:
        assert (
            len(set(template["template_chains"])) == len(template["chains"]) == len(set(template["chains"]))
        )
    pairs = [p for t in templates for p in zip(t["chains"], t["template_chains"], strict=True)]
    of = {c["chain_id"]: c["member"] for c in chains(**copies)}
    assert len(set(pairs)) == len(pairs)
    for member, names in wanted.items():
        ours = [chain for chain in of if of[chain] == member]
        assert {a for a, _ in pairs if of[a] == member} == (set(ours) if names else set())
        assert {b for a, b in pairs if of[a] == member} == set(names)
    # As few templates as it takes for each member by itself, where members do not share chains of the file.
    apart = all(not set(a) & set(b) for a, b in itertools.combinations(wanted.values(), 2))
    if apart and pairs:
        least = max(-(-max(copies[m], len(n)) // min(copies[m], len(n))) for m, n in wanted.items() if n)
        assert len(templates) == least

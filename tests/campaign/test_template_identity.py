"""Templates that are not like the proteins they are given for."""

import random

import pytest
from features.complexes import write_template

from foldcp.campaign.complexes import read
from foldcp.campaign.sequences import resolve
from foldcp.campaign.structure_templates import FOLDER
from foldcp.campaign.template_identity import identical
from foldcp.campaign.tokens import count
from foldcp.config import ComplexesConfig, SequencesConfig
from foldcp.errors import MissingError
from foldcp.tables import schemas
from foldcp.tables.rows import check

LETTERS = "ACDEFGHIKLMNPQRSTVWY"


def made_up(seed, length=100):
    return "".join(random.Random(seed).choices(LETTERS, k=length))


FIRST, SECOND, STRANGER = (made_up(seed) for seed in (1, 2, 3))


@pytest.fixture
def tokens(tmp_path):
    """Return the TOKENS rows of P11111 with two copies and P22222, given these templates."""
    (tmp_path / "s.fasta").write_text(f">P11111\n{FIRST}\n>P22222\n{SECOND}\n")
    (tmp_path / "table.csv").write_text("complex_id,members\na,P11111(2);P22222\nb,P22222\n")

    def tokens(lines, folder=tmp_path / "results", **files):
        for name, chains in files.items():
            write_template(tmp_path / f"{name}.cif", chains, seed=0)
        (tmp_path / "templates.csv").write_text(f"complex_id,member,file,chain\n{lines}")
        config = ComplexesConfig(table=tmp_path / "table.csv", templates=tmp_path / "templates.csv")
        got = read(config, tmp_path / "results")
        sequences = SequencesConfig(fasta=[tmp_path / "s.fasta"])
        found = resolve(got.complexes, sequences)
        counted = count(got.complexes, found.sequences, found.unresolved, None, sequences, folder=folder)
        check(schemas.TOKENS, counted.tokens)
        return counted.tokens.to_pylist()

    return tokens


def test_identical_residues_are_those_of_the_stretch_without_gaps():
    assert identical(FIRST, FIRST) == 100
    assert identical(FIRST, "GG" + FIRST[20:70] + "G") == identical(FIRST[20:70], FIRST) == 50
    # What comes after a gap is not laid on the chain, be it as like as what is before.
    assert 60 <= identical(FIRST, FIRST[:60] + FIRST[70:]) < 65
    assert identical("WWWW", "GGGG") == 0
    assert identical("MKXUOBZJ", "MKXUOBZJ") > 0


def test_proteins_that_have_nothing_to_do_with_each_other_are_far_below_the_limit():
    pairs = [
        (made_up(10 + k, length), made_up(1000 + k, 300)) for length in (60, 150, 400) for k in range(20)
    ]
    assert max(identical(a, b) / len(a) for a, b in pairs) < 0.2


def test_a_template_of_another_protein_is_flagged_and_kept(tokens):
    a, b = tokens("a,P11111,x.cif,A\na,P22222,x.cif,B\n", x=[FIRST[5:], STRANGER])
    count = identical(SECOND, STRANGER)
    by_member = {}
    for template in a["templates"]:
        for name, n in zip(template["chains"], template["identical"], strict=True):
            by_member.setdefault(next(c["member"] for c in a["chains"] if c["chain_id"] == name), []).append(
                n
            )
    assert by_member == {"P11111": [95, 95], "P22222": [count]}
    assert a["flags"] == [f"weak_template:P22222:{count}/100"]
    assert (b["templates"], b["flags"]) == (None, [])


def test_the_limit_is_a_fifth_of_the_member(tokens):
    for length, flags in ((20, []), (19, ["weak_template:P22222:19/100"])):
        _, b = tokens("b,P22222,x.cif,A\n", x=[SECOND[:length]])
        assert b["flags"] == flags and b["templates"][0]["identical"] == [length]


def test_without_a_chain_each_is_compared_with_the_one_that_boltz_takes(tokens):
    # Two proteins in the file for three chains: one chain gets none, which is no fault of the file.
    a, _ = tokens("a,,x.cif,\n", x=[SECOND, FIRST])
    (template,) = a["templates"]
    members = [c["member"] for c in a["chains"]]
    assert sorted(zip(members, template["identical"], strict=True), key=str) == [
        ("P11111", 100),
        ("P11111", None),
        ("P22222", 100),
    ]
    assert a["flags"] == []
    a, _ = tokens("a,,x.cif,\n", x=[SECOND, FIRST, STRANGER])
    count = identical(FIRST, STRANGER)
    assert a["flags"] == [f"weak_template:P11111:{count}/100"]


def test_it_is_no_part_of_the_input_key(tokens):
    lines = "a,P11111,x.cif,A\n"
    (with_folder, _), (without, _) = tokens(lines, x=[STRANGER]), tokens(lines, None)
    assert without["flags"] == [] and without["templates"][0]["identical"] is None
    assert with_folder["flags"] and with_folder["input_key"] == without["input_key"]


def test_a_protein_of_which_only_the_length_is_known_is_not_compared(tmp_path, tokens):
    from foldcp.campaign.template_identity import Likeness

    (a, _) = tokens("a,,x.cif,\n", x=[FIRST])
    shas = {c["sha256"] for c in a["chains"]}
    templates, flags = Likeness(dict.fromkeys(shas), tmp_path / "results").compare(a)
    assert templates[0]["identical"] == [None] * 3 and flags == []


def test_a_copy_that_is_gone_is_told_with_what_helps(tmp_path, tokens):
    tokens("b,,x.cif,\n", x=[SECOND])
    (copy,) = (tmp_path / "results" / FOLDER).iterdir()
    with pytest.raises(MissingError, match=rf"{copy.name}: no such file; --forcerun complexes brings"):
        tokens("b,,x.cif,\n", tmp_path / "elsewhere")

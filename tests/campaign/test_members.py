import pytest

from foldcp.campaign.members import CopiesError, MemberError, parse, split_copies


@pytest.mark.parametrize(
    ("text", "key", "namespace"),
    [
        ("P12345", "P12345", "uniprot"),
        ("A0A024R1R8", "A0A024R1R8", "uniprot"),
        (" P12345-2 ", "P12345-2", "uniprot"),
        ("P00734-PRO_0000028163", "P00734-PRO_0000028163", "uniprot"),
        ("uniprotkb:P12345", "P12345", "uniprot"),
        ("CPX-1156", "CPX-1156", "complexportal"),
        ("CHEBI:29105", "CHEBI:29105", "chebi"),
        ("chebi:29105", "CHEBI:29105", "chebi"),
        ("URS000012D749_559292", "URS000012D749_559292", "rnacentral"),
        ("URS000012D749", "URS000012D749", "rnacentral"),
        ("EBI-16420196", "EBI-16420196", "intact"),
        ("9606.ENSP00000000233", "9606.ENSP00000000233", "ensembl"),
        ("ENSMUSP00000000233.4", "ENSMUSP00000000233.4", "ensembl"),
        ("4932.YAL001C", "4932.YAL001C", "other"),
        ("refseq:NP_033895.1", "refseq:NP_033895.1", "other"),
    ],
)
def test_identifiers_and_their_namespaces(text, key, namespace):
    member = parse(text)
    assert (member.key, member.namespace, member.alternatives) == (key, namespace, ())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Q9Jm54", "upper case; perhaps Q9JM54"),
        ("Q9NZL9-", "isoform number after '-' is missing"),
        ("BRCC3_HUMAN", "entry name"),
        ("uniprotkb:BARD1_HUMAN", "entry name"),
        ("P12345-0", "valid are"),
        ("P1234", "valid are"),
        ("P12345-PRO_123", "valid are"),
        ("P12345.2", "valid are"),
        ("P12345,P67890", "valid are"),
        ("TP53", "valid are"),
        ("", "valid are"),
        ("[]", "valid are"),
        ("[P12345,Q9Jm54]", "perhaps Q9JM54"),
        ("P1234٣", "valid are"),
    ],
)
def test_malformed_identifiers_say_what_is_wrong(text, says):
    with pytest.raises(MemberError, match=says):
        parse(text)


def test_two_chains_of_one_entry_are_two_members():
    assert parse("P00734-PRO_0000028163").key != parse("P00734-PRO_0000028164").key


def test_a_set_stands_for_its_first_and_remembers_the_others():
    member = parse("[P33442,P23248]")
    assert member.key == "P33442"
    assert member.alternatives == ("P33442", "P23248")
    assert parse("[P0CX29]").alternatives == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("P12345", ("P12345", None)),
        ("P12345(2)", ("P12345", 2)),
        ("P12345 (12)", ("P12345", 12)),
        ("P12345(0)", ("P12345", 0)),
        ("[P33442,P23248](1)", ("[P33442,P23248]", 1)),
    ],
)
def test_copies_follow_in_parentheses(text, expected):
    assert split_copies(text) == expected


@pytest.mark.parametrize(
    "text", ["P12345()", "P12345(n)", "P12345(-1)", "P12345(1.5)", "P12345(10000)", "P12345(٣)"]
)
def test_copies_that_are_no_number_are_refused(text):
    with pytest.raises(CopiesError, match="0 for unknown"):
        split_copies(text)

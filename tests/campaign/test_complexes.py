import csv
import random
import subprocess
import sys
import time
from collections import Counter

import pytest
import table_twins as twins

from foldcp.campaign.complexes import ingest
from foldcp.campaign.members import split_copies
from foldcp.errors import InputError
from foldcp.names import safe_id
from foldcp.tables.rows import check
from foldcp.tables.schemas import COMPLEXES, REJECTED


@pytest.fixture
def table(tmp_path):
    def write(text, name="table.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def complexes(got):
    return {row["complex_id"]: row for row in got.complexes.to_pylist()}


# Identifiers


@pytest.mark.parametrize(
    "text", ["1", "CPX-15", "HuMAP2_00000", "9606.ENSP00000000233_9606.ENSP00000272298", "a" * 80]
)
def test_a_safe_identifier_is_kept(text):
    assert safe_id(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "a/b",
        "../x",
        ".",
        "..",
        ".hidden",
        "-rf",
        "a b",
        "",
        "é",
        "a" * 81,
        "a\0b",
        "ledger",
        "Ledger",
        "x\n",
        "--",
    ],
)
def test_an_unsafe_identifier_is_changed_and_hashed(text):
    safe = safe_id(text)
    assert safe != text and len(safe) <= 80
    assert set(safe) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
    assert safe[0] not in ".-" and safe == safe_id(text) != safe_id(text + "x")


def test_different_texts_stay_different():
    assert len({safe_id(t) for t in ("a/b", "a b", "a:b", "a?b", "a" * 81, "a" * 82)}) == 6


def test_identifiers_are_unique_ignoring_case(table):
    ids = ["x", "X", "x", "x-2", "x-3", "", "", "a" * 80, "A" * 80]
    got = ingest(table("complex_id,members\n" + "".join(f"{i},P11111;P22222\n" for i in ids)))
    names = got.complexes["complex_id"].to_pylist()
    assert len({n.lower() for n in names}) == len(ids) and max(map(len, names)) == 80
    assert got.complexes["source_id"].to_pylist() == ids
    assert names[:5] == ["x", "X-4", "x-5", "x-2", "x-3"]  # x-2 and x-3 keep their own names
    assert names[5:7] == ["row-6", "row-7"]


# Content


def test_equal_content_shares_a_key_and_names_the_first(table):
    members = ["P11111(2);P22222", "P22222;P11111;P11111", "P11111;P22222", "P11111-2(2);P22222"]
    lines = [f"{name},{text}\n" for name, text in zip("abcd", members, strict=True)]
    rows = complexes(ingest(table("complex_id,members\n" + "".join(lines))))
    assert rows["a"]["content_key"] == rows["b"]["content_key"]
    assert len({row["content_key"] for row in rows.values()}) == 3
    assert [rows[i]["same_as"] for i in "abcd"] == ["a", "a", "c", "d"]
    assert [(rows[i]["n_members"], rows[i]["n_chains"]) for i in "abcd"] == [(2, 3), (2, 3), (2, 2), (2, 3)]


def test_stated_monomer_is_not_flagged_but_unstated_single_member_is(table):
    rows = complexes(ingest(table("complex_id,members\na,P11111(1)\nb,P11111\nc,P11111(0)\n")))
    assert [rows[i]["flags"] for i in "abc"] == [
        [],
        ["single_member"],
        ["single_member", "unknown_copies:P11111"],
    ]


def test_members_without_accession_keep_the_complex(table):
    rows = complexes(ingest(table("complex_id,members\na,P11111;;None;P22222\n")))
    assert rows["a"]["flags"] == ["members_without_accession:2"] and rows["a"]["n_members"] == 2


def test_copies_that_overflow_are_rejected(table):
    got = ingest(table("complex_id,members\na,P11111(9999);P11111\nb,P11111(9999)\n"))
    assert got.rejected["reason_code"].to_pylist() == ["malformed_copies"]


# The user's own stoichiometry


def test_override_wins_and_is_recorded(table):
    source = table("complex_id,members\na,P11111(0);P22222(2)\nb,P11111\nb,P11111\nbad,nonsense\n")
    override = table("complex_id,member,copies\na,P11111,3\nb,P11111,2\nbad,P11111,4\n\n", "copies.csv")
    rows = complexes(ingest(source, copies=override))
    assert [(m["copies"], m["copies_source"]) for m in rows["a"]["members"]] == [
        (3, "override"),
        (2, "table"),
    ]
    assert rows["a"]["flags"] == [] and rows["a"]["n_chains"] == 5
    assert rows["b"]["n_chains"] == rows["b-2"]["n_chains"] == 2 and rows["b"]["flags"] == []
    assert rows["b-2"]["same_as"] == "b"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("complex_id,member,copies\nx,P11111,2\na,P33333,2\n", r"not in the table.*a \(member P33333\), x"),
        (
            "complex_id,member\na,P11111\n",
            "expected the columns complex_id, member, copies; got complex_id, member",
        ),
        ("", "got none"),
        (
            "complex_id,member,copies\na,P11111,two\na,P1,2\na,P11111,0\na\n",
            "row 1: .*\n.*row 2: .*\n.*row 3.*\n.*row 4",
        ),
        ("complex_id,member,copies\na,P11111,2\na,P11111,3\n", "3 copies here and 2 above"),
    ],
)
def test_mistakes_in_an_override_are_named(table, text, says):
    source = table("complex_id,members\na,P11111;P22222\n")
    with pytest.raises(InputError, match=says):
        ingest(source, copies=table(text, "copies.csv"))


# Real tables


def real(shared_data, *parts):
    got = ingest(shared_data.joinpath(*parts))
    assert got.complexes.num_rows + got.rejected.num_rows == got.n_rows
    return got, {row["source_id"]: row for row in got.complexes.to_pylist()}


def members(row):
    return [m["member"] for m in row["members"]]


def flagged(rows, flag):
    return [row for row in rows.values() if any(f.partition(":")[0] == flag for f in row["flags"])]


def test_corum3(shared_data):
    got, rows = real(shared_data, "corum", "corum3.0_20180903_allComplexes.txt")
    assert got.n_rows == 4274
    assert {(r["source_id"], r["reason_code"]) for r in got.rejected.to_pylist()} == {
        ("5822", "malformed_member"),
        ("7197", "malformed_member"),
        ("7456", "no_members"),
    }
    sharing = Counter(row["content_key"] for row in rows.values())
    assert sum(n for n in sharing.values() if n > 1) == 443
    assert len({row["same_as"] for row in rows.values()}) == len(sharing) == 4019
    assert len(flagged(rows, "mixed_species")) == 136
    assert rows["351"]["n_members"] == 143
    # Names end in spaces in the file, and comments hold lone quotes.
    assert all(row["name"] == row["name"].strip() for row in rows.values())


def test_corum4_isoforms_and_mature_chains(shared_data):
    got, rows = real(shared_data, "corum", "corum4.1_coreCorum_export.tsv")
    assert (got.n_rows, got.rejected.num_rows) == (5280, 0)
    keys = [key for row in rows.values() for key in members(row)]
    assert sum("-PRO_" in key for key in keys) == 8
    assert sum("-" in key and "-PRO_" not in key for key in keys) == 171


def test_corum5_sample(shared_data):
    got, rows = real(shared_data, "corum", "corum5.3_humanComplexes_sample.txt")
    assert (got.n_rows, got.rejected.num_rows) == (16, 0)
    assert rows["29"]["n_chains"] == 7
    assert [m["copies"] for m in rows["10263"]["members"]] == [2, 1]
    assert members(rows["10262"]) == ["P00734-PRO_0000028163", "P00734-PRO_0000028164"]
    assert rows["10255"]["name"] == "DPEP1 homodimer"
    assert {a["scheme"] for a in rows["1"]["annotations"]} == {"go", "method"}


def test_complex_portal_nested_expansion_agrees_with_the_expanded_list(shared_data):
    got, rows = real(shared_data, "ppi", "complexportal_559292_yeast.tsv")
    assert (got.n_rows, got.rejected.num_rows) == (620, 0)
    nested = flagged(rows, "nested")
    assert len(nested) == 9
    lines = list(csv.reader((shared_data / "ppi" / "complexportal_559292_yeast.tsv").open(), delimiter="\t"))
    official = {line[0]: dict(map(split_copies, line[18].split("|"))) for line in lines[1:]}
    for row in nested:
        proteins = {m["member"]: m["copies"] for m in row["members"] if m["namespace"] == "uniprot"}
        assert proteins == {key: n or 1 for key, n in official[row["source_id"]].items()}
    assert "URS000012D749_559292" in members(rows["CPX-1418"])  # the RNA of nested CPX-23


def test_complex_portal_other_molecules(shared_data):
    _, rows = real(shared_data, "ppi", "complexportal_559292_yeast.tsv")
    spaces = Counter(m["namespace"] for row in rows.values() for m in row["members"])
    assert set(spaces) == {"uniprot", "chebi", "rnacentral", "intact"}
    assert "one_of:P33442|P23248" in rows["CPX-1599"]["flags"] and "P23248" not in members(rows["CPX-1599"])
    assert rows["CPX-23"]["flags"][0] == "non_protein_members:1"
    assert len(flagged(rows, "unknown_copies")) == 336


def test_mitab_sample(shared_data):
    got, rows = real(shared_data, "ppi", "psicquic_mitab25_with_header.txt")
    assert got.n_rows == 612
    assert Counter(got.rejected["reason_code"].to_pylist()) == {
        "no_accession": 69,
        "genetic_interaction": 6,
        "malformed_member": 2,
    }
    assert rows["intact:EBI-6958140"]["n_chains"] == 2 and members(rows["intact:EBI-6958140"]) == ["P51587"]


def test_biogrid_sample(shared_data):
    got, rows = real(shared_data, "ppi", "biogrid_tab3_sample.txt")
    assert Counter(got.rejected["reason_code"].to_pylist()) == {"genetic_interaction": 26, "rna_partner": 2}
    assert members(rows["2325641"]) == ["Q9V9V6", "Q9VK54"]  # TrEMBL where Swiss-Prot has none
    assert members(rows["2642364"]) == ["Q6B8I1", "P49327"]  # the first of two accessions


def test_humap_sample(shared_data):
    got, rows = real(shared_data, "ppi", "humap2_ComplexFinder.txt")
    assert (got.n_rows, got.rejected.num_rows) == (6969, 1)
    assert len(flagged(rows, "members_without_accession")) == 203
    assert rows["HuMAP2_00006"]["members"][3] | {"copies": 1} == {
        "member": "Q5CZA5",
        "namespace": "uniprot",
        "copies": 1,
        "copies_source": "assumed",
        "gene": "ZNF805",
    }


def test_string_sample(shared_data):
    got, rows = real(shared_data, "ppi", "string_9606.protein.links.full.v11.5.head.txt")
    assert got.n_rows == len(rows) == 9 and got.complexes["source_score"][0].as_py() == 490


def test_corum3_is_read_within_the_limit(shared_data):
    # 1.2 s with imports on an idle machine; 10 s is the limit for reading and planning together.
    path = shared_data / "corum" / "corum3.0_20180903_allComplexes.txt"
    code = f"from foldcp.campaign.complexes import ingest; ingest({str(path)!r})"
    start = time.monotonic()
    subprocess.run([sys.executable, "-c", code], check=True)
    assert time.monotonic() - start < 10


def test_neither_torch_nor_boltz_is_imported():
    code = "import sys, foldcp.campaign.complexes as c; sys.exit(bool({'torch', 'boltz'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


# Damaged tables: each record becomes a complex or a rejected row, or the file is one InputError


SOURCES = [
    twins.corum3(),
    twins.corum3(quote=True),
    twins.CORUM5,
    twins.CORUM5_JSON,
    twins.complextab(),
    twins.mitab(15),
    twins.mitab(42, header=False),
    twins.biogrid(),
    twins.STRING,
    twins.HUMAP2,
    twins.HUMAP_FINDER,
    twins.CSV,
    twins.PAIRS,
]
JUNK = [
    '"',
    "\t",
    ";",
    "|",
    ",",
    "\n",
    "\r",
    "\0",
    "(",
    ")",
    "[",
    "]",
    "()",
    "(-1)",
    "(99999)",
    "٣",
    "\u2028",
    "é",
    "{",
    "-",
    "\x0b",
]


def damage(text, rng):
    """Return `text` with a few pieces inserted, removed, doubled or swapped; sometimes as broken bytes."""
    for _ in range(rng.randint(1, 8)):
        i, j = sorted(rng.randrange(len(text) + 1) for _ in range(2))
        j = min(j, i + rng.choice([1, 3, 20, 200]))
        text = rng.choice(
            [
                text[:i] + rng.choice(JUNK) + text[i:],
                text[:i] + text[j:],
                text[:j] + text[i:],
                text[:i] + text[i:j][::-1] + text[j:],
            ]
        )
    data = text.encode("utf-8", "replace")
    if rng.random() < 0.2:
        data = data[: rng.randrange(len(data) + 1)] + bytes([rng.randrange(256)]) + data
    return data


def survives(path):
    try:
        got = ingest(path)
    except InputError as error:
        assert str(error).startswith(str(path)) and len(str(error)) < 3000
        return
    assert got.complexes.num_rows + got.rejected.num_rows == got.n_rows
    check(COMPLEXES, got.complexes)
    check(REJECTED, got.rejected)
    assert all(row["reason"] and row["reason_code"] for row in got.rejected.to_pylist())
    rows = got.complexes.to_pylist()
    assert all(safe_id(row["complex_id"]) == row["complex_id"] for row in rows)
    assert len({row["complex_id"].lower() for row in rows}) == len(rows)


@pytest.mark.parametrize("seed", range(130))
def test_damaged_table(table, seed):
    rng = random.Random(seed)
    survives(table(damage(SOURCES[seed % len(SOURCES)], rng), "damaged"))


MALFORMED = {
    "malformed_member": "TP53 P1234 p12345 P12345- P12345-0 -P12345 P12345-PRO_1 P12345.1 1234 P12345/2 "
    "P12345:1 CPX- CPX-x CHEBI: CHEBI:x URS12 EBI- uniprotkb: uniprotkb:X [P12345 P12345] [] (P12345 "
    '"[,]" "[P12345,]"',
    "malformed_copies": "P12345() P12345(x) P12345(-1) P12345(1.5) P12345(1e3) P12345(10000) P12345((2))",
    "no_members": "None NA - nan ; ;; | None;None",
    "nested_complex_missing": "CPX-1 P12345|CPX-2(2)",
    "nested_complex_cycle": "CPX-7",
    "wrong_columns": 'P12345,x,y P12345,P67890 "P12345",x',
}
MALFORMED_ROWS = [(member, code) for code, members in MALFORMED.items() for member in members.split()]


@pytest.mark.parametrize(("member", "code"), MALFORMED_ROWS)
def test_malformed_row_is_rejected_and_its_neighbours_are_not(table, member, code):
    got = ingest(table(f"complex_id,members\na,P11111;P22222\nCPX-7,{member}\nb,P22222\n"))
    assert got.complexes["complex_id"].to_pylist() == ["a", "b"]
    [row] = got.rejected.to_pylist()
    assert (row["reason_code"], row["source_row"], row["stage"]) == (code, 2, "complexes")
    assert len(row["reason"]) > 20 and member.strip('"')[:3] in row["raw"]

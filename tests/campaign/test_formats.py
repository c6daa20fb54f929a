import csv
import gzip
import io
import os
import random

import pytest
import table_twins as twins

from foldcp.campaign.complexes import ingest
from foldcp.campaign.formats import files, open_table, stream_table
from foldcp.errors import InputError, UsageError


@pytest.fixture
def read(tmp_path):
    """Ingest a text; rows come back as dicts by source_id, rejected ones as codes by row number."""

    def run(text, fmt="auto", name="table.txt"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        got = ingest(path, fmt)
        assert got.complexes.num_rows + got.rejected.num_rows == got.n_rows
        complexes = got.complexes.to_pylist()
        return (
            {row["source_id"]: row for row in complexes},
            {row["source_row"]: row["reason_code"] for row in got.rejected.to_pylist()},
            got,
        )

    return run


def copies(row):
    return {m["member"]: (m["copies"], m["copies_source"]) for m in row["members"]}


def annotations(row, scheme):
    return [(a["term"], a["label"]) for a in row["annotations"] if a["scheme"] == scheme]


ALL = {
    "corum": [twins.corum3(), twins.corum3(quote=True), twins.CORUM5, twins.CORUM5_JSON, twins.CORUM3_JSON],
    "complextab": [twins.complextab(), twins.complextab(18), twins.complextab(19, mark="")],
    "mitab": [twins.mitab(width, header) for width in (15, 36, 42, 46) for header in (True, False)],
    "biogrid": [twins.biogrid()],
    "string": [twins.STRING],
    "humap": [twins.HUMAP2, twins.HUMAP3, twins.HUMAP_FINDER],
    "csv": [twins.CSV, twins.PAIRS],
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in ALL.items() for text in texts])
def test_format_is_recognised_and_can_be_named(read, name, text):
    auto, rejected, got = read(text)
    assert got.format == name
    assert read(text, name)[:2] == (auto, rejected)


def test_corum3(read):
    rows, rejected, _ = read(twins.corum3())
    assert rejected == {3: "no_members", 4: "malformed_member", 5: "malformed_member"}
    row = rows["11"]
    assert (row["name"], row["organism"], row["source_row"]) == ("Alpha-beta complex", "Human", 1)
    assert copies(row) == {"P11111": (1, "assumed"), "P22222-2": (1, "assumed")}
    assert [m["gene"] for m in row["members"]] == ["ALP", "BET"]
    assert annotations(row, "go") == [("GO:0000001", "first"), ("GO:0000002", "second, with comma")]
    assert annotations(row, "funcat") == [("10.01", None), ("11.02", None)]  # three labels for two terms
    assert annotations(row, "method")[1] == ("MI:0096", "pull down")
    assert row["flags"] == []
    assert rows["12"]["flags"] == ["mixed_species"]
    assert rows["16"]["flags"] == ["single_member"]


def test_corum_columns_are_found_by_name_in_any_order_and_spelling(read):
    expected = read(twins.corum3())[:2]
    munged = [c.replace(" ", "_").replace("(", "").replace(")", "") for c in twins.CORUM3_COLUMNS]
    dotted = [c.replace(" ", ".").replace("(", ".").replace(")", ".") for c in twins.CORUM3_COLUMNS]
    body = twins.corum3().partition("\n")[2]
    assert read("\t".join(munged) + "\n" + body)[:2] == expected
    assert read("\t".join(dotted) + "\n" + body)[:2] == expected
    for seed in range(4):
        order = random.Random(seed).sample(twins.CORUM3_COLUMNS, len(twins.CORUM3_COLUMNS))
        assert read(twins.delimited(order, twins.CORUM3_ROWS, blank="None"))[:2] == expected


@pytest.mark.parametrize(
    "remark", ['a "core" complex', '"core" complex', 'an inch: 1"', '"opened, never closed']
)
def test_bare_quotes_do_not_swallow_rows(read, remark):
    rows = [
        row | {"Complex comment": remark if i in (0, 1) else "None"}
        for i, row in enumerate(twins.CORUM3_ROWS)
    ]
    text = twins.delimited(twins.CORUM3_COLUMNS, rows)
    expected = {row_id: copies(row) for row_id, row in read(twins.corum3())[0].items()}
    assert {row_id: copies(row) for row_id, row in read(text)[0].items()} == expected


def test_quoted_fields_may_hold_newlines_and_separators(read):
    rows, rejected, got = read(twins.CORUM5)
    assert (got.n_rows, rejected) == (6, {})
    assert list(rows) == ["21", "22", "23", "24", "25", "26"]


def test_corum5_stoichiometry(read):
    rows, _, _ = read(twins.CORUM5)
    assert copies(rows["21"]) == {"P11111": (1, "assumed"), "P22222": (1, "assumed")}
    assert copies(rows["22"]) == {
        "P00734-PRO_0000028163": (2, "table"),
        "P00734-PRO_0000028164": (1, "table"),
    }
    assert copies(rows["23"]) == {"P33333": (7, "table")} and rows["23"]["flags"] == []
    assert copies(rows["24"]) == {"P33333": (1, "assumed")} and rows["24"]["flags"] == ["single_member"]
    assert rows["25"]["flags"] == ["stoichiometry_mismatch"] and rows["25"]["n_chains"] == 3
    assert copies(rows["26"]) == {"P11111": (1, "assumed"), "P22222": (2, "table")}
    assert rows["26"]["flags"] == ["unknown_copies:P11111"]
    assert annotations(rows["21"], "go") == [("GO:0000001", "first")]
    assert annotations(rows["21"], "fcg") == [("7", "group")]


def test_corum_json(read):
    rows, rejected, _ = read(twins.CORUM5_JSON)
    assert rejected == {3: "missing_fields", 4: "not_an_object"}
    assert copies(rows["31"]) == {"P11111": (2, "table"), "P22222": (1, "assumed")}
    assert rows["31"]["flags"] == ["mixed_species", "members_without_accession:1"]
    assert annotations(rows["31"], "go") == [("GO:0000001", "first")]
    assert rows["32"]["name"] == "Broken ? name"
    as_text, as_json = read(twins.corum3()), read(twins.CORUM3_JSON)
    assert as_text[:2] == as_json[:2]


def test_complextab(read):
    rows, rejected, got = read(twins.complextab())
    inner = rows["CPX-1"]
    assert copies(inner) == {
        "P11111": (2, "table"),
        "URS000012D749_559292": (1, "table"),
        "P22222": (1, "assumed"),
    }
    assert inner["flags"] == ["non_protein_members:1", "unknown_copies:P22222"]
    assert annotations(inner, "go") == [("GO:0000001", "first (obsolete)"), ("GO:0000002", "second")]
    assert rejected == {4: "nested_complex_cycle", 5: "nested_complex_cycle", 7: "nested_complex_missing"}
    assert "CPX-98" in got.rejected["reason"][2].as_py()


def test_nested_complexes_are_expanded(read):
    rows, _, _ = read(twins.complextab())
    assert copies(rows["CPX-2"]) == {
        "P11111": (7, "table"),  # 3 complexes with 2 each, and 1 of its own
        "URS000012D749_559292": (3, "table"),  # which the expanded list drops
        "P22222": (1, "assumed"),
        "CHEBI:29105": (2, "table"),
    }
    assert "nested:CPX-1" in rows["CPX-2"]["flags"]
    # CPX-99 is not in the table: its proteins come from the expanded list.
    assert copies(rows["CPX-3"]) == {
        "P33333": (3, "table"),  # one of its own, two in CPX-99
        "P44444": (1, "table"),
        "EBI-16420196": (1, "assumed"),
    }
    rows, rejected, _ = read(twins.complextab(18))
    assert "CPX-3" not in rows and rejected[3] == "nested_complex_missing"


def test_sets_of_paralogues(read):
    row = read(twins.complextab())[0]["CPX-6"]
    assert list(copies(row)) == ["P33442", "P0CX29"]
    assert row["flags"] == ["one_of:P33442|P23248"]


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("width", [15, 36, 42, 46])
def test_mitab(read, width, header):
    rows, rejected, _ = read(twins.mitab(width, header))
    first = rows["intact:EBI-1"]
    assert (first["source_score"], first["organism"], first["source_row"]) == (0.56, "9606", 1)
    stated = {"P11111": (2, "table"), "P22222-2": (1, "assumed")}
    assert copies(first) == (
        stated if width >= 42 else {"P11111": (1, "assumed"), "P22222-2": (1, "assumed")}
    )
    assert copies(rows["P11111_P11111"]) == {"P11111": (2, "table")}
    assert list(copies(rows["P38398_P11111"])) == ["P38398", "P11111"]
    ligand = rows["CHEBI:15422_P00734-PRO_0000028163"]
    assert ligand["flags"] == ["non_protein_members:1"] and ligand["organism"] == "9606"
    assert rows["9606.ENSP00000000233_P11111"]["flags"] == ["mixed_species"]
    expected = {4: "no_accession", 7: "malformed_member", 8: "genetic_interaction", 9: "no_accession"}
    assert rejected == (expected | {10: "negative_interaction"} if width >= 36 else expected)


def test_biogrid(read):
    rows, rejected, _ = read(twins.biogrid())
    assert rejected == {3: "no_accession", 4: "genetic_interaction", 5: "rna_partner"}
    assert list(copies(rows["401"])) == ["P11111", "P22222"] and rows["401"]["source_score"] == 0.87
    assert list(copies(rows["402"])) == ["A0A024R1R8", "P22222"] and rows["402"]["source_score"] is None
    assert copies(rows["406"]) == {"P11111": (2, "table")}
    assert rows["407"]["flags"] == ["mixed_species"]
    assert rows["407"]["organism"] == "Homo sapiens; Mus musculus"
    assert annotations(rows["401"], "method") == [("Two-hybrid", None)]


def test_string(read):
    rows, rejected, _ = read(twins.STRING)
    row = rows["9606.ENSP00000000233_9606.ENSP00000272298"]
    assert (row["source_score"], row["organism"]) == (490, "9606") and rejected == {}
    assert [m["namespace"] for m in row["members"]] == ["ensembl", "ensembl"]
    assert copies(rows["9606.ENSP00000000233_9606.ENSP00000000233"]) == {"9606.ENSP00000000233": (2, "table")}
    assert read(gzip.compress(twins.STRING.encode()), name="links.txt.gz")[:2] == (rows, rejected)


def test_humap(read):
    row = read(twins.HUMAP2)[0]["HuMAP2_00000"]
    assert list(copies(row)) == ["Q9BQS8", "O95900"] and row["source_score"] == 3
    assert [m["gene"] for m in row["members"]] == ["FYCO1", "TRUB2"]
    row = read(twins.HUMAP3)[0]["huMAP3_00001.1"]
    assert [m["gene"] for m in row["members"]] == [None, None, None]  # two names for three members
    rows, rejected, _ = read(twins.HUMAP_FINDER)
    assert [m["gene"] for m in rows["HuMAP2_00006"]["members"]] == ["ALP", "BET"]
    assert rows["HuMAP2_00006"]["flags"] == ["members_without_accession:1"]
    assert copies(rows["HuMAP2_00008"]) == {"P11111": (2, "table")}
    assert rows["HuMAP2_00008"]["flags"] == ["repeated_member:P11111"]
    assert rejected == {2: "no_members"}


@pytest.mark.parametrize(
    "members", ["P11111(2);P22222", "P11111 (2) | P22222", '"P11111(2), P22222"', "P11111(2) P22222"]
)
def test_csv_members(read, members):
    row = read(f"complex_id,members\nmine,{members}\n")[0]["mine"]
    assert {m["member"]: m["copies"] for m in row["members"]} == {"P11111": 2, "P22222": 1}


def test_csv_optional_columns(read):
    text = "complex_id;members;copies;name;organism;score\nmine;P11111 P22222;3 0;Name;Human;0.25\n"
    row = read(text)[0]["mine"]
    assert copies(row) == {"P11111": (3, "table"), "P22222": (1, "assumed")}
    assert (row["name"], row["organism"], row["source_score"]) == ("Name", "Human", 0.25)
    assert read("complex_id,members,copies\nmine,P11111;P22222,1\n")[1] == {1: "malformed_copies"}
    assert read("complex_id,members,copies\nmine,P11111;P22222,1;x\n")[1] == {1: "malformed_copies"}


def test_csv_pairs(read):
    rows, rejected, _ = read(twins.PAIRS)
    assert list(rows) == ["P11111_P22222", "P22222_P11111", "P11111_P11111"] and rejected == {}
    assert rows["P22222_P11111"]["source_score"] is None
    assert copies(rows["P11111_P11111"]) == {"P11111": (2, "table")}
    assert list(read("complex_id,id_a,id_b\nnamed,P11111,P22222\n")[0]) == ["named"]
    assert read("id_a,id_b\nP11111,\n")[1] == {1: "no_accession"}


def test_a_row_of_another_width_is_rejected_and_trailing_blanks_are_not_counted(read):
    text = "complex_id,members\na,P11111\nb,P11111,P22222\nc\nd,P22222,,  ,\n\n  \ne,P33333"
    rows, rejected, got = read(text)
    assert rejected == {2: "wrong_columns", 3: "wrong_columns"}
    assert (list(rows), got.n_rows) == (["a", "d", "e"], 5)


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n"])
def test_a_quote_that_is_never_closed_rejects_its_row(read, end):
    rows, _, got = read(f'complex_id,members\nB,P11111\nA,"P12345;P67890{end}')
    assert list(rows) == ["B"]
    (row,) = got.rejected.to_pylist()
    assert (row["source_id"], row["source_row"], row["reason_code"]) == ("A", 2, "unclosed_quote")
    assert "never closed" in row["reason"] and "\x03" not in row["raw"]
    assert list(read(f'complex_id,members\nB,P11111\nA,"P12345;P67890"{end}')[0]) == ["B", "A"]


def test_none_is_an_identifier_like_any_other(read):
    rows, _, got = read("complex_id,members\nnone,P11111\nNA,P1\n,P1\n")
    assert list(rows) == ["none"] and rows["none"]["complex_id"] == "none"
    assert got.rejected["source_id"].to_pylist() == ["NA", None]
    assert list(read("complex_id,id_a,id_b\nnone,P11111,P22222\n-,P1,P2\n,P11111,P22222\n")[0]) == [
        "none",
        "P11111_P22222",
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends(read, encoding, newline):
    text = "complex_id,members,name\na,P11111;P22222,Köln complex\nb,P11111,plain\n".replace("\n", newline)
    rows, rejected, _ = read(text.encode(encoding))
    assert rejected == {} and rows["a"]["name"] == "Köln complex"
    assert rows["a"]["flags"] == (["latin1_text"] if encoding == "latin-1" else [])
    assert rows["b"]["flags"] == ["single_member"]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"\n \n", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"PK\x03\x04rest", "ZIP archive or an Excel workbook"),
        (gzip.compress(b"complex_id,members\n")[:-6], "damaged gzip"),
        (b"\x1f\x8bnot gzip", "damaged gzip"),
        (b"name,value\n1,2\n", "no known format"),
        (b'[{"complex_id": 1', "JSON"),
        (b"[" * 100_000, "JSON"),
        (b">sp|P11111|X\nMKV\n", "no known format"),
        (b"\x00\x01\x02", "no known format"),
    ],
)
def test_unreadable_files_are_one_error(tmp_path, data, says):
    path = tmp_path / "table"
    path.write_bytes(data)
    with pytest.raises(InputError, match=says):
        open_table(path)


def test_wrong_format_names_the_columns_it_needs(tmp_path):
    path = tmp_path / "table"
    path.write_text(twins.CSV)
    with pytest.raises(
        InputError, match=r"not a corum table.*\n.*subunits\(UniProt IDs\) or subunits_uniprot_id"
    ):
        open_table(path, "corum")
    with pytest.raises(UsageError, match="'corrum'; valid: auto, corum"):
        open_table(path, "corrum")
    with pytest.raises(InputError, match="no such file"):
        open_table(tmp_path / "absent")
    with pytest.raises(InputError, match="cannot be read"):
        open_table(tmp_path)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
@pytest.mark.parametrize(
    "text", [twins.CSV, 'id_a,id_b\r\n"P1","ü"\r\nP2,P3\r\nP4,"P5\r\n,x', "id_a,id_b\nP1,P2\nP3,Ã"]
)
def test_a_streamed_table_reads_the_same(tmp_path, monkeypatch, text, encoding, packed):
    monkeypatch.setattr(files, "_CHUNK", 5)  # so that chunks cut characters
    path = tmp_path / "table"
    data = text.encode(encoding)
    path.write_bytes(gzip.compress(data) if packed else data)
    table = open_table(path)
    found, rows = stream_table(path)
    seen, expected = ([(r.number, r.cells, str(r.error)) for r in some] for some in (rows, table.rows))
    assert found is table.format and seen == expected and len(seen) > 1
    assert set("üÃ") & set(text) <= {char for _, cells, _ in seen for cell in cells for char in cell}


@pytest.mark.parametrize("reads", [open_table, stream_table])
def test_a_damaged_end_of_a_gzip_file_is_an_error(tmp_path, monkeypatch, reads):
    monkeypatch.setattr(files, "_CHUNK", 1000)
    path = tmp_path / "table.gz"
    path.write_bytes(gzip.compress(b"id_a,id_b\n" + os.urandom(100_000))[:-2000])
    with pytest.raises(InputError, match="damaged gzip"):
        reads(path)


def test_a_header_alone_is_an_empty_table(read):
    _, _, got = read("complex_id,members\n")
    assert (got.n_rows, got.complexes.num_rows, got.rejected.num_rows) == (0, 0, 0)


def test_spreadsheet_copy_of_real_corum3_reads_the_same(shared_data, tmp_path):
    path = shared_data / "corum" / "corum3.0_20180903_allComplexes.txt"
    rows = list(csv.reader(path.open(newline=""), delimiter="\t", quoting=csv.QUOTE_NONE))
    order = random.Random(0).sample(range(len(rows[0])), len(rows[0]))
    copy = io.StringIO()
    csv.writer(copy, delimiter="\t", quoting=csv.QUOTE_ALL).writerows(
        [[row[i] for i in order] for row in rows]
    )
    (tmp_path / "copy.tsv").write_text(copy.getvalue())
    assert ingest(tmp_path / "copy.tsv").complexes.equals(ingest(path).complexes)

"""The user's structure templates: the CSV, the files it names, and what they make of the input key."""

import gzip
import re
from pathlib import Path

import gemmi
import pyarrow as pa
import pytest
from features.complexes import OTHER, PROTEIN, write_template

from foldcp.campaign.complexes import read
from foldcp.campaign.sequences import resolve
from foldcp.campaign.structure_templates import FOLDER, files_at_hand, kept_file, named_files
from foldcp.campaign.tokens import Counted, count
from foldcp.config import ComplexesConfig, ScreenConfig, SequencesConfig
from foldcp.errors import InputError
from foldcp.tables.provenance import sha256_file
from foldcp.tables.rows import check
from foldcp.tables.schemas import COMPLEXES

HEADER = "complex_id,member,file,chain\n"
TABLE = "complex_id,members\na,P11111;P22222\nb,P11111(2)\nb,P11111(2)\nbad,nonsense\nc,P22222;P11111\n"
FASTA = f">P11111\n{PROTEIN}\n>P22222\n{OTHER}\n>P33333\n{OTHER[::-1]}\n"


@pytest.fixture
def here(tmp_path):
    """A folder with a table, sequences, and a file of two proteins."""
    (tmp_path / "table.csv").write_text(TABLE)
    (tmp_path / "s.fasta").write_text(FASTA)
    (tmp_path / "cif").mkdir()
    write_template(tmp_path / "cif" / "pair.cif", [PROTEIN[2:], OTHER], seed=0)
    return tmp_path


@pytest.fixture
def ingest(here):
    def ingest(text, **source):
        (here / "templates.csv").write_text(text)
        source = source or {"table": here / "table.csv"}
        got = read(ComplexesConfig(templates=here / "templates.csv", **source), here / "results")
        check(COMPLEXES, got.complexes)
        return got

    return ingest


@pytest.fixture
def counted(here, ingest):
    def counted(text) -> Counted:
        got = ingest(text)
        found = resolve(got.complexes, SequencesConfig(fasta=[here / "s.fasta"]))
        result = count(got.complexes, found.sequences, found.unresolved, None, SequencesConfig())
        assert result.tokens.num_rows + result.rejected.num_rows == got.complexes.num_rows
        return result

    return counted


def given(got):
    """Return complex_id to what the CSV gives it, as tuples of row, member, file, chain and error."""
    names = ("row", "member", "file", "chain", "error")
    return {
        row["complex_id"]: [tuple(line[name] for name in names) for line in row["templates"]]
        for row in got.complexes.to_pylist()
        if row["templates"] is not None
    }


def rows(result):
    return {row["complex_id"]: row for row in result.tokens.to_pylist()}


def test_complexes_are_found_by_either_identifier_and_files_beside_the_csv(here, ingest):
    got = ingest(
        HEADER + "a,P11111,cif/pair.cif,A\nb,,cif/pair.cif,\n\na,P11111,cif/pair.cif,A\n"
        "b-2,uniprotkb:P11111,cif/pair.cif,B\n"
    )
    assert got.complexes["complex_id"].to_pylist() == ["a", "b", "b-2", "c"]
    assert given(got) == {
        "a": [(1, "P11111", "cif/pair.cif", "A", None)],
        "b": [(2, None, "cif/pair.cif", None, None)],
        "b-2": [(2, None, "cif/pair.cif", None, None), (5, "P11111", "cif/pair.cif", "B", None)],
    }
    sha256 = sha256_file(here / "cif" / "pair.cif")
    assert {t["sha256"] for r in got.complexes.to_pylist() for t in r["templates"] or []} == {sha256}
    copy = kept_file(here / "results", sha256)
    assert copy.read_bytes() == (here / "cif" / "pair.cif").read_bytes()
    assert list((here / "results" / FOLDER).iterdir()) == [copy]
    assert "1 files of templates, 0 of them unusable, for 3 complexes" in got.remarks[-1]


def test_unknown_complexes_and_members_are_an_error_that_names_all_rows(ingest):
    lines = "a,P22222,cif/pair.cif,\nbad,P11111,cif/pair.cif,\n"
    with pytest.raises(InputError) as error:
        ingest(HEADER + lines + "nobody,,cif/pair.cif,\na,P33333,cif/pair.cif,\nP11111_P22222,,x.cif,\n")
    assert str(error.value).partition("templates.csv: ")[2] == (
        "not in the table of complexes:\n  row 3: there is no complex nobody\n"
        "  row 4: a has no member P33333; valid: P11111, P22222\n  row 5: there is no complex P11111_P22222"
    )
    # A rejected row of the table is no mistake of the CSV.
    assert given(ingest(HEADER + lines)) == {"a": [(1, "P22222", "cif/pair.cif", None, None)]}


def test_a_screen_takes_templates_by_the_names_of_its_pairs(here, ingest):
    (here / "baits.txt").write_text("P11111\nP22222\nP33333\n")
    lines = HEADER + "P11111_P22222,P22222,cif/pair.cif,B\nP22222_P11111,,cif/pair.cif,\n"
    got = ingest(lines, screen=ScreenConfig(baits=here / "baits.txt"))
    assert given(got) == {
        "P11111_P22222": [(1, "P22222", "cif/pair.cif", "B", None), (2, None, "cif/pair.cif", None, None)]
    }
    assert got.complexes.num_rows == 3
    with pytest.raises(InputError, match="row 1: there is no complex P22222_P44444"):
        ingest(HEADER + "P22222_P44444,,cif/pair.cif,\n", screen=ScreenConfig(baits=here / "baits.txt"))


def test_a_table_of_pairs_takes_either_order_too_but_no_lookalike(here, ingest):
    (here / "table.csv").write_text("complex_id,members\nx_y,P11111;P22222\n")
    with pytest.raises(InputError, match="there is no complex y_x"):
        ingest(HEADER + "y_x,,cif/pair.cif,\n")
    (here / "table.csv").write_text("id_a,id_b\nP22222,P11111\n")
    got = ingest(HEADER + "P11111_P22222,P11111,cif/pair.cif,A\n")
    assert given(got) == {"P22222_P11111": [(1, "P11111", "cif/pair.cif", "A", None)]}


@pytest.mark.parametrize("spoil", [b"", b"altered"])
def test_a_copy_that_is_not_what_its_name_says_is_made_again(here, ingest, spoil):
    lines = HEADER + "a,,cif/pair.cif,\n"
    ingest(lines)
    (copy,) = (here / "results" / FOLDER).iterdir()
    copy.write_bytes(spoil)
    ingest(lines)
    assert copy.read_bytes() == (here / "cif" / "pair.cif").read_bytes()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("complex_id,member,file\na,P11111,x.cif\n", "expected the columns complex_id, member, file, chain"),
        ("", "got none"),
        (
            HEADER + 'a,P11111,x.cif,\na,"P11111,x.cif,\n' + "a,P11111,x.cif,\n" * 10_000,
            "line 3: not readable as CSV: .*; each quote needs its partner",
        ),
        (HEADER + 'a,P11111,"x.cif,\na,P11111,y.cif,\n', "line 2: not readable as CSV: unexpected end"),
        (
            HEADER + "a,P1,x.cif,\na,,,A\n,P11111,x.cif,\na,P11111\n",
            "not a table of templates:\n  row 1: 'P1' is no .*\n  row 2: names no file\n"
            "  row 3: names no complex\n  row 4: 2 fields; needed",
        ),
    ],
)
def test_mistakes_in_the_csv_are_named(here, ingest, text, says):
    with pytest.raises(InputError, match=says):
        ingest(text)
    assert files_at_hand(here / "templates.csv") == []  # the stage says what is wrong
    with pytest.raises(InputError, match=says):
        named_files(here / "templates.csv")


def test_a_packed_file_is_the_same_template(here, counted):
    plain = rows(counted(HEADER + "a,P11111,cif/pair.cif,A\n"))["a"]
    data = (here / "cif" / "pair.cif").read_bytes()
    (here / "other.cif.gz").write_bytes(gzip.compress(data))
    packed = rows(counted(HEADER + "a,P11111,cif/../other.cif.gz,A\n"))["a"]
    assert packed == plain
    assert [path.read_bytes() for path in (here / "results" / FOLDER).iterdir()] == [data]


def test_files_that_are_there_are_inputs_of_the_stage(here):
    (here / "templates.csv").write_text(HEADER + "a,,cif/pair.cif,\nb,,gone.cif,\nc,,cif/../cif/pair.cif,\n")
    assert files_at_hand(here / "templates.csv") == [here / "cif" / "pair.cif"]
    named = {here / "cif" / "pair.cif": [1, 3], here / "gone.cif": [2]}
    assert named_files(here / "templates.csv") == named
    assert named_files(None) == {} and files_at_hand(None) == []


# What cannot be used


def _without(text, category):
    """Return an mmCIF file without the loop of a category."""
    document = gemmi.cif.read_string(text)
    document[0].find_mmcif_category(f"{category}.").erase()
    assert len(document.as_string()) < len(text)
    return document.as_string()


def _renamed(text, old, new):
    """Return an mmCIF file with another `label_asym_id`."""
    document = gemmi.cif.read_string(text)
    for tag in ("_atom_site.label_asym_id", "_struct_asym.id"):
        for row in document[0].find([tag]):
            row[0] = new if row[0] == old else row[0]
    return document.as_string()


BAD = {
    "gone.cif": (None, "no such file"),
    "text.cif": (lambda _: "hello\n", "is no mmCIF file: "),
    "old.cif": (lambda _: "HEADER    HYDROLASE\nATOM      1  N   MET A   1\n", "is no mmCIF file: "),
    "binary.cif": (lambda _: b"\x00\xff\xfe\x01", "is no mmCIF file: string:1:1: expected block header"),
    "packed.cif.zst": (
        lambda text: pa.compress(text.encode(), codec="zstd", asbytes=True),
        "is no mmCIF file: string:1:1: expected block header (data_); taken are mmCIF files as text, plain "
        "or .gz (not PDB, BinaryCIF or .zst)",
    ),
    "empty.cif": (lambda _: "", "holds no protein: needed are atoms"),
    "cut.cif.gz": (lambda text: gzip.compress(text.encode())[:200], "damaged gzip file"),
    "folder": (Path.mkdir, "cannot be read: Is a directory"),
    "no_atoms.cif": (lambda text: _without(text, "_atom_site"), "holds no protein"),
    "no_sequence.cif": (lambda text: _without(text, "_entity_poly_seq"), "holds no protein"),
    "long.cif": (
        lambda text: _renamed(text, "B", "BARREL"),
        "has chains of names that Boltz cuts after 5 characters: BARREL; shorten label_asym_id",
    ),
    "dna.cif": (lambda text: text.replace("polypeptide(L)", "polydeoxyribonucleotide"), "holds no protein"),
}


@pytest.mark.parametrize("name", BAD)
def test_an_unusable_file_rejects_its_complex_with_row_file_and_reason(here, counted, name):
    make, reason = BAD[name]
    if make is Path.mkdir:
        (here / name).mkdir()
    elif make is not None:
        made = make((here / "cif" / "pair.cif").read_text())
        (here / name).write_bytes(made if isinstance(made, bytes) else made.encode())
    result = counted(HEADER + f"c,P11111,cif/pair.cif,A\na,,cif/pair.cif,\na,P11111,{name},\n")
    (row,) = result.rejected.to_pylist()
    assert (row["complex_id"], row["source_id"], row["source_row"]) == ("a", "a", 1)
    assert (row["stage"], row["reason_code"]) == ("tokens", "bad_template")
    assert row["reason"].startswith(f"row 3 of complexes.templates, {name}: {reason}")
    assert row["raw"] == f"cif/pair.cif;{name}"
    assert rows(result)["c"]["n_templates"] == 1


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (
            "a,P11111,cif/pair.cif,Q\n",
            r"row 1 .*pair.cif: has no protein chain 'Q'; valid \(label_asym_id\): A, B",
        ),
        ("a,,cif/pair.cif,A\n", "row 1 .*: is chain A a template for which member.*P22222, P11111"),
        (
            "a,P11111,cif/pair.cif,A\na,P22222,cif/pair.cif,\n",
            "row 2 .*: names no chain, but row 1 does; all of a file, or none",
        ),
        (
            "a,P11111,x.cif,\na,P22222,y.cif,\n",
            "row 1 of complexes.templates, x.cif: no such file; row 2 of .* y.cif: no such file",
        ),
    ],
)
def test_lines_that_cannot_be_used_reject_the_complex(counted, lines, reason):
    result = counted(HEADER + lines)
    assert result.rejected["complex_id"].to_pylist() == ["a"]
    assert re.match(reason, result.rejected["reason"][0].as_py())


def test_the_authors_names_of_chains_are_told(here, counted):
    document = gemmi.cif.read(str(here / "cif" / "pair.cif"))
    for row in document[0].find(["_atom_site.auth_asym_id"]):
        row[0] = {"A": "H", "B": "L"}[row[0]]
    document.write_file(str(here / "renamed.cif"))
    result = counted(HEADER + "a,P11111,renamed.cif,H\n")
    assert (
        "valid (label_asym_id): A (the authors' H), B (the authors' L)"
        in result.rejected["reason"][0].as_py()
    )


def test_only_proteins_take_templates(here, counted):
    (here / "table.csv").write_text("complex_id,members\na,P11111;URS000012D749\nr,URS000012D749\n")
    (here / "s.fasta").write_text(FASTA + ">URS000012D749\nACGU\n")
    result = counted(HEADER + "a,URS000012D749,cif/pair.cif,\nr,,cif/pair.cif,\n")
    assert [row["reason"].partition(": ")[2] for row in result.rejected.to_pylist()] == [
        "URS000012D749 is no protein, and only proteins take templates",
        "the complex has no protein, and only proteins take templates",
    ]
    # The only protein needs no name, whatever else there is.
    (row,) = counted(HEADER + "a,,cif/pair.cif,B\n").tokens.to_pylist()[:1]
    assert row["templates"][0]["template_chains"] == ["B"]


# The input key


def test_keys_without_templates_are_what_they_were(counted):
    from foldcp.tables.provenance import sha256_json

    row = rows(counted(HEADER + "b,,cif/pair.cif,\n"))["a"]
    chains = [(c["entity_type"], c["sha256"], None) for c in row["chains"]]
    assert row["input_key"] == sha256_json(chains)
    assert (row["templates"], row["n_templates"]) == (None, 0)


def test_the_key_depends_on_content_and_chains_of_templates_and_on_nothing_else(here, counted):
    def key(lines, name="a"):
        return rows(counted(HEADER + lines))[name]["input_key"]

    write_template(here / "cif" / "other.cif", [PROTEIN[2:], OTHER], seed=1)
    first = key("a,P11111,cif/pair.cif,A\n")
    different = [
        first,
        key(""),
        key("a,P11111,cif/other.cif,A\n"),
        key("a,P11111,cif/pair.cif,B\n"),
        key("a,P11111,cif/pair.cif,\n"),
        key("a,P22222,cif/pair.cif,A\n"),
        key("a,,cif/pair.cif,\n"),
        key("a,P11111,cif/pair.cif,A\na,P22222,cif/pair.cif,B\n"),
        key("a,P11111,cif/pair.cif,A\na,P22222,cif/other.cif,B\n"),
    ]
    assert len(set(different)) == len(different)
    two = "a,P11111,cif/pair.cif,A\na,P22222,cif/other.cif,B\n"
    assert key("".join(reversed(two.splitlines(keepends=True)))) == different[-1]
    # Neither the name of the file nor the order of the members matters.
    (here / "cif" / "pair.cif").rename(here / "renamed.cif")
    assert key("a,P11111,renamed.cif,A\n") == key("c,P11111,renamed.cif,A\n", "c") == first
    write_template(here / "renamed.cif", [PROTEIN[2:], OTHER], seed=2)
    assert key("a,P11111,renamed.cif,A\n") not in different


def test_equal_sequences_with_other_templates_are_other_predictions(counted):
    # a and c have the same members, and so have the two b.
    found = rows(counted(HEADER + "c,P11111,cif/pair.cif,A\nb,,cif/pair.cif,\n"))
    assert found["a"]["predicted_as"] == "a" and found["c"]["predicted_as"] == "c"
    assert found["b"]["predicted_as"] == found["b-2"]["predicted_as"] == "b"

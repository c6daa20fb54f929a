"""Alignments that an input names: read before Boltz reads them, and only their widths held against chains."""

import logging

import pytest

from foldcp.errors import InputError
from foldcp.msa.pairing import Pairing
from foldcp.predict.document import read
from foldcp.predict.paired_input import paired
from foldcp.predict.targets import from_file

PROTEIN = "  - protein: {{id: {id}, sequence: {sequence}, msa: {msa}{more}}}\n"


def document(write, *proteins, **files):
    """An input of proteins (id, sequence, msa, further keys) beside alignment files."""
    for name, text in files.items():
        write(name.replace("_", "."), text)
    items = [PROTEIN.format(id=p[0], sequence=p[1], msa=p[2], more="".join(p[3:])) for p in proteins]
    return write("input.yaml", "sequences:\n" + "".join(items))


CSV = "key,sequence\n,MKTAY\n9606,MKT-Y\n"


def test_good_ones_of_both_kinds_pass(write, tmp_path):
    path = document(
        write,
        ("A", "MKTAY", "a.csv"),
        ("B", "MK", "b.a3m"),
        ("C", "MKV", "empty"),
        a_csv=CSV,
        b_a3m=">q\nMK\n",
    )
    ready, _ = paired(read(path), Pairing(), tmp_path)
    used = [item["protein"]["msa"] for item in ready.schema["sequences"]]
    assert used == [str(path.parent / "a.csv"), str(tmp_path / "0.csv"), "empty"]


@pytest.mark.parametrize("lengths", [(5, 6), (6, 5)])
@pytest.mark.parametrize(("name", "line"), [("a.csv", 2), ("a.a3m", 1)])
def test_every_chain_is_held_against_its_file(write, lengths, name, line, tmp_path):
    chains = [(chain, "MKTAYY"[:length], name) for chain, length in zip("AB", lengths, strict=True)]
    path = document(write, *chains, a_csv=CSV, a_a3m=">q\nMKTAY\n>h\nMKT-Y\n")
    with pytest.raises(
        InputError, match=rf"{name}, line {line}: the first row \(5 columns\).*\(6 residues\)"
    ):
        paired(read(path), Pairing(), tmp_path)


def test_rows_that_boltz_cannot_read_are_written_for_it(write, tmp_path):
    """Rows over several lines, and the dots of a2m."""
    path = document(write, ("A", "MKTAY", "a.a3m"), a_a3m=">q\nMKT\nAY\n>h\nMK.TaA-\n")
    ready, _ = paired(read(path), Pairing(), tmp_path)
    assert (tmp_path / "0.csv").read_text() == "key,sequence\n,MKTAY\n,MKTaA-\n"
    assert ready.schema["sequences"][0]["protein"]["msa"] == str(tmp_path / "0.csv")


@pytest.mark.model
@pytest.mark.parametrize("name", ["a.csv", "a.a3m"])
@pytest.mark.parametrize(
    ("query", "more"),
    [
        ("MKTAY", ""),
        ("XKTAY", ", modifications: [{position: 1, ccd: MSE}]"),
        ("MKTAY", ", modifications: [{position: 1, ccd: MSE}]"),
    ],
)
def test_a_query_of_other_letters(session, write, tmp_path, caplog, name, query, more):
    text = f"key,sequence\n,{query}\n,MKT--\n" if name == "a.csv" else f">q\n{query}\n>h\nMKT--\n"
    write(name, text)
    path = document(write, ("A", "MKTAY", name, more))
    with caplog.at_level(logging.WARNING):
        session.predict(from_file(path), tmp_path / "out")
    assert "is not of its sequence; it is left out" not in caplog.text
    assert list((tmp_path / "out").rglob("*.cif"))

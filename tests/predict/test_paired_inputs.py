"""Alignments paired before Boltz reads them: which files, which rows, and that nothing gets lost."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from features.upstream import dense_batch, differences
from model.cases import compact_of

from foldcp.errors import InputError, UsageError
from foldcp.msa.pairing import Pairing
from foldcp.predict.ahead import Ahead, Request
from foldcp.predict.document import read
from foldcp.predict.paired_input import paired, write_for_boltz
from foldcp.predict.preparation import Preparation
from foldcp.predict.seeds import Seeds
from foldcp.predict.session import Session
from foldcp.predict.settings import Settings
from foldcp.predict.targets import from_file

ONE, TWO = "MKTAYIAKQRQ", "GSHCDWLNPEF"
A3M = {
    "one.a3m": [
        *(("query", ONE), ("x OX=10", "MKTAYIAKQRA"), ("y", "MKTAYIAKAAA"), ("z OX=12", "MKaaTAYI-KQRC")),
        *(("z too OX=12", "MKTAYI-KQCC"), ("w OX=13", "MKTAYI---CC")),
    ],
    "two.a3m": [
        ("query", TWO),
        ("z OX=12", "GSHC-wwWLNPEF"),
        ("x OX=10", "GSHCDWLNPEA"),
    ],
}
YAML = f"""
version: 1
sequences:
  - protein: {{id: [A, B], sequence: {ONE}, msa: one.a3m}}
  - rna: {{id: R, sequence: GCAU}}
  - protein: {{id: C, sequence: {TWO}, msa: two.a3m}}
  - protein: {{id: D, sequence: {TWO[:4]}, msa: empty}}
"""


@pytest.fixture
def complex_file(tmp_path: Path) -> Path:
    for name, rows in A3M.items():
        (tmp_path / name).write_text("".join(f">{header}\n{row}\n" for header, row in rows))
    path = tmp_path / "complex.yaml"
    path.write_text(YAML)
    return path


def lines(path: str) -> list[str]:
    return Path(path).read_text().split("\n")[1:-1]


def files(document) -> list[str | None]:
    return [item.get("protein", {}).get("msa") for item in document.schema["sequences"]]


def test_each_a3m_becomes_a_csv_of_its_pairs(complex_file: Path, tmp_path: Path) -> None:
    document = read(complex_file)
    ready, depths = paired(document, Pairing(), tmp_path)
    one, rna, two, single = files(ready)
    assert (rna, single) == (None, "empty")
    # 10 and 12 in all three chains; 13 and the second row of 12 in the two copies.
    assert lines(one) == [
        f",{ONE}",
        *("0,MKTAYIAKQRA", "1,MKaaTAYI-KQRC", "2,MKTAYI---CC", "3,MKTAYI-KQCC", ",MKTAYIAKAAA"),
    ]
    assert lines(two) == [f",{TWO}", "0,GSHCDWLNPEA", "1,GSHC-wwWLNPEF"]
    assert depths == (5, 10)
    assert files(document) == [str(tmp_path / name) for name in ("one.a3m",)] + [
        None,
        str(tmp_path / "two.a3m"),
        "empty",
    ]
    complete, _ = paired(document, Pairing("complete"), tmp_path)
    assert [line.split(",")[0] for line in lines(files(complete)[0])] == ["", "0", "1", "", "", ""]
    few, depths = paired(document, Pairing("greedy", max_rows=4, max_paired=2), tmp_path)
    assert [line.split(",")[0] for line in lines(files(few)[0])] == ["", "0", "", ""]
    assert depths.paired == 2


@pytest.mark.model
def test_boltz_reads_what_the_model_gets(complex_file: Path, session, tmp_path: Path) -> None:
    """What is written for Boltz and read by its own functions are the features that are folded."""
    document = read(complex_file)
    seeds = Seeds("c", 7, document.key())
    preparation = Preparation(session.preparation.molecules, "boltz", Pairing())
    ours = preparation.prepare(document, "complex", seeds).features
    written, depths = write_for_boltz(document, Pairing(), tmp_path / "for-boltz")
    parsed = Preparation(session.preparation.molecules, "boltz", Pairing("none")).parse(
        read(written), "complex", seeds
    )
    molecules = preparation.molecules.provide([])
    theirs = compact_of(dense_batch(parsed, molecules, preparation.canonicals, seeds.features))
    assert differences(ours, theirs) == []
    alignment = ours.alignment
    assert alignment.residues.shape[0] == depths.total
    in_chains = alignment.paired.numpy()[1:, [0, 11, 26, 37]]  # A, B, C and D after the RNA
    assert in_chains[:4].tolist() == [[1, 1, 1, 0], [1, 1, 1, 0], [1, 1, 0, 0], [1, 1, 0, 0]]
    assert not in_chains[4:].any()
    kept = Preparation(session.preparation.molecules, "kept", Pairing()).prepare(document, "complex", seeds)
    found = kept.features.alignment.deletions
    # The rows of species 12 are in row 2: two residues more after the second of A and B, and the fifth of C.
    assert np.argwhere(found[2].numpy() > 0).ravel().tolist() == [2, 13, 31]


@pytest.mark.model
def test_pairing_is_that_of_the_settings_ahead_too(complex_file: Path, settings, monkeypatch) -> None:
    monkeypatch.setattr("foldcp.predict.ahead.WORTH", 0.0)
    document, target = read(complex_file), from_file(complex_file)
    seeds, found = Seeds("c", 7, document.key()), {}
    for how in ("greedy", "complete", "none"):
        session = Session(dataclasses.replace(settings, pairing=how, max_rows=5, max_paired=4))
        ahead = Ahead(session.preparation)
        ahead.ask(Request(target, "c", 7))
        monkeypatch.setattr(session.preparation, "prepare", None)
        found[how] = ahead.prepare(document, target, seeds).features.alignment
        monkeypatch.undo()
        monkeypatch.setattr("foldcp.predict.ahead.WORTH", 0.0)
        own = session.preparation.prepare(document, "complex", seeds).features.alignment
        assert found[how].residues.equal(own.residues) and found[how].paired.equal(own.paired)
        ahead.close()
        session.close()
    assert [int(found[how].paired.any(1).sum()) for how in found] == [4, 3, 1]


def test_what_the_user_has_paired_is_not_paired_again(complex_file: Path, tmp_path: Path) -> None:
    (tmp_path / "two.csv").write_text(f"key,sequence\n,{TWO}\n0,GSHCDWLNPEA\n")
    complex_file.write_text(YAML.replace("two.a3m", "two.csv"))
    ready, depths = paired(read(complex_file), Pairing(), tmp_path)
    one, _, two, _ = files(ready)
    assert two == str(tmp_path / "two.csv")
    # Keys of ours could be keys of theirs.
    assert {line.split(",")[0] for line in lines(one)} == {""}
    assert depths.paired == 1


@pytest.mark.model
@pytest.mark.usefixtures("complex_file")
def test_copies_that_are_items_of_their_own_are_one_entity(session, tmp_path: Path) -> None:
    """Boltz wants one file for all chains of a sequence; FASTA can say copies in no other way."""
    fasta = tmp_path / "copies.fasta"
    fasta.write_text("".join(f">{chain}|protein|one.a3m\n{ONE}\n" for chain in "AB"))
    ready, depths = paired(read(fasta), Pairing(), tmp_path)
    assert files(ready) == [str(tmp_path / "0.csv")] * 2
    # Every row of a known species goes with itself.
    assert depths == (5, 5 + 5)
    session.predict(from_file(fasta), tmp_path / "out")
    assert list((tmp_path / "out").rglob("*.cif"))


@pytest.mark.parametrize(
    ("query", "more", "is_taken"),
    [
        (f"X{ONE[1:]}", "", True),  # selenomethionine
        (f"{ONE[:-1]}X", "", False),
        (f"{ONE[:-1]}A", "", False),
        (f"{ONE[:-1]}A", ", modifications: [{position: 11, ccd: TPO}]", True),
        (f"A{ONE[1:]}", ", modifications: [{position: 11, ccd: TPO}]", False),
        (f"{ONE}A", ", modifications: [{position: 11, ccd: TPO}]", False),
    ],
)
@pytest.mark.parametrize("kind", ["a3m", "csv"])
def test_only_modified_residues_may_have_other_letters(
    tmp_path: Path, query: str, more: str, is_taken: bool, kind: str
) -> None:
    text = f">q\n{query}\n" if kind == "a3m" else f"key,sequence\n,{query}\n"
    (tmp_path / f"x.{kind}").write_text(text)
    path = tmp_path / "complex.yaml"
    path.write_text(f"sequences:\n  - protein: {{id: A, sequence: {ONE}, msa: x.{kind}{more}}}\n")
    if is_taken:
        paired(read(path), Pairing(), tmp_path)
    else:
        with pytest.raises(InputError, match=rf"x\.{kind}, line \d: the first row .* is not the sequence"):
            paired(read(path), Pairing(), tmp_path)


def test_pairing_is_part_of_the_key_where_there_are_alignments(complex_file: Path, tmp_path: Path) -> None:
    def key(path: Path, *how) -> str:
        return from_file(path, Pairing(*how)).input_key

    assert len({key(complex_file), key(complex_file, "none"), key(complex_file, "greedy", 3)}) == 3
    assert key(complex_file) == key(complex_file, "greedy")
    alone = tmp_path / "alone.yaml"
    alone.write_text(f"sequences:\n  - protein: {{id: A, sequence: {ONE}, msa: empty}}\n")
    assert key(alone) == key(alone, "none") == from_file(alone).input_key


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (">q\nMKTAY\n", r"one\.a3m, line 1: the first row \(5 columns\)"),
        (f">q\n{ONE}\n>r OX=1\nMK\n", r"one\.a3m, line 3: the row below has 2 columns"),
        ("", r"one\.a3m, line 1: the file holds no FASTA record"),
    ],
)
def test_a_malformed_alignment_is_an_error_with_its_line(
    complex_file: Path, tmp_path: Path, text: str, reason: str
) -> None:
    (tmp_path / "one.a3m").write_text(text)
    with pytest.raises(InputError, match=reason):
        paired(read(complex_file), Pairing(), tmp_path)


def test_settings_are_checked() -> None:
    with pytest.raises(UsageError, match=r"pairing 'loose'.*greedy, complete, none"):
        Settings(pairing="loose")
    for values in ({"max_rows": 0}, {"max_rows": 8193}, {"max_rows": 5, "max_paired": 6}, {"max_paired": 0}):
        with pytest.raises(UsageError, match="valid: 1 to "):
            Settings(**values)
    assert Settings(max_rows=100).how_to_pair.most_pairs == 99
    assert Settings(max_rows=100, max_paired=5).how_to_pair.most_pairs == 4


def test_the_command_writes_what_boltz_reads(complex_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "foldcp", "msa", "pair", complex_file, "--out", out, "--max-paired", "3"]
    ran = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == f"{out / 'complex.yaml'}\t3 paired\t8 in all\n"
    schema = yaml.safe_load((out / "complex.yaml").read_text())
    written = schema["sequences"][0]["protein"]["msa"]
    assert Path(written).is_absolute() and lines(written)[1].startswith("0,")


def test_the_command_writes_over_nothing(complex_file: Path, tmp_path: Path) -> None:
    before = complex_file.read_text()
    other = tmp_path / "other" / "complex.yaml"
    other.parent.mkdir()
    other.write_text(before)
    cases = {"would be written over: it is the input": [complex_file], "rename one": [complex_file, other]}
    for said, inputs in cases.items():
        command = [sys.executable, "-m", "foldcp", "msa", "pair", *inputs, "--out", tmp_path]
        ran = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
        assert ran.returncode == 2 and said in ran.stderr and "Traceback" not in ran.stderr
    assert complex_file.read_text() == before

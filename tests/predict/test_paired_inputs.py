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
from foldcp.predict.ahead import Ahead, Request
from foldcp.predict.document import read
from foldcp.predict.pairing import Pairing, paired, write_for_boltz
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


def test_letters_of_the_first_row_are_left_to_boltz(complex_file: Path, tmp_path: Path) -> None:
    # Programs write X for a modified residue, and Boltz takes that for the residue it is.
    (tmp_path / "one.a3m").write_text(f">q\nX{ONE[1:]}\n>r OX=10\nMKTAYIAKQRA\n")
    ready, _ = paired(read(complex_file), Pairing(), tmp_path)
    assert lines(files(ready)[0]) == [f",X{ONE[1:]}", "0,MKTAYIAKQRA"]


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
        with pytest.raises(UsageError, match="valid: 1 to 8192"):
            Settings(**values)


def test_the_command_writes_what_boltz_reads(complex_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "foldcp", "msa", "pair", complex_file, "--out", out, "--max-paired", "3"]
    ran = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == f"{out / 'complex.yaml'}\t3 paired\t8 in all\n"
    schema = yaml.safe_load((out / "complex.yaml").read_text())
    written = schema["sequences"][0]["protein"]["msa"]
    assert Path(written).is_absolute() and lines(written)[1].startswith("0,")

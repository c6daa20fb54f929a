"""The demo's alignments: of real rows, named by species, and what MMseqs2 finds."""

import csv
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from foldcp.msa import a3m, paired_csv
from foldcp.msa.paired_csv import Protein
from foldcp.msa.pairing import Pairing

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "config" / "demo"
CHAINS = {"P69905": "HBA", "P68871": "HBB"}


def fasta(name: str) -> dict[str, str]:
    records = (DEMO / name).read_text().split(">")[1:]
    split = (record.partition("\n") for record in records)
    return {head: "".join(body.split()) for head, _, body in split}


def rows(path: Path) -> list[a3m.Row]:
    sequences = {head.split("|")[1]: body for head, body in fasta("sequences.fasta").items()}
    return list(a3m.read(path, sequences[path.stem]))


@pytest.mark.parametrize("accession", CHAINS)
def test_rows_are_parts_of_the_database_and_name_their_species(accession):
    database = fasta("globins.fasta")
    (_, query), *others = rows(DEMO / "alignments" / f"{accession}.a3m")
    names = [header.split("\t")[0] for header, _ in others]
    assert sorted(names) == sorted(database)
    assert all(re.fullmatch("HB[AB]_[A-Z0-9]{3,5}", name) for name in names)
    for name, (_, row) in zip(names, others, strict=True):
        assert row.replace("-", "").upper() in database[name]
    # The protein is in the database itself, without the methionine that starts it.
    assert query == f"M{database[f'{CHAINS[accession]}_HUMAN']}"


@pytest.mark.parametrize("accession", CHAINS)
def test_the_first_row_of_a_species_is_of_the_chain_that_was_searched(accession):
    first: dict[str, str] = {}
    for header, _ in rows(DEMO / "alignments" / f"{accession}.a3m")[1:]:
        chain, species = header.split("\t")[0].split("_")
        first.setdefault(species, chain)
    assert len(first) == 133 and first["HUMAN"] == CHAINS[accession]
    assert list(first.values()).count(CHAINS[accession]) >= 130


def test_chains_are_paired_by_species(tmp_path):
    alignments = [rows(DEMO / "alignments" / f"{accession}.a3m") for accession in CHAINS]
    proteins = [Protein(2, lambda it=it: iter(it)) for it in alignments]
    files, _ = paired_csv.write(proteins, tmp_path, Pairing())
    keyed: list[dict[str, str]] = []
    for file, alignment in zip(files, alignments, strict=True):
        # Of equal rows the first has the name.
        names = {row: header.split("\t")[0] for header, row in reversed(alignment)}
        with file.open() as handle:
            lines = [line for line in csv.DictReader(handle) if line["key"]]
        keyed.append({line["key"]: names[line["sequence"]] for line in lines})
    alpha, beta = keyed
    pairs = [(alpha[key].split("_"), beta[key].split("_")) for key in alpha.keys() & beta.keys()]
    assert len(pairs) > 100 and all(a[1] == b[1] for a, b in pairs)
    assert sum((a[0], b[0]) == ("HBA", "HBB") for a, b in pairs) >= len(pairs) - 5


def test_mmseqs_finds_them_again(tmp_path):
    if shutil.which("mmseqs") is None:
        pytest.skip("MMseqs2 is not here: apt-get install mmseqs2")
    subprocess.run([sys.executable, DEMO / "make_alignments.py", tmp_path], check=True, timeout=300)
    for accession in CHAINS:
        made, kept = rows(tmp_path / f"{accession}.a3m"), rows(DEMO / "alignments" / f"{accession}.a3m")
        assert made[0] == kept[0]
        # Versions of MMseqs2 may differ in scores and ends, not in what they find.
        assert {row[0].split("\t")[0] for row in made} == {row[0].split("\t")[0] for row in kept}

"""A real MMseqs2 and small real databases: proteins of yeast, or hand-made families where they are absent."""

import random
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "sequences"
FAMILIES = re.compile("Histone H|Ubiquitin-conj|60S ribosomal protein L1|Actin|Heat shock protein SS")
LETTERS = "ACDEFGHIKLMNPQRSTVWY"


class Protein(NamedTuple):
    header: str
    sequence: str


class Databases(NamedTuple):
    """The same proteins as a plain and as a clustered database, and some of them to search for."""

    plain: Path
    clustered: Path
    proteins: list[Protein]
    family: list[Protein]
    """The members of the largest cluster, its head first."""


def mmseqs(*arguments: object) -> None:
    subprocess.run(["mmseqs", *map(str, arguments), "-v", "1"], check=True, capture_output=True)


def real_proteins() -> list[Protein] | None:
    found = sorted(SHARED.glob("yeast_*.fasta"))
    if not found:
        return None
    records = found[0].read_text().split(">")[1:]
    split = [
        (head, "".join(body.split())) for head, _, body in (record.partition("\n") for record in records)
    ]
    return [Protein(*item) for item in split if FAMILIES.search(item[0]) and len(item[1]) < 600]


def made_proteins() -> list[Protein]:
    draw = random.Random(11)
    proteins = []
    for family in range(12):
        ancestor = "".join(draw.choices(LETTERS, k=120))
        for n in range(5):
            sequence = "".join(draw.choice(LETTERS) if draw.random() < 0.25 else c for c in ancestor)
            header = f"sp|P{family:02d}{n:03d}|X{n}_YEAST made OS=Saccharomyces OX=559292 GN=X{n}"
            proteins.append(Protein(header, sequence))
    return proteins


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Databases:
    """Build both databases; the clustered one in the layout of ColabFold's."""
    if shutil.which("mmseqs") is None:
        pytest.skip("MMseqs2 is not here: apt-get install mmseqs2")
    folder = tmp_path_factory.mktemp("databases")
    proteins = real_proteins() or made_proteins()
    (folder / "all.fasta").write_text("".join(f">{p.header}\n{p.sequence}\n" for p in proteins))
    mmseqs("createdb", folder / "all.fasta", folder / "plain")
    mmseqs("createdb", folder / "all.fasta", folder / "uni_seq")
    threads = ("--threads", 1)
    clusters = ("--min-seq-id", 0.4, "-c", 0.8, *threads)
    mmseqs("cluster", folder / "uni_seq", folder / "clusters", folder / "tmp", *clusters)
    found = (folder / "uni_seq", folder / "uni_seq", folder / "clusters")
    mmseqs("align", *found, folder / "uni_aln", "-a", 1, "-e", "inf", *threads)
    index = (folder / "uni_aln.index").read_text()
    (folder / "heads").write_text("".join(line.split()[0] + "\n" for line in index.splitlines()))
    mmseqs("createsubdb", folder / "heads", folder / "uni_seq", folder / "uni")
    return Databases(folder / "plain", folder / "uni", proteins, largest_cluster(folder, proteins))


def largest_cluster(folder: Path, proteins: list[Protein]) -> list[Protein]:
    mmseqs("createtsv", folder / "uni_seq", folder / "uni_seq", folder / "clusters", folder / "clusters.tsv")
    pairs = [line.split("\t") for line in (folder / "clusters.tsv").read_text().splitlines()]
    heads = [head for head, _ in pairs]
    largest = max(heads, key=heads.count)
    by_name = {protein.header.split("|")[1]: protein for protein in proteins}
    return [by_name[member] for head, member in pairs if head == largest]

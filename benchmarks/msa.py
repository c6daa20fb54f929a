"""Alignment searches that CORUM needs, with and without sharing.

A count, not a timing. A search per member of each complex is what comes of folding each complex on its own;
a search per distinct protein is what the cache leaves. Proteins whose sequences are equal share a search as
well, which cannot be counted without all sequences: how many do is given for the proteomes at hand.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from foldcp.campaign.complexes import ingest
from foldcp.campaign.sources import fasta
from foldcp.config import MsaConfig

DATA = Path(os.environ.get("FOLDCP_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
"""Folder of public tables, which are not part of the project: corum/ and sequences/ in it."""
TABLES = {
    "CORUM 3.0, all mammals": "corum3.0_20180903_allComplexes.txt",
    "CORUM 4.1, core set": "corum4.1_coreCorum_export.tsv",
}
PROTEOMES = {"yeast": "yeast_UP000002311_2023_11_30.fasta", "human": "human_uniprot_subset_SpeedPPI.fasta"}


def _proteins(members: Iterable[dict]) -> set[str]:
    return {member["member"] for member in members if member["namespace"] == "uniprot"}


def _row(name: str, path: Path, known: set[str]) -> tuple[str, set[str]]:
    rows = ingest(path, "auto", None).complexes.select(["members", "complex_id", "same_as"]).to_pylist()
    each = [_proteins(row["members"]) for row in rows]
    first = [_proteins(row["members"]) for row in rows if row["same_as"] == row["complex_id"]]
    distinct = set().union(*each)
    counts = [len(rows), sum(map(len, each)), sum(map(len, first)), len(distinct), len(distinct - known)]
    jobs = -(-counts[-1] // MsaConfig().batch)
    share = f"{counts[1] / counts[3]:.1f}"
    cells = [name, *(f"{count:,}".replace(",", " ") for count in counts), share, str(jobs)]
    return "| " + " | ".join(cells) + " |", distinct


def _corum() -> Iterator[str]:
    yield (
        "| table | complexes | a search per member of each complex | the same, equal complexes once "
        "| a search per distinct protein | with the cache of the tables above | times fewer | search jobs |"
    )
    yield "|---|---|---|---|---|---|---|---|"
    known: set[str] = set()
    for name, file in TABLES.items():
        line, distinct = _row(name, DATA / "corum" / file, known)
        known |= distinct
        yield line


def _proteomes() -> Iterator[str]:
    yield "| proteins | accessions | distinct sequences |"
    yield "|---|---|---|"
    for name, file in PROTEOMES.items():
        records = fasta.collect([DATA / "sequences" / file]).records
        distinct = len({record.sequence for record in records.values()})
        yield f"| {name} ({file}) | {len(records)} | {distinct} |"


def run() -> str:
    if not DATA.is_dir():
        return f"Not run: {DATA} is not there; name the folder of the tables in FOLDCP_DATA."
    note = (
        "*Times fewer* compares a search per member with a search per distinct protein. *Search jobs* are of "
        "`msa.batch` sequences, for what the cache lacks.\n"
    )
    return "\n".join([*_corum(), "", note, *_proteomes()])

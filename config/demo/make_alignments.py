"""Make the demo's alignments again: each protein of `PROTEINS` is searched in `globins.fasta` with MMseqs2.

Run as ``python config/demo/make_alignments.py [FOLDER]``; without a folder they go where the demo reads them.
"""

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

from foldcp.config.alignments import MmseqsConfig
from foldcp.msa import a3m
from foldcp.msa.mmseqs import Mmseqs
from foldcp.msa.query import Query

HERE = Path(__file__).resolve().parent
PROTEINS = ["P69905", "P68871"]


def sequence(accession: str) -> str:
    """Return the sequence of a protein of the demo."""
    records = (HERE / "sequences.fasta").read_text().split(">")
    (record,) = (text for text in records if text.startswith(f"sp|{accession}|"))
    return "".join(record.splitlines()[1:])


def main(out: Path) -> None:
    """Search, and write one alignment for each protein, named by its accession."""
    wanted = {accession: sequence(accession) for accession in PROTEINS}
    queries = [Query(hashlib.sha256(text.encode()).hexdigest(), text) for text in wanted.values()]
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        database = Path(scratch) / "globins"
        subprocess.run(["mmseqs", "createdb", HERE / "globins.fasta", database, "-v", "1"], check=True)
        search = Mmseqs(MmseqsConfig(database=database, threads=1))
        for accession, (query, rows) in zip(wanted, search.search(queries), strict=True):
            with (out / f"{accession}.a3m").open("wb") as handle:
                a3m.write(rows, len(query.sequence), handle.write)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "alignments")

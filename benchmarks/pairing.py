"""Pairing by species: what it costs per complex.

Processor time. Made-up alignments of 500 columns, with 5 000 species to choose from. *Counting* is what the
tokens stage does for each complex; *writing* is what a prediction does to its files before Boltz reads them.
"""

import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from boltz.data.parse.csv import parse_csv

from foldcp.msa import a3m, paired_csv
from foldcp.msa.diversity import diverse
from foldcp.msa.pairing import MOST_ROWS, Entity, depths

_LETTERS = np.array(list("ACDEFGHIKLMNPQRSTVWY-"))
_COLUMNS, _SPECIES, _REPEATS = 500, 5000, 200


def _seconds(work: Callable[[], object], repeats: int = 1) -> float:
    start = time.process_time()
    for _ in range(repeats):
        work()
    return (time.process_time() - start) / repeats


def _write(path: Path, n_rows: int, random: np.random.Generator) -> str:
    """Write an alignment of relatives that share 40 to 100 % with the query; return the query."""
    query = random.choice(_LETTERS[:-1], _COLUMNS)
    with path.open("w") as handle:
        handle.write(f">query\n{''.join(query)}\n")
        for number in range(n_rows - 1):
            changed = random.random(_COLUMNS) < random.uniform(0, 0.6)
            row = np.where(changed, random.choice(_LETTERS, _COLUMNS), query)
            header = f">UniRef100_A{number} n=1 TaxID={1000 + random.integers(_SPECIES)}"
            handle.write(f"{header}\n{''.join(row)}\n")
    return "".join(query)


def _row(n_proteins: int, n_rows: int, random: np.random.Generator) -> str:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = [folder / f"{number}.a3m" for number in range(n_proteins)]
        reads = [partial(a3m.read, path, _write(path, n_rows, random)) for path in paths]
        proteins = [paired_csv.Protein(1, read) for read in reads]
        how = ("greedy", MOST_ROWS, MOST_ROWS)
        files, found = paired_csv.write(proteins, folder, *how)
        writing = _seconds(lambda: paired_csv.write(proteins, folder, *how))
        reading = _seconds(lambda: [parse_csv(file, MOST_ROWS) for file in files])
        thinning = _seconds(lambda: list(diverse(reads[0](), 0.9, MOST_ROWS)))
        entity = Entity(1, n_rows, random.permutation(_SPECIES)[: n_rows // 2], n_rows // 2)
        counting = _seconds(lambda: depths([entity] * n_proteins, *how), _REPEATS)
    cells = [n_proteins, n_rows, found.paired, found.total, f"{1e3 * counting:.2f}"]
    cells += [f"{seconds:.2f}" for seconds in (writing, reading, thinning)]
    return "| " + " | ".join(map(str, cells)) + " |"


def run() -> str:
    random = np.random.default_rng(7)
    head = (
        "| proteins | rows each | rows that pair | rows in all | counting, ms | writing, s "
        "| Boltz's reading of the files, s | `max_identity: 0.9` on one alignment, s |\n"
        "|---|---|---|---|---|---|---|---|"
    )
    sizes = ((2, 500), (2, 3000), (2, 8192), (5, 3000), (20, 3000))
    return "\n".join([head, *(_row(*size, random) for size in sizes)])

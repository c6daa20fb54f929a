"""Lists of species are long: where nobody needs them they are left out, and elsewhere they are numbers."""

import itertools
import tracemalloc

import numpy as np
import pyarrow as pa
import pytest
from make_tables import complexes, sha256

from foldcp import config
from foldcp.campaign.controls import make_controls
from foldcp.campaign.inputs import entities
from foldcp.campaign.msa_status import read_msa_status
from foldcp.campaign.pool import subunits
from foldcp.campaign.tokens import count
from foldcp.config import SequencesConfig
from foldcp.msa.pairing import Pairing
from foldcp.tables import Provenance, write_table
from foldcp.tables.rows import empty, rows_to_table
from foldcp.tables.schemas import MSA, SEQUENCES, UNRESOLVED

N, SPECIES = 100, 3000
NAMES = [f"P{number:05d}" for number in range(N)]
MIB = 2**20
AS_TEXT = 8 * N * SPECIES
"""Bytes of the pointers to so many names alone, in Python: 2.3 MiB; the text is another 16 MiB."""


def _msa(lists) -> pa.Table:
    rows = [
        {
            "sha256": sha256(name),
            "length": 100,
            "provider": "directory",
            "path": f"03_msa/{name}.a3m",
            "file_sha256": sha256(f"file of {name}"),
            "depth": 1 + len(species),
            "species": species,
            "n_species_rows": len(species),
        }
        for name, species in zip(NAMES, lists, strict=False)
    ]
    return rows_to_table(MSA, rows)


def _count(msa, pairing):
    table = complexes(**{f"c{number}": NAMES[number : number + 2] for number in range(N - 1)})
    unresolved = empty(UNRESOLVED)
    return count(table, _sequences(), unresolved, msa, SequencesConfig(), Pairing(pairing)).tokens


def _sequences(names=NAMES) -> pa.Table:
    row = {"namespace": "uniprot", "entity_type": "protein", "sequence": "M" * 100, "length": 100}
    row |= {"source": "test", "resolution": "exact"}
    return rows_to_table(SEQUENCES, [row | {"member": name, "sha256": sha256(name)} for name in names])


@pytest.fixture(scope="module")
def msa() -> pa.Table:
    return _msa([str(SPECIES * number + n) for n in range(SPECIES)] for number in range(N))


def _peak(work) -> int:
    work()  # What is imported or cached on the way does not count.
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_where_nobody_needs_species_they_stay_where_they_are(msa, tmp_path):
    write_table(tmp_path / "02_sequences.parquet", SEQUENCES, _sequences(), Provenance())
    write_table(tmp_path / "03_msa.parquet", MSA, msa, Provenance())
    pairs = complexes(**{name: [name] for name in NAMES})
    for work in (
        lambda: entities(_sequences(), msa, tmp_path),
        lambda: subunits(pairs, _sequences(), msa),
        lambda: read_msa_status(tmp_path),
    ):
        assert _peak(work) < AS_TEXT / 2


@pytest.mark.parametrize("pairing", ["greedy", "none"])
def test_complexes_are_counted_with_numbers_for_species(msa, pairing):
    assert _peak(lambda: _count(msa, pairing)) < 2 * AS_TEXT + 2 * MIB


def test_a_species_has_one_number_in_all_chunks_of_a_table():
    draw = np.random.default_rng(7)
    lists = [[str(n) for n in draw.choice(9, draw.integers(9), replace=False)] for _ in NAMES]
    whole = _msa(lists)
    cut = pa.concat_tables([whole.slice(0, 0), *(whole.slice(n, 3) for n in range(0, N, 3))])
    tokens = _count(cut, "greedy")
    assert tokens["paired_depth"].to_pylist() == [
        1 + len({*one} & {*other}) for one, other in itertools.pairwise(lists)
    ]


def test_decoys_are_drawn_without_pairing(msa, monkeypatch, tmp_path):
    asked = []

    def watched(*tables):
        asked.append(tables[-1])
        return count(*tables)

    monkeypatch.setattr("foldcp.campaign.controls.count", watched)
    (tmp_path / "table.csv").write_text("complex_id,members\nc0,P00000;P00001\n")
    settings = config.parse(
        {"complexes": {"table": str(tmp_path / "table.csv")}, "controls": {"decoys_per_complex": 1}}
    )
    table = complexes(c0=NAMES[:2], **{name: [name] for name in NAMES[2:]})
    got = make_controls(table, _sequences(), empty(UNRESOLVED), msa, settings)
    assert got.decoys.num_rows == 1
    assert [pairing.strategy for pairing in asked] == ["none"]

"""What `foldcp msa status` says, from the tables of a campaign at several moments."""

from pathlib import Path

import pytest

from foldcp.campaign.msa_status import Depths, Paired, read_msa_status
from foldcp.errors import InputError
from foldcp.tables import Provenance, rows_to_table, write_table
from foldcp.tables.schemas import MSA, MSA_BATCHES, MSA_FAILED, SEQUENCES, TOKENS

MEMBERS = {"P1": "a", "P2": "b", "P3": "c", "P4": "c", "P5": "d"}


def sequence(member: str, sha256: str) -> dict:
    return {
        "member": member,
        "namespace": "uniprot",
        "entity_type": "protein",
        "sequence": "MKV",
        "length": 3,
        "sha256": sha256,
        "source": "test",
        "resolution": "exact",
    }


def aligned(sha256: str, provider: str = "mmseqs", depth: int = 1, **more) -> dict:
    common = {"length": 3, "provider": provider, "depth": depth, "species": [], "n_species_rows": 0}
    return {"sha256": sha256, **common, **more}


def write(folder: Path, name: str, spec, rows: list[dict]) -> None:
    write_table(folder / f"{name}.parquet", spec, rows_to_table(spec, rows), Provenance())


@pytest.fixture
def results(tmp_path: Path) -> Path:
    write(tmp_path, "02_sequences", SEQUENCES, [sequence(*item) for item in MEMBERS.items()])
    return tmp_path


def test_while_searches_run(results):
    rows = [{"batch": f"{n:05d}", "sha256": key, "sequence": "MKV"} for n, key in enumerate("abc")]
    write(results, "03_batches", MSA_BATCHES, rows)
    write(results / "03_searches", "00001", MSA_FAILED, [{"sha256": "c", "reason": "x"}])
    state = read_msa_status(results)
    assert (state.to_search, state.jobs, state.jobs_done) == (3, 3, 1)
    assert (state.providers, state.failed) == ({}, {"P3, P4": "x"})


def test_when_alignments_are_there(results):
    rows = [
        aligned("a", depth=100, coverage=0.5, path="a"),
        aligned("b", depth=300, coverage=0.7, path="b"),
        aligned("c", "none", failure="searched in vain"),
        aligned("d", depth=0, error="malformed"),
    ]
    write(results, "03_msa", MSA, rows)
    state = read_msa_status(results)
    assert state.providers == {
        "mmseqs": Depths(2, 100, 200, 300, pytest.approx(0.6)),
        "none": Depths(1, 1, 1, 1, None),
    }
    assert state.failed == {"P3, P4": "searched in vain", "P5": "malformed"}
    assert state.rejected == 1


def test_alignments_of_single_complexes_are_counted_as_such(results):
    rows = [
        aligned("a", "directory", depth=100, coverage=0.5, path="a"),
        aligned("b", "none"),
        aligned("a", "directory", depth=10, coverage=0.9, path="x", complex_id="one"),
        aligned("b", "directory", depth=20, coverage=0.7, path="y", complex_id="one"),
        aligned("c", "directory", depth=0, error="malformed", complex_id="two"),
        aligned("a", "none", failure="ragged", complex_id="two"),
    ]
    write(results, "03_msa", MSA, rows)
    state = read_msa_status(results)
    assert state.providers == {
        "directory": Depths(1, 100, 100, 100, pytest.approx(0.5)),
        "none": Depths(1, 1, 1, 1, None),
        "own": Depths(2, 10, 15, 20, pytest.approx(0.8)),
    }
    assert state.failed == {"P3, P4 in two": "malformed", "P1 in two": "ragged"}
    assert state.rejected == 1


def test_complexes_of_several_proteins_are_paired_or_not(results):
    def complex_(name: str, chains: str, paired_depth: int) -> dict:
        made = [
            {"chain_id": str(n), "member": "m", "entity_type": kind, "sha256": "", "copy": 1, "n_tokens": 3}
            for n, kind in enumerate(chains.split())
        ]
        common = {"n_tokens": 9, "n_atoms": 9, "n_chains": 2, "n_entities": 2, "msa_depth": 50, "flags": []}
        keys = {"input_key": name, "predicted_as": name, "role": "input"}
        return {
            "complex_id": name,
            "chains": made,
            "paired_depth": paired_depth,
            "n_templates": 0,
            **common,
            **keys,
        }

    assert read_msa_status(results).paired is None
    write(
        results, "04_tokens", TOKENS, [complex_("a", "protein rna", 1), complex_("b", "protein protein", 1)]
    )
    assert read_msa_status(results).paired == Paired(1, 0)
    rows = [complex_(f"c{n}", "protein protein", depth) for n, depth in enumerate((1, 10, 20, 90))]
    write(results, "04_tokens", TOKENS, rows)
    assert read_msa_status(results).paired == Paired(4, 3, 10, 20, 90)


def test_a_folder_without_a_campaign(tmp_path):
    with pytest.raises(InputError, match=r"02_sequences\.parquet: no such file"):
        read_msa_status(tmp_path)

"""One loaded demo model for all tests of prediction."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")

PROTEIN = "MKTAYIAKQRQ"
MIXED = f"""
version: 1
sequences:
  - protein: {{id: [A, B], sequence: {PROTEIN}, msa: pair.csv, modifications: [{{position: 3, ccd: TPO}}]}}
  - rna: {{id: R, sequence: GCAU}}
  - dna: {{id: D, sequence: GCAT}}
  - ligand: {{id: L, ccd: ATP}}
  - ligand: {{id: S, smiles: "CC(=O)Oc1ccccc1C(=O)O"}}
  - ligand: {{id: Z, ccd: ZN}}
constraints:
  - pocket: {{binder: L, contacts: [[A, 2], [B, 3]]}}
  - bond: {{atom1: [A, 1, SD], atom2: [Z, 1, ZN]}}
"""


@pytest.fixture(scope="session")
def settings(demo_cache):
    from foldcp.predict.settings import Settings

    light = {"recycles": 0, "steps": 3, "samples": 2, "threads": 1}
    return Settings(model="demo", cache=demo_cache, device="cpu", precision="fp32", **light)


@pytest.fixture(scope="session")
def session(settings):
    from foldcp.predict.session import Session

    return Session(settings)


@pytest.fixture
def write(tmp_path):
    """Write an input file and return its path."""

    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="session")
def mixed(tmp_path_factory):
    """An input with every kind of chain, a paired alignment and constraints."""
    folder = tmp_path_factory.mktemp("mixed")
    (folder / "pair.csv").write_text(f"key,sequence\n1,{PROTEIN}\n2,MKTAYIAKQaRH\n,MKTA-IAKQRQ\n")
    (folder / "mixed.yaml").write_text(MIXED)
    return folder / "mixed.yaml"


@pytest.fixture(scope="session")
def prepared(session, mixed):
    """The mixed input, ready to fold: document, parsed input, features; deletions as Boltz has them."""
    from foldcp.msa.pairing import Pairing
    from foldcp.predict.document import read
    from foldcp.predict.preparation import Preparation
    from foldcp.predict.seeds import Seeds

    document = read(mixed)
    seeds = Seeds("c", 7, document.key())
    preparation = Preparation(session.preparation.molecules, "boltz", Pairing("none"))
    parsed = preparation.parse(document, "mixed", seeds)
    return document, parsed, preparation.prepare(document, "mixed", seeds).features


@pytest.fixture
def small(write):
    """A dimer that folds in a fraction of a second."""
    return write("small.yaml", f"sequences:\n  - protein: {{id: [A, B], sequence: {PROTEIN}, msa: empty}}\n")


@pytest.fixture(scope="session")
def outputs():
    """Return the result files of a prediction by sample, not by rank, so that samples can be compared."""
    from foldcp.predict.markers import read_marker

    def outputs(directory: Path, sample: int = 0) -> dict[str, bytes]:
        rank = read_marker(directory)["samples"][sample]["rank"]
        files = [path for path in directory.iterdir() if f"_model_{rank}." in path.name]
        assert len(files) >= 3
        return {path.name.replace(f"_model_{rank}.", "."): _content(path) for path in files}

    return outputs


def _content(path: Path) -> bytes:
    if path.suffix != ".npz":
        return path.read_bytes()
    import numpy as np

    # A zip archive carries the time of writing.
    return b"".join(array.tobytes() for array in np.load(path).values())

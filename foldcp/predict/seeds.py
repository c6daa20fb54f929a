"""Random seeds: one for each (campaign, seed, complex, use), whatever else a process does.

Boltz draws everything from global generators, so that a complex's structure depends on which complexes came
before it. Here every use of randomness is preceded by a seed of its own, the first 63 bits of

    SHA-256 of the JSON list [campaign, seed, content, use, number]

where `content` is the hash of the input (`foldcp.predict.document.Document.key`), not its name, and `number`
is the sample. A sample's structure therefore depends neither on the batch, its order, nor on how many samples
are asked for. torch and numpy are imported only when seeded.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Seeds:
    """The seeds of one complex.

    Attributes
    ----------
    campaign
        Name of the campaign.
    seed
        Seed of the campaign.
    content
        Hash of the input's content.
    """

    campaign: str
    seed: int
    content: str

    def derive(self, use: str, number: int = 0) -> int:
        """Return the 63-bit seed of one use of randomness."""
        text = json.dumps([self.campaign, self.seed, self.content, use, number])
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1

    @property
    def conformers(self) -> int:
        """Seed of the 3D conformers computed for SMILES ligands."""
        return self.derive("conformers")

    @property
    def features(self) -> int:
        """Seed of the random rotations of the reference conformers."""
        return self.derive("features")

    @property
    def alignment(self) -> int:
        """Seed of the choice of alignment rows, for a model that reads a random subset of them."""
        return self.derive("alignment")

    def sample(self, number: int) -> int:
        """Seed of the diffusion of one sample, 0 = first."""
        return self.derive("sample", number)


@contextmanager
def seeded_conformers(seed: int) -> Iterator[None]:
    """Seed RDKit's conformer generation inside Boltz.

    Boltz leaves the seed unset, and RDKit then draws from a generator that lives as long as the process and
    cannot be reached from Python. The options object is the only way in.
    """
    from boltz.data.parse import schema

    chemistry: Any = schema.AllChem
    original = chemistry.ETKDGv3

    def etkdg() -> object:
        options = original()
        options.randomSeed = seed % 2**31
        return options

    chemistry.ETKDGv3 = etkdg
    try:
        yield
    finally:
        chemistry.ETKDGv3 = original

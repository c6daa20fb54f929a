"""From a checked input to what the model folds and the writer names. Imports Boltz only at work."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foldcp.msa.pairing import Pairing
from foldcp.predict.checkpoint import Molecules
from foldcp.predict.document import Document
from foldcp.predict.paired_input import paired
from foldcp.predict.seeds import Seeds

if TYPE_CHECKING:
    from foldcp.features import Features


@dataclass(frozen=True)
class Prepared:
    """An input ready to fold.

    Attributes
    ----------
    name, seeds, msa_rows
        Name of the prediction, and the seeds and the limit of alignment rows that went into it.
    structure
        Boltz's `StructureV2`, whose atoms the coordinates will belong to.
    features
        What the model takes.
    """

    name: str
    seeds: Seeds
    msa_rows: int | None
    structure: Any
    features: "Features"


class Preparation:
    """Parsing and featurizing, with the molecules it takes.

    Parameters
    ----------
    molecules
        Boltz's molecule dictionary.
    deletions
        What becomes of the deletions of alignments: `kept`, or `boltz`.
    pairing
        How alignments of different chains are paired.
    """

    def __init__(self, molecules: Molecules, deletions: str, pairing: Pairing) -> None:
        from boltz.data.mol import load_canonicals

        self.molecules, self.deletions, self.pairing = molecules, deletions, pairing
        self.canonicals: dict[str, Any] = load_canonicals(molecules.provide([]))

    def parse(self, document: Document, name: str, seeds: Seeds) -> Any:
        """Return Boltz's parsed `Input`, its alignments paired.

        Raises
        ------
        InputError
            If Boltz cannot read it.
        """
        from foldcp.predict.inputs import component_codes, parse

        molecules = self.molecules.provide(component_codes(document))
        with tempfile.TemporaryDirectory(prefix="foldcp-pairing-") as folder:
            ready, _ = paired(document, self.pairing, Path(folder))
            return parse(ready, name, molecules, self.canonicals, seeds.conformers)

    def prepare(self, document: Document, name: str, seeds: Seeds, msa_rows: int | None = None) -> Prepared:
        """Return an input ready to fold. It depends on the arguments alone, whatever this process did before.

        Parameters
        ----------
        document, name, seeds
            What is folded, under which name and by which seeds.
        msa_rows
            Most rows of the alignment that are read; default: all that Boltz stacks.

        Raises
        ------
        InputError
            If Boltz cannot read or featurize it.
        """
        from foldcp.features.featurize import featurize

        parsed = self.parse(document, name, seeds)
        folder = self.molecules.provide([])
        features = featurize(parsed, folder, self.canonicals, seeds.features, self.deletions, msa_rows)
        return Prepared(name, seeds, msa_rows, parsed.structure, features)

"""How much of a template's sequence is that of the protein it is given for: a wrong file shows here.

Boltz lays a template on a chain without gaps: the stretch of best score (BLOSUM62), and nothing beside it. So
identical residues are counted in that stretch, which is found as Boltz does (its `data/parse/schema.py`), and
held against the length of the member. Alignments with gaps would not tell: proteins that have nothing to do
with each other reach 20 % there.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from foldcp.campaign.structure_templates import kept_file
from foldcp.errors import InputError, MissingError
from foldcp.predict.template_files import TemplateFile

WEAK = 0.2
"""Fraction of a member's residues below which a template is flagged."""


class Likeness:
    """Compares the members of a campaign with the templates in its folder; each pair of sequences once.

    Parameters
    ----------
    sequences
        Sequence of each protein, by its hash; None, and nothing is compared, where only the length is known.
    folder
        Campaign folder.
    """

    def __init__(self, sequences: Mapping[str, str | None], folder: Path) -> None:
        self._sequences = sequences
        self._folder = folder
        self._read = cache(self._chains)
        self._identical = cache(identical)
        self._score = cache(_score)

    def compare(self, row: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[str]]:
        """Return the templates of a TOKENS row with `identical`, and the flags of those that are weak.

        Raises
        ------
        MissingError
            If the copy of a template is gone, or was altered.
        """
        chains = {chain["chain_id"]: chain for chain in row["chains"]}
        templates: list[dict[str, Any]] = []
        flags: dict[str, None] = {}
        for template in row["templates"]:
            counts = self._counts(template, chains)
            templates.append(template | {"identical": counts})
            for name, count in zip(template["chains"], counts, strict=True):
                member, length = chains[name]["member"], chains[name]["n_tokens"]
                if count is not None and count < WEAK * length:
                    flags[f"weak_template:{member}:{count}/{length}"] = None
        return templates, list(flags)

    def _counts(
        self, template: Mapping[str, Any], chains: Mapping[str, Mapping[str, Any]]
    ) -> list[int | None]:
        theirs = self._read(template["sha256"])
        ours = [self._sequences.get(chains[name]["sha256"]) for name in template["chains"]]
        on = template["template_chains"] or self._matched(ours, theirs)
        return [
            self._identical(sequence, theirs[name]) if sequence and name else None
            for sequence, name in zip(ours, on, strict=True)
        ]

    def _matched(self, ours: Sequence[str | None], theirs: Mapping[str, str]) -> list[str | None]:
        """Return the chain of the file that Boltz takes for each of ours, by the best score in all."""
        from scipy.optimize import linear_sum_assignment

        names: list[str | None] = [None] * len(ours)
        if all(ours):
            scores = [[self._score(sequence, other) for other in theirs.values()] for sequence in ours]
            for mine, their in zip(*linear_sum_assignment(scores, maximize=True), strict=True):
                names[mine] = list(theirs)[their]
        return names

    def _chains(self, sha256: str) -> dict[str, str]:
        path = kept_file(self._folder, sha256)
        try:
            return TemplateFile.read(path).sequences
        except InputError as error:
            raise MissingError(f"{path}: {error}; --forcerun complexes brings the template back") from None


def identical(a: str, b: str) -> int:
    """Return the identical residues of two proteins in the stretch that Boltz aligns."""
    aligner = _aligner("local")
    aligner.open_gap_score = aligner.extend_gap_score = -1000
    stretch = next(iter(aligner.align(a, b)), None)
    if stretch is None:
        return 0
    (start, end), (other, _) = stretch.coordinates
    return sum(x == y for x, y in zip(a[start:end], b[other:], strict=False))


def _score(a: str, b: str) -> float:
    return float(_aligner("global").score(a, b))


def _aligner(mode: str) -> Any:
    from Bio.Align import PairwiseAligner

    aligner = PairwiseAligner(scoring="blastp")
    aligner.mode = mode
    return aligner

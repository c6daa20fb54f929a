"""The subunits that decoys are drawn from: every member of the campaign that can be folded."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from foldcp.campaign.compartments import compartments
from foldcp.campaign.partners import molecule

LIGAND = "ligand"


@dataclass(frozen=True)
class Subunit:
    """A member as decoys are matched on it.

    Attributes
    ----------
    member, namespace, entity_type, identity
        As in the sequences table; the identity is the hash of the sequence.
    length, depth
        Tokens of one copy, and rows of its alignment (1 where there is none).
    species
        Taxon of the sequence, else the organism of its complexes if they agree; empty where neither is known.
    gene
        Gene name that a table gives.
    places
        Compartments of the complexes it is in.
    """

    member: str
    namespace: str
    entity_type: str
    identity: str
    length: int
    depth: int
    species: str
    gene: str | None
    places: frozenset[str]


def subunits(complexes: pa.Table, sequences: pa.Table, msa: pa.Table) -> list[Subunit]:
    """Return every member that can be folded, sorted by key."""
    # Not those of single complexes: a decoy is none of them.
    rows = msa.select(["sha256", "complex_id", "depth", "error"]).to_pylist()
    alignments = {row["sha256"]: row for row in rows if row["complex_id"] is None}
    seen = _occurrences(complexes.select(["members", "organism", "annotations"]).to_pylist())
    found = []
    for row in sequences.drop_columns(["sequence"]).sort_by("member").to_pylist():
        alignment = alignments.get(row["sha256"]) if row["entity_type"] == "protein" else None
        if alignment and alignment["error"]:
            continue
        at = seen[row["member"]]
        found.append(
            Subunit(
                member=row["member"],
                namespace=row["namespace"],
                entity_type=row["entity_type"],
                identity=row["sha256"] or f"member:{row['member']}",
                length=row["length"],
                depth=alignment["depth"] if alignment else 1,
                species=_species(row, at.organisms),
                gene=min(at.genes, default=None),
                places=frozenset(at.places),
            )
        )
    return found


class _Seen:
    def __init__(self) -> None:
        self.organisms: set[str] = set()
        self.genes: set[str] = set()
        self.places: set[str] = set()


def _occurrences(rows: Iterable[Mapping[str, Any]]) -> defaultdict[str, _Seen]:
    seen: defaultdict[str, _Seen] = defaultdict(_Seen)
    for row in rows:
        places = compartments(row["annotations"])
        for member in row["members"]:
            at = seen[member["member"]]
            at.places |= places
            at.organisms |= {row["organism"].strip().lower()} if row["organism"] else set()
            at.genes |= {member["gene"]} if member["gene"] else set()
    return seen


def _species(row: Mapping[str, Any], organisms: set[str]) -> str:
    if row["entity_type"] == LIGAND:
        return ""
    if row["taxid"] is not None:
        return f"taxid {row['taxid']}"
    return next(iter(organisms)) if len(organisms) == 1 else ""


def same_molecule(found: Iterable[Subunit]) -> tuple[list[int], dict[str, int]]:
    """Return which molecule each member is: those of one entry or of one sequence are one.

    Returns
    -------
    tuple
        Number of each subunit's molecule; number of each molecule by its name
        (`foldcp.campaign.partners.molecule`).
    """
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while (above := parent.setdefault(name, name)) != name:
            parent[name] = name = parent[above]
        return name

    names = [(molecule(s.member, s.namespace), f"sequence {s.identity}") for s in found]
    for entry, sequence in names:
        parent[root(entry)] = root(sequence)
    numbers: dict[str, int] = {}
    for entry, _ in names:
        numbers.setdefault(root(entry), len(numbers))
    return [numbers[root(entry)] for entry, _ in names], {entry: numbers[root(entry)] for entry, _ in names}


class Pool:
    """Subunits that can be looked up by what they resemble.

    Parameters
    ----------
    found
        The subunits, sorted by key.
    proteins
        Number of each one's molecule.

    Attributes
    ----------
    subunits
        The subunits, sorted by type, species, length and key; indices below are into this list.
    proteins, marks
        Number of each one's molecule; 64 bits of the hash of its sequence, to draw by.
    """

    def __init__(self, found: Iterable[Subunit], proteins: Iterable[int]) -> None:
        order = sorted(
            zip(found, proteins, strict=True),
            key=lambda item: (item[0].entity_type, item[0].species, item[0].length, item[0].member),
        )
        self.subunits = [subunit for subunit, _ in order]
        self.proteins = np.array([protein for _, protein in order], dtype=np.int64)
        self.marks = np.array([number_of(s.identity) for s in self.subunits], dtype=np.uint64)
        self._lengths = np.array([s.length for s in self.subunits], dtype=np.int64)
        self._depths = np.array([s.depth for s in self.subunits], dtype=np.int64)
        self._ranges: dict[tuple[str, str], tuple[int, int]] = {}
        for index, s in enumerate(self.subunits):
            start, _ = self._ranges.get((s.entity_type, s.species), (index, index))
            self._ranges[s.entity_type, s.species] = start, index + 1
        self._places, self._placed = _incidence([s.places for s in self.subunits])
        self._index = {s.member: index for index, s in enumerate(self.subunits)}

    def __getitem__(self, member: str) -> Subunit:
        return self.subunits[self._index[member]]

    def __contains__(self, member: str) -> bool:
        return member in self._index

    def protein_of(self, member: str) -> int:
        """Return the number of a member's molecule."""
        return int(self.proteins[self._index[member]])

    def like(
        self, subunit: Subunit, places: frozenset[str], length_tolerance: float, depth_factor: float
    ) -> np.ndarray:
        """Return the indices of subunits of the same type and species that resemble one.

        Parameters
        ----------
        subunit
            The subunit.
        places
            Compartments of its complex; a subunit without any is taken as being everywhere.
        length_tolerance
            Most that the length may differ, as a share of the subunit's own.
        depth_factor
            Most that the depths of their alignments may differ, as a factor.
        """
        start, stop = self._ranges[subunit.entity_type, subunit.species]
        lengths = self._lengths[start:stop]
        slack = length_tolerance * subunit.length
        first, last = np.searchsorted(
            lengths, [subunit.length - slack, np.nextafter(subunit.length + slack, np.inf)]
        )
        found = np.arange(start + first, start + last)
        depths = self._depths[found]
        found = found[(depths <= subunit.depth * depth_factor) & (depths * depth_factor >= subunit.depth)]
        columns = [self._places[name] for name in sorted(places) if name in self._places]
        if columns:
            inside = self._placed[found]
            found = found[inside[:, columns].any(axis=1) | ~inside.any(axis=1)]
        return found


def _incidence(places: list[frozenset[str]]) -> tuple[dict[str, int], np.ndarray]:
    """Return the column of each compartment, and subunits x compartments: which is where."""
    columns = {name: number for number, name in enumerate(sorted(frozenset().union(*places)))}
    table = np.zeros((len(places), len(columns)), dtype=bool)
    for row, names in enumerate(places):
        table[row, [columns[name] for name in names]] = True
    return columns, table


def number_of(text: str) -> int:
    """Return 64 bits that depend on nothing but the text."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")

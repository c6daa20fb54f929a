"""Drawing decoys: for a complex, subunits of other complexes that resemble its own and are no known partners.

Each subunit of the complex is a slot, filled with a subunit that resembles it (`Pool.like`). Candidates of a
slot are tried in an order that a hash decides: of the campaign's seed, the complex's content, the decoy's
number, the slot and the candidate's sequence. So a decoy does not depend on the order of the table, and on
other complexes only if one forbids a pair of it, brings a subunit that comes earlier in the order, or has
drawn the very same decoy before. Where a choice leaves a later slot without any candidate, the search steps
back, up to a limit.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from foldcp.campaign.partners import Partners
from foldcp.campaign.pool import LIGAND, Pool, Subunit, number_of

_STEPS_PER_SLOT = 100
"""Choices of the search for each slot before it gives up: a complex of 100 subunits takes about a second."""

Content = tuple[tuple[str, int], ...]
"""What is folded: sequences with their copies, sorted. Equal content would be one prediction."""


@dataclass(frozen=True)
class Slot:
    """A subunit that a decoy has to replace, and how many copies there are of it."""

    subunit: Subunit
    copies: int


@dataclass(frozen=True)
class Original:
    """A complex that decoys are wanted for.

    Attributes
    ----------
    complex_id, content_key
        As in the complexes table.
    slots
        Its subunits as they are folded, in the order of the table.
    places
        Compartments it is in.
    """

    complex_id: str
    content_key: str
    slots: tuple[Slot, ...]
    places: frozenset[str]

    @property
    def polymers(self) -> list[str]:
        """Members that are no ligands."""
        return [slot.subunit.member for slot in self.slots if slot.subunit.entity_type != LIGAND]


@dataclass(frozen=True)
class Drawn:
    """A decoy: for each slot of the original the subunit that replaces it."""

    original: Original
    number: int
    subunits: tuple[Subunit, ...]

    @property
    def content(self) -> Content:
        """What would be folded."""
        return content_of(
            (s.identity, slot.copies) for s, slot in zip(self.subunits, self.original.slots, strict=True)
        )


def content_of(parts: Iterable[tuple[str, int]]) -> Content:
    """Return the content of sequences with their copies, whatever their order and grouping."""
    copies: dict[str, int] = {}
    for identity, n in parts:
        copies[identity] = copies.get(identity, 0) + n
    return tuple(sorted(copies.items()))


def how_many(original: Original, per_complex: float, seed: int) -> int:
    """Return how many decoys a complex gets: 1.25 is one for each, and a second one for every fourth."""
    whole = int(per_complex)
    share = number_of(f"{seed}:{original.content_key}:decoys") / 2**64
    return whole + (share < per_complex - whole)


def candidates(
    original: Original, pool: Pool, length_tolerance: float, depth_factor: float
) -> list[np.ndarray]:
    """Return for each slot the indices of the subunits that may fill it."""
    return [
        pool.like(slot.subunit, original.places, length_tolerance, depth_factor) for slot in original.slots
    ]


def draw(
    original: Original,
    number: int,
    options: Sequence[np.ndarray],
    pool: Pool,
    partners: Partners,
    seed: int,
) -> Iterator[Drawn]:
    """Yield the decoys of a complex in the order in which they are to be taken.

    Parameters
    ----------
    original
        The complex.
    number
        Which of its decoys, from 1.
    options
        From `candidates`.
    pool, partners
        Where subunits come from, and which must not meet.
    seed
        The campaign's.
    """
    # The longest first, for they have few alternatives. How few depends on the rest of the campaign.
    order = sorted(range(len(options)), key=lambda i: (-original.slots[i].subunit.length, i))
    ranked = [_ranked(options[i], pool, f"{seed}:{original.content_key}:{number}:{i}") for i in order]
    for chosen in _search(ranked, pool.proteins, partners):
        by_slot = dict(zip(order, chosen, strict=True))
        yield Drawn(original, number, tuple(pool.subunits[by_slot[i]] for i in range(len(order))))


def _ranked(indices: np.ndarray, pool: Pool, key: str) -> np.ndarray:
    """Return candidates in the order of a hash of `key` and their sequences."""
    bits = pool.marks[indices] ^ np.uint64(number_of(key))
    # The finaliser of splitmix64 (Steele et al. 2014): an exclusive or alone would keep neighbours together.
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return indices[np.argsort(bits ^ (bits >> np.uint64(31)), kind="stable")]


def _search(
    ranked: Sequence[np.ndarray], proteins: np.ndarray, partners: Partners
) -> Iterator[tuple[int, ...]]:
    """Yield choices of one candidate per slot, no two of them partners or the same protein, depth first."""
    steps = _STEPS_PER_SLOT * len(ranked)
    chosen: list[int] = []
    barred = [np.zeros(int(proteins.max(initial=-1)) + 1, dtype=bool)]
    left = [iter(ranked[0])]
    while left and steps:
        candidate = next(left[-1], None)
        if candidate is None:
            left.pop()
            barred.pop()
            if chosen:
                chosen.pop()
            continue
        steps -= 1
        if len(chosen) == len(ranked) - 1:
            yield (*chosen, int(candidate))
            continue
        chosen.append(int(candidate))
        mask = barred[-1].copy()
        mask[partners.of(int(proteins[candidate]))] = True
        barred.append(mask)
        following = ranked[len(chosen)]
        left.append(iter(following[~mask[proteins[following]]]))

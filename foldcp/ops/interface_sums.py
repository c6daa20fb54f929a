"""Sums over blocks of rows of the predicted aligned error, from which the scores of interfaces follow.

Every such score is a mean, a count or a minimum over pairs of a residue i whose frame aligns the complex and
a residue j that is scored, of two chains. So sums by residue and chain, N × C, and by pair of chains, C × C,
replace the N × N errors. What ipSAE scales an error by depends on counts of errors: hence a second pass.

Sources: Dunbrack 2025 (ipSAE); Kim et al. 2024 and 2025 (LIS, cLIS); Zhu et al. 2023 (pDockQ2).
"""

from dataclasses import dataclass, fields
from typing import Self

import torch
from torch import Tensor

from foldcp.mesh import Place, all_reduce

NEAR = 10.0
"""Error in ångströms below which ipSAE counts a pair."""
CLOSE = 10.0
"""Distance in ångströms below which ipSAE calls a residue of such a pair part of the interface."""
LOCAL = 12.0
"""Error in ångströms below which LIS counts a pair."""
CONTACT = 8.0
"""Largest distance in ångströms of a contact, for pDockQ2 and cLIS."""
_CONTACT_SCALE = 10.0
"""d0 of pDockQ2 in ångströms."""
_EXACT = "donot_use_mm_for_euclid_dist"
"""How `torch.cdist` subtracts: a pair has the same distance in every block."""
BYTES_PER_PAIR = 32
"""What either pass takes at a time beside the errors: three fp64 numbers for each pair, and masks."""


@dataclass(frozen=True)
class Residues:
    """What is summed over. N tokens, C chains; fp64.

    Attributes
    ----------
    chain
        int64 (N,). Chain of each token.
    members
        (N, C). 1 where token j is of chain c and counts, else 0.
    barrier
        (N,). 0 where a token counts, else infinity.
    contact
        (N, 3). Where contacts are measured, in ångströms; any numbers where a token does not count.
    floor
        (C, C). Smallest d0 of each pair of chains, in ångströms.
    """

    chain: Tensor
    members: Tensor
    barrier: Tensor
    contact: Tensor
    floor: Tensor

    @classmethod
    def of(cls, chain: Tensor, counted: Tensor, contact: Tensor, nucleic: Tensor) -> Self:
        """Return the residues of tokens, chains (N,), `counted` (N,) and positions (N, 3).

        `nucleic` (C,) says which chains are nucleic acids: the smallest d0 is 2 Å with one, else 1 Å.
        """
        members = (chain[:, None] == torch.arange(len(nucleic), device=chain.device)) & counted[:, None]
        floor = torch.where(nucleic[:, None] | nucleic, 2.0, 1.0)
        barrier = torch.where(counted, 0.0, torch.inf)
        return cls(chain, members.double(), barrier.double(), contact.double(), floor.double())

    @property
    def counts(self) -> Tensor:
        """Residues of each chain (C,)."""
        return self.members.sum(dim=0)


def scale(length: Tensor, floor: Tensor) -> Tensor:
    """Return d0 of a length in residues: `1.24 (L - 15)^⅓ - 1.8` ångströms, at least `floor`."""
    return torch.maximum(1.24 * (length - 15).clamp(min=0) ** (1 / 3) - 1.8, floor)


@dataclass(frozen=True)
class FirstSums:
    """What the first pass sums. All fp64; b is the chain that aligns, c the one that is scored.

    Attributes
    ----------
    near, close
        (N, C). Residues of chain c with an error below `NEAR` from residue i; those within `CLOSE` as well.
    tm, near_tm
        (N, C). Sum over chain c of `1 / (1 + (PAE / d0)²)`, d0 from the length of both chains; and over
        `near` pairs alone.
    seen_near, seen_close
        (N, C). Residues of chain b that have scored residue j `near`, or `close`.
    pairs
        (7, C, C) over [b, c]. Pairs that LIS counts and their sum of `1 - PAE / 12`; contacts, their sums of
        pDockQ2's TM term and of the error; pairs that are both, and their sum of `1 - PAE / 12`.
    lowest
        (C, C) over [b, c]. Smallest error in ångströms; infinity without a pair.
    """

    near: Tensor
    close: Tensor
    tm: Tensor
    near_tm: Tensor
    seen_near: Tensor
    seen_close: Tensor
    pairs: Tensor
    lowest: Tensor

    @classmethod
    def zero(cls, residues: Residues) -> Self:
        """Return the sums over nothing."""
        members, chains = residues.members, residues.members.shape[1]
        near, close, tm, near_tm, seen_near, seen_close = members.new_zeros(6, *members.shape).unbind()
        pairs, lowest = members.new_zeros(7, chains, chains), members.new_full((chains, chains), torch.inf)
        return cls(near, close, tm, near_tm, seen_near, seen_close, pairs, lowest)

    def add(self, pae: Tensor, rows: slice, columns: slice, residues: Residues, d0: Tensor) -> None:
        """Add a block.

        Parameters
        ----------
        pae : Tensor
            Errors (I, J) of some rows and columns of the whole matrix, in ångströms, fp64.
        rows, columns : slice
            Which.
        residues : Residues
            What is summed over.
        d0 : Tensor
            (C, C) over [b, c]: d0 from the length of both chains, in ångströms.
        """
        aligned, scored = residues.members[rows], residues.members[columns]
        distance = torch.cdist(residues.contact[rows], residues.contact[columns], compute_mode=_EXACT)
        self._add_near(pae, distance, rows, columns, residues)
        tm = tm_terms(pae, d0[residues.chain[rows]], columns, residues)
        self.tm[rows].addmm_(tm, scored)
        self.near_tm[rows].addmm_(tm.mul_(pae < NEAR), scored)
        del tm
        self._add_pairs(pae, distance, aligned, scored)
        del distance
        outside = (pae + residues.barrier[columns]).add_(residues.barrier[rows, None])
        of_residue = pae.new_full((len(pae), len(self.lowest)), torch.inf)
        of_residue.scatter_reduce_(1, residues.chain[columns].expand_as(pae), outside, "amin")
        self.lowest.scatter_reduce_(0, residues.chain[rows, None].expand_as(of_residue), of_residue, "amin")

    def _add_near(
        self, pae: Tensor, distance: Tensor, rows: slice, columns: slice, residues: Residues
    ) -> None:
        aligned, scored = residues.members[rows], residues.members[columns]
        near = (pae < NEAR).double()
        self.near[rows].addmm_(near, scored)
        self.seen_near[columns].addmm_(near.T, aligned)
        near.mul_(distance < CLOSE)
        self.close[rows].addmm_(near, scored)
        self.seen_close[columns].addmm_(near.T, aligned)

    def _add_pairs(self, pae: Tensor, distance: Tensor, aligned: Tensor, scored: Tensor) -> None:
        def add(number: int, terms: Tensor) -> None:
            self.pairs[number].addmm_(aligned.T, terms @ scored)

        local, contact = pae < LOCAL, distance <= CONTACT
        closeness = (pae / -LOCAL).add_(1)
        add(0, local.double())
        add(1, closeness * local)
        add(2, contact.double())
        add(3, _tm(pae, _CONTACT_SCALE).mul_(contact))
        add(4, pae * contact)
        local &= contact
        add(5, local.double())
        add(6, closeness.mul_(local))

    def reduced(self, place: Place) -> "FirstSums":
        """Return the sums of all ranks, the same on each."""
        mesh = place.mesh
        names = [field.name for field in fields(self) if field.name != "lowest"]
        sums = {name: all_reduce(getattr(self, name), mesh, "everyone") for name in names}
        return FirstSums(**sums, lowest=-all_reduce(-self.lowest, mesh, "everyone", "max"))


@dataclass(frozen=True)
class SecondSums:
    """What the second pass sums: TM terms of `near` pairs, with d0 from the counts of the first pass.

    Attributes
    ----------
    of_residue, of_domain
        (N, C) in fp64. With d0 from the count of each residue, and of each pair of chains.
    """

    of_residue: Tensor
    of_domain: Tensor

    @classmethod
    def zero(cls, residues: Residues) -> Self:
        """Return the sums over nothing."""
        return cls(*residues.members.new_zeros(2, *residues.members.shape).unbind())

    def add(
        self, pae: Tensor, rows: slice, columns: slice, residues: Residues, d0_res: Tensor, d0_dom: Tensor
    ) -> None:
        """Add a block, as :meth:`FirstSums.add` does; `d0_res` (N, C) over [i, c], `d0_dom` over [b, c]."""
        scored, near = residues.members[columns], pae < NEAR
        for total, d0 in ((self.of_residue, d0_res[rows]), (self.of_domain, d0_dom[residues.chain[rows]])):
            total[rows].addmm_(tm_terms(pae, d0, columns, residues).mul_(near), scored)

    def reduced(self, place: Place) -> "SecondSums":
        """Return the sums of all ranks, the same on each."""
        return SecondSums(*(all_reduce(x, place.mesh, "everyone") for x in (self.of_residue, self.of_domain)))


def tm_terms(pae: Tensor, d0: Tensor, columns: slice, residues: Residues) -> Tensor:
    """Return `1 / (1 + (PAE / d0)²)` of a block (I, J), with d0 (I, C) of each row and chain."""
    return _tm(pae, d0[:, residues.chain[columns]])


def _tm(pae: Tensor, d0: Tensor | float) -> Tensor:
    return (pae / d0).square_().add_(1).reciprocal_()

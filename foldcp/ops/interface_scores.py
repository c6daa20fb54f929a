"""Scores of interfaces from the predicted aligned error, wherever its rows are: a tile of a mesh, or a file.

Source: the program ipsae.py, version 4 (Dunbrack 2025); that of LIS and cLIS (Kim et al. 2024, 2025). Entry
[a, b] of every result scores chain a from the frames of chain b.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from foldcp.mesh import Place
from foldcp.mesh.cuts import shift
from foldcp.ops.interface_sums import BYTES_PER_PAIR, FirstSums, Residues, SecondSums, scale

Rows = Callable[[Iterable[slice]], Iterator[tuple[slice, Tensor]]]
"""Takes consecutive blocks of this rank's rows, and yields each with its errors (…, J) in ångströms."""


def rows_of(tile: Tensor) -> Rows:
    """Return the rows of a tile (I, J) in memory."""

    def read(pieces: Iterable[slice]) -> Iterator[tuple[slice, Tensor]]:
        for piece in pieces:
            yield piece, tile[piece]

    return read


@dataclass(frozen=True)
class ByResidue:
    """What ipsae.py prints by residue: (N, C) over residue i, which aligns, and chain c, which is scored.

    Attributes
    ----------
    n0
        Residues of chain c with an error below 10 Å from residue i.
    d0
        d0 of that number, in ångströms.
    iptm_d0chn, ipsae_d0chn, ipsae_d0dom, ipsae
        Mean TM terms over chain c, and over those residues alone; 0 where there are none.
    """

    n0: Tensor
    d0: Tensor
    iptm_d0chn: Tensor
    ipsae_d0chn: Tensor
    ipsae_d0dom: Tensor
    ipsae: Tensor


def interface_scores(read: Rows, residues: Residues, place: Place) -> dict[str, Tensor]:
    """Return each score (C, C) in fp64, by its name in `InterfaceErrors`, the same on every rank.

    Parameters
    ----------
    read : callable
        This rank's rows; called once for each of the two passes.
    residues : Residues
        What is summed over.
    place : Place
        Mesh, N and budget.
    """
    of_residue, of_pair = interface_tables(read, residues, place)
    best, at = _best(of_residue.ipsae, residues)
    found = of_pair | {
        "ipsae": best,
        "ipsae_d0chn": _best(of_residue.ipsae_d0chn, residues)[0],
        "ipsae_d0dom": _best(of_residue.ipsae_d0dom, residues)[0],
        "iptm_d0chn": _best(of_residue.iptm_d0chn, residues)[0],
        "n0res": of_residue.n0.gather(0, at),
        "d0res": of_residue.d0.gather(0, at),
    }
    counts = residues.counts
    apart = ~torch.eye(len(counts), dtype=torch.bool, device=counts.device)
    defined = apart & (counts > 0) & (counts[:, None] > 0)
    return {name: torch.where(defined, x, torch.nan).T.contiguous() for name, x in found.items()}


def interface_tables(read: Rows, residues: Residues, place: Place) -> tuple[ByResidue, dict[str, Tensor]]:
    """Return the scores by residue, and those of pairs of chains that are no maximum of them, over [b, c].

    The arguments are those of `interface_scores`.
    """
    counts = residues.counts
    n_chn = counts[:, None] + counts
    d0_chn = scale(n_chn, residues.floor)
    first = FirstSums.zero(residues)
    for rows, columns, pae in _blocks(read, residues, place):
        first.add(pae, rows, columns, residues, d0_chn)
    first = first.reduced(place)
    seen = _seen(first, residues)
    n_dom = seen["nres_a"] + seen["nres_b"]
    d0_res = scale(first.near, residues.floor[residues.chain])
    d0_dom = scale(n_dom, residues.floor)
    second = SecondSums.zero(residues)
    for rows, columns, pae in _blocks(read, residues, place):
        second.add(pae, rows, columns, residues, d0_res, d0_dom)
    second = second.reduced(place)
    means = (_mean(total, first.near) for total in (first.near_tm, second.of_domain, second.of_residue))
    of_residue = ByResidue(first.near, d0_res, _mean(first.tm, counts), *means)
    of_pair = {"n0chn": n_chn, "n0dom": n_dom, "d0chn": d0_chn, "d0dom": d0_dom}
    return of_residue, of_pair | seen | _pair_means(first)


def _blocks(read: Rows, residues: Residues, place: Place) -> Iterator[tuple[slice, slice, Tensor]]:
    """Yield this rank's errors in fp64, block of rows by block of rows, and where they are in the whole."""
    mesh, n = place.mesh, place.n_tokens
    own, columns = mesh.rows(n), mesh.columns(n)
    height, width, chains = own.stop - own.start, columns.stop - columns.start, residues.members.shape[1]
    bytes_each = (BYTES_PER_PAIR + 8) * width + 4 * 8 * chains
    for piece, pae in read(place.budget.pieces(height, bytes_each)):
        yield shift(piece, -own.start), columns, pae.double()


def _seen(first: FirstSums, residues: Residues) -> dict[str, Tensor]:
    """Return how many residues have any error below 10 Å, and how many are within 10 Å as well.

    Residues of the chain that aligns (`nres_b`, `dist_b`) or is scored (`nres_a`, `dist_a`), over [b, c].
    """

    def having(sums: Tensor) -> Tensor:
        return residues.members.T @ (sums > 0).double()

    return {
        "nres_a": having(first.seen_near).T,
        "nres_b": having(first.near),
        "dist_a": having(first.seen_close).T,
        "dist_b": having(first.close),
    }


def _pair_means(first: FirstSums) -> dict[str, Tensor]:
    """Return the scores that are sums over pairs of residues, (C, C) over [b, c]."""
    n_local, local, n_contacts, contact_tm, contact_pae, n_both, both = first.pairs
    return {
        "contact_tm": contact_tm / n_contacts,
        "lis": _mean(local, n_local),
        "lia": n_local,
        "clis": _mean(both, n_both),
        "clia": n_both,
        "pae_contacts": contact_pae / n_contacts,
        "pae_min": first.lowest,
    }


def _mean(total: Tensor, count: Tensor) -> Tensor:
    """Return a mean, 0 where it is over nothing: no pair that a score counts is the worst there is."""
    return total / count.clamp(min=1)


def _best(of_residue: Tensor, residues: Residues) -> tuple[Tensor, Tensor]:
    """Return the largest value of a chain's residues, and which token has it first: (C, C) over [b, c]."""
    n, chains = of_residue.shape
    index = residues.chain[:, None].expand_as(of_residue)
    value = of_residue - residues.barrier[:, None]
    best = value.new_full((chains, chains), -torch.inf).scatter_reduce_(0, index, value, "amax")
    token = torch.arange(n, device=value.device)[:, None]
    token = torch.where(value == best[residues.chain], token, n - 1)
    return best, token.new_full((chains, chains), n - 1).scatter_reduce_(0, index, token, "amin")

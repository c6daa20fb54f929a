"""pTM and its kin from the N × chains sums of `aligned_error`.

Source: AlphaFold 3, supplementary section 5.9; `boltz.model.layers.confidence_utils.compute_ptms`.
"""

from typing import NamedTuple

import torch
from boltz.data import const
from torch import Tensor

_EPSILON = 1e-5
"""Added to every number of tokens, as the serial model does."""


class TmScores(NamedTuple):
    """Scores of one sample; each is 0 where no token with a valid frame takes part.

    `pairs[a, b]` (C, C) is the best frame of chain b, scored on chain a.
    """

    ptm: Tensor
    iptm: Tensor
    ligand_iptm: Tensor
    protein_iptm: Tensor
    pairs: Tensor


def tm_scores(sums: Tensor, members: Tensor, frames: Tensor, chain: Tensor, kinds: Tensor) -> TmScores:
    """Return `max_i Σ_c w_ic T_ic / (Σ_c w_ic n_c + ε)` over valid frames i, for several choices of chains w.

    Parameters
    ----------
    sums, members : Tensor
        T and the membership (N, C) that it was summed with; `n_c = Σ_j members_jc`.
    frames : Tensor
        (N,) 1 where the frame of an unmasked token is valid, else 0.
    chain : Tensor
        Column c of each token's own chain (N,).
    kinds : Tensor
        Molecule type of each chain (C,).
    """
    counts = members.sum(dim=0)
    ligand = kinds == const.chain_type_ids["NONPOLYMER"]
    protein = kinds == const.chain_type_ids["PROTEIN"]
    other = chain[:, None] != torch.arange(len(kinds), device=chain.device)
    between = (ligand[chain, None] & protein) | (protein[chain, None] & ligand)
    proteins = protein[chain, None] & protein

    def best(chains: Tensor) -> Tensor:
        weight = chains * frames[:, None]
        return ((sums * weight).sum(dim=1) / ((counts * weight).sum(dim=1) + _EPSILON)).amax()

    framed = frames[:, None]
    each = sums * framed / (counts * framed + _EPSILON)  # from frame i, scored on chain a
    of_frame = chain[:, None].expand_as(each)
    pairs = each.new_zeros(len(kinds), len(kinds)).scatter_reduce_(0, of_frame, each, "amax").T
    every = torch.ones_like(other)
    return TmScores(best(every), best(other), best(other & between), best(other & proteins), pairs)

"""The pair representation of atoms: every query of a window with every key, window group by window group.

Source: AlphaFold 3, supplementary algorithm 5, lines 2 to 14; `boltz.model.modules.encodersv2.AtomEncoder`.
"""

from collections.abc import Iterator

from boltz.model.modules.encodersv2 import AtomEncoder
from torch import Tensor

from foldcp.mesh import Place
from foldcp.mesh.cuts import blocks
from foldcp.ops.atom_windows import AtomShare, to_keys
from foldcp.ops.pair_entries import most_entries, window_pairs


def atom_pairs(
    layer: AtomEncoder, c: Tensor, z: Tensor | None, share: AtomShare, place: Place
) -> Iterator[tuple[slice, Tensor]]:
    """Yield `p_lm` of all own windows, group by group, the same number of groups on every rank.

    It is `p + MLP(p)`, `p = v ⊙ (P d + E / (1 + |d|²) + V v) + Z z[token(l), token(m)] + C(c_l) + K(c_m)`.
    Here d is the difference of reference positions, and v says whether both atoms take part and belong to one
    conformer. Of the keys just `K(c_m)` crosses between ranks, as wide as p.

    Parameters
    ----------
    layer : AtomEncoder
        The serial layer.
    c : Tensor
        Own atoms (a, D).
    z : Tensor or None
        Conditioned pair tile (I, J, D_z), or None where the layer reads none.
    share : AtomShare
        The own windows.
    place : Place
        Mesh, N and budget; its bytes are for a group with its intermediates.

    Yields
    ------
    slice, Tensor
        Which own windows, and their `p` (w, Q, K, D_p).
    """
    queries = share.windows(layer.c_to_p_trans_q(c))
    keys = to_keys(layer.c_to_p_trans_k(c), share)
    n_groups = _groups(layer, z is not None, share, place)
    for index, rows in enumerate(blocks(share.n_windows, n_groups)):
        p = _conformer(layer, share, rows)
        if z is not None:
            p += window_pairs(z, layer.z_to_p_trans, share, place, (index, n_groups))
        p += queries[rows, :, None]
        p += keys[rows, None]
        p += layer.p_mlp(p)
        yield rows, p
        del p  # free before the next group is made


def _groups(layer: AtomEncoder, reads_z: bool, share: AtomShare, place: Place) -> int:
    """Return into how many groups to cut each rank's windows, equal on all ranks."""
    mesh, words = share.mesh, layer.embed_atompair_mask.out_features
    most_windows = -(-share.n_atoms // share.queries // mesh.size)
    # Beside each other at worst: p, two layers of the perceptron, what reads the last group.
    per_window = 4 * 4 * words * share.queries * share.keys
    if reads_z:  # all ranks' entries, before and after the sum
        per_window += 3 * 4 * words * mesh.size * most_entries(share)
    return place.budget.blocks(most_windows, per_window)


def _conformer(layer: AtomEncoder, share: AtomShare, rows: slice) -> Tensor:
    """Return what the reference conformer says of each pair of atoms (w, Q, K, D_p)."""
    own, wide = share.atoms, share.wide
    position, mask, residue = (
        share.windows(x)[rows, :, None] for x in (own.ref_pos, own.mask, own.ref_space_uid)
    )
    key_position, key_mask, key_residue = (
        share.key_windows(x)[rows, None] for x in (wide.ref_pos, wide.mask, wide.ref_space_uid)
    )
    v = (mask.bool() & key_mask.bool() & (residue == key_residue)).float()[..., None]
    d = key_position - position
    p = layer.embed_atompair_ref_pos(d)
    p += layer.embed_atompair_ref_dist(1 / (1 + (d * d).sum(dim=-1, keepdim=True)))
    p += layer.embed_atompair_mask(v)
    return p.mul_(v)

"""Template embedding: what a template's structure says of each pair of tokens, block by block.

Source: AlphaFold 3, supplementary algorithm 16, lines 1-8; `boltz.model.modules.trunkv2.TemplateV2Module`.

Of the serial layer's 109 features 38 are the one-hot of a distance and 66 those of two residue types: those
columns of its matrix are looked up, the other five multiplied.
"""

import torch
from boltz.data import const
from boltz.model.modules.trunkv2 import TemplateModule, TemplateV2Module
from torch import Tensor
from torch.nn.functional import embedding

from foldcp.features import Templates
from foldcp.ops.distances import distances


def template_features(
    layer: TemplateModule | TemplateV2Module, templates: Templates, t: int, rows: slice, columns: slice
) -> Tensor:
    """Return `v_ij (D[bin_ij] + W [b_ij, u_ij, f_ij]) + L[type_i] + R[type_j]`, in fp32.

    `bin` is that of the distance of Cβ atoms, `b` and `f` say whether both have one and both have a frame,
    `u_ij = sign(R_jᵀ (x_i - t_j))` for Cα atoms x, and `v` whether the tokens see each other's template.
    The serial layer means u to be a unit vector, but norms each component on its own; its weights know that.

    Parameters
    ----------
    layer : TemplateModule or TemplateV2Module
        The serial layer.
    templates : Templates
        All templates, on the layer's device.
    t : int
        Which one.
    rows, columns : slice
        Any tokens i and j of the complex.

    Returns
    -------
    Tensor
        (I, J, C), new memory.
    """
    n_types = const.num_tokens
    of_bin, of_frame, of_left, of_right = layer.a_proj.weight.T.split([layer.num_bins, 5, n_types, n_types])
    with torch.autocast(of_bin.device.type, enabled=False):
        seen = templates.visibility[t, rows, None] == templates.visibility[t, columns]
        both_cb, both_frames = (
            (mask[t, rows, None] * mask[t, columns])[..., None]
            for mask in (templates.mask_cb, templates.mask_frame)
        )
        direction = _direction(templates, t, rows, columns)
        block = torch.cat([both_cb, direction, both_frames], dim=-1) @ of_frame
        block += embedding(_bins(layer, templates.cb[t], rows, columns), of_bin)
        block *= seen[..., None]
        block += of_left[templates.res_type[t, rows]][:, None]
        block += of_right[templates.res_type[t, columns]]
    return block


def _bins(layer: TemplateModule | TemplateV2Module, x: Tensor, rows: slice, columns: slice) -> Tensor:
    """Return the bin of each distance (I, J)."""
    distance = distances(x, rows, columns)
    edges = torch.linspace(layer.min_dist, layer.max_dist, layer.num_bins - 1).to(x.device)
    return torch.bucketize(distance, edges)


def _direction(templates: Templates, t: int, rows: slice, columns: slice) -> Tensor:
    """Return the signs (I, J, 3) of token i's position in the frame of token j."""
    away = templates.ca[t, rows, None] - templates.frame_t[t, columns]
    return torch.einsum("jab,ija->ijb", templates.frame_rot[t, columns], away).sign_()

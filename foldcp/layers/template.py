"""The template module on tiles: one template after another, and none at all where there is none."""

from dataclasses import replace

from boltz.model.modules import trunkv2
from torch import Tensor, nn

from foldcp.features import Features, Templates
from foldcp.layers.evaluation import check_eval
from foldcp.layers.pair_stack import PairStack
from foldcp.mesh import Place
from foldcp.mesh.cuts import shift
from foldcp.ops.residual import residual
from foldcp.ops.template_features import template_features


class TemplateModule(nn.Module):
    """`boltz.model.modules.trunkv2.TemplateV2Module`, or the first version, on tiles.

    Parameters
    ----------
    layer : TemplateV2Module or TemplateModule
        The serial layer, in evaluation mode. In the first version tokens see each other's template if they
        are of one chain.
    """

    def __init__(self, layer: trunkv2.TemplateV2Module | trunkv2.TemplateModule) -> None:
        super().__init__()
        self.layer = layer
        self.stacks = nn.ModuleList(PairStack(block) for block in layer.pairformer.layers)

    def forward(self, z: Tensor, features: Features, pair_mask: Tensor, place: Place) -> Tensor:
        """Return `z + W relu(Σ_t norm(v_t + stack(v_t)) / T)`; without gradients it is `z`, overwritten.

        The sum is over the T templates that cover a token. Without any it is zero, and W has no bias: then
        nothing is computed, although Boltz does compute it.

        Parameters
        ----------
        z, pair_mask : Tensor
            Pair tile (I, J, D) and its mask (I, J).
        features : Features
            Features of the complex, on the host.
        place : Place
            Mesh, N and budget.
        """
        check_eval(self.layer)
        live = [t for t, mask in enumerate(features.templates.mask.tolist()) if any(mask)]
        if not live:
            return z
        templates = self._visible(features).to(z.device)
        total: Tensor | None = None
        for t in live:
            # No name for the tile that is added: it would outlive the making of the next one.
            total = _added(total, self._template(z, templates, t, pair_mask, place))
        assert total is not None  # there is a live template
        return self._add(z, total, len(live), place)

    def _visible(self, features: Features) -> Templates:
        """Return the templates with what says who sees whose, which differs between the versions."""
        templates = features.templates
        if isinstance(self.layer, trunkv2.TemplateV2Module):
            return templates
        return replace(templates, visibility=features.tokens.asym_id.expand_as(templates.visibility))

    def _template(self, z: Tensor, templates: Templates, t: int, pair_mask: Tensor, place: Place) -> Tensor:
        """Return `norm(v_t + stack(v_t))` (I, J, C); v_t is made again at the end rather than kept."""
        width = self.layer.z_proj.out_features
        pieces = place.budget.pieces(len(z), (2 * z.shape[2] + 4 * width + 24) * 4 * z.shape[1])
        v = z.new_empty(*z.shape[:2], width)
        for rows in pieces:
            v[rows] = self._rows(z, templates, t, rows, place)
        for stack in self.stacks:
            v = stack(v, pair_mask, place)
        out = residual(v)
        for rows in pieces:
            out[rows] = self.layer.v_norm(v[rows] + self._rows(z, templates, t, rows, place))
        return out

    def _rows(self, z: Tensor, templates: Templates, t: int, rows: slice, place: Place) -> Tensor:
        """Return rows (…, J, C) of `v_t = P norm(z) + a_t`; `rows` counts from the tile's first."""
        layer, mesh, n = self.layer, place.mesh, place.n_tokens
        tokens = shift(rows, -mesh.rows(n).start)
        block = template_features(layer, templates, t, tokens, mesh.columns(n))
        block += layer.z_proj(layer.z_norm(z[rows].to(layer.z_norm.weight.dtype)))
        return block

    def _add(self, z: Tensor, total: Tensor, n_templates: int, place: Place) -> Tensor:
        layer, out = self.layer, residual(z)
        for rows in place.budget.pieces(len(z), 4 * 4 * z.shape[1] * z.shape[2]):
            mean = total[rows].to(layer.u_proj.weight.dtype) / n_templates
            out[rows] += layer.u_proj(layer.relu(mean))
        return out


def _added(total: Tensor | None, v: Tensor) -> Tensor:
    return v if total is None else total.add_(v)

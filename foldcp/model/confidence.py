"""The confidence module on tiles: one more Pairformer on one sample's distances, then heads reduced in place.

Source: AlphaFold 3, supplementary algorithm 31; `boltz.model.modules.confidencev2`.
"""

from dataclasses import dataclass

import torch
from boltz.data import const
from boltz.model.layers.confidence_utils import compute_aggregated_metric, tm_function
from boltz.model.models.boltz2 import Boltz2
from boltz.model.modules.confidencev2 import ConfidenceHeads
from boltz.model.modules.trunkv2 import DistogramModule
from torch import Tensor, nn

from foldcp.errors import UsageError
from foldcp.features import Features, Tokens
from foldcp.layers.confidence_pairs import ConfidencePairs
from foldcp.layers.pairformer import PairformerLayer
from foldcp.mesh import Place
from foldcp.model.chains import Chains
from foldcp.model.frames import valid_frames
from foldcp.model.interfaces import interfaces
from foldcp.ops.aligned_error import aligned_error
from foldcp.ops.distance_error import mean_distance_error
from foldcp.ops.interface import interface_tokens
from foldcp.ops.pair_head import PairHead
from foldcp.ops.symmetric_bins import symmetric_bins
from foldcp.ops.tm_scores import tm_scores

CONTACT_BINS = 20
"""First bins of the distogram that Boltz-2 counts as contact."""
MAX_ERROR = 32.0
"""Upper end of the bins of both errors, in ångströms."""
_WEIGHTS = {"ligand": 20.0, "interface": 10.0, "other": 1.0}
"""What a token weighs in the interface pLDDT."""


@dataclass(frozen=True)
class SampleConfidence:
    """Confidence of one sample, the same on every rank. N tokens, C chains.

    Attributes
    ----------
    plddt
        (N,). Per token, 0 to 1.
    complex_plddt, complex_iplddt, complex_pde, complex_ipde
        Scalars: means of pLDDT and of the predicted distance error, over all and over the interface.
    ptm, iptm, ligand_iptm, protein_iptm
        Scalars.
    pair_chains_iptm
        (C, C). Best frame of the second chain, scored on the first.
    chains
        `asym_id` of each chain, in the order of `pair_chains_iptm`.
    interfaces
        Scores from the aligned error by name (`foldcp.scores.interface_errors`), (C, C) in the same order.
    pae, pde
        This rank's tiles (I, J) of the predicted errors in ångströms, if they were asked for.
    """

    plddt: Tensor
    complex_plddt: Tensor
    complex_iplddt: Tensor
    complex_pde: Tensor
    complex_ipde: Tensor
    ptm: Tensor
    iptm: Tensor
    ligand_iptm: Tensor
    protein_iptm: Tensor
    pair_chains_iptm: Tensor
    chains: list[int]
    interfaces: dict[str, Tensor]
    pae: Tensor | None = None
    pde: Tensor | None = None


def contact_probability(module: DistogramModule, z: Tensor, place: Place) -> Tensor:
    """Return the distogram's probability that two tokens are in contact, a tile (I, J) in fp32.

    Parameters
    ----------
    module : DistogramModule
        The serial module; of several distograms the first.
    z : Tensor
        Pair tile (I, J, D) of the trunk.
    place : Place
        Mesh, N and budget.
    """
    bins = torch.arange(module.num_bins, device=z.device)
    return symmetric_bins(PairHead(module.distogram), z, (bins < CONTACT_BINS).float(), place)


class Confidence(nn.Module):
    """`Boltz2.confidence_module` on tiles, for one sample at a time.

    Parameters
    ----------
    model : Boltz2
        The serial model, in evaluation mode.

    Raises
    ------
    UsageError
        If the model's confidence is per atom, as that of no released Boltz-2 is.
    """

    def __init__(self, model: Boltz2) -> None:
        super().__init__()
        module = model.confidence_module
        if not module.token_level_confidence:
            raise UsageError(
                "confidence per atom (token_level_confidence=False) is not supported on a mesh; "
                "use a model with confidence per token, as the released Boltz-2 is"
            )
        self.module = module
        self.pairs = ConfidencePairs(module)
        self.layers = nn.ModuleList(PairformerLayer(layer) for layer in module.pairformer_stack.layers)

    def forward(
        self,
        s_inputs: Tensor,
        s: Tensor,
        z: Tensor,
        coordinates: Tensor,
        features: Features,
        place: Place,
        contact: Tensor,
        *,
        reuse: bool = False,
        keep_errors: bool = False,
    ) -> SampleConfidence:
        """Return the confidence of one sample.

        Parameters
        ----------
        s_inputs, s : Tensor
            Tokens (N, D_s) of the input embedder and of the trunk, whole on every rank.
        z : Tensor
            Pair tile (I, J, D) of the trunk.
        coordinates : Tensor
            Atom positions (A, 3) of the sample in ångströms, whole on every rank.
        features : Features
            Features of the complex, on the host.
        place : Place
            Mesh, N and budget.
        contact : Tensor
            `contact_probability`, tile (I, J).
        reuse : bool
            Whether z may be overwritten, which saves a second tile.
        keep_errors : bool
            Whether to keep the tiles of both errors.
        """
        tokens, chains = features.tokens.to(z.device), Chains.create(features)
        x = coordinates[tokens.rep_atom]
        s, z = self._represent(s_inputs, s, z, x, features, tokens.mask, place, reuse)
        heads = self.module.confidence_heads
        frames = valid_frames(coordinates, tokens, chains.ligands, place.budget)
        pae, of_chains = _aligned(heads, z, frames, tokens, chains, place)
        of_interfaces = interfaces(pae, coordinates, tokens, chains, place)
        kept = pae if keep_errors else None
        del pae  # room for the other error
        head = _head(heads, "pde", tokens)
        pde = symmetric_bins(head, z, _centres(head), place)
        complex_pde, complex_ipde = mean_distance_error(pde, contact, tokens.mask, tokens.asym_id, place)
        return SampleConfidence(
            **_plddt(heads, s, x, tokens, place),
            **of_chains,
            complex_pde=complex_pde,
            complex_ipde=complex_ipde,
            chains=chains.ids,
            interfaces=of_interfaces,
            pae=kept,
            pde=pde if keep_errors else None,
        )

    def _represent(
        self,
        s_inputs: Tensor,
        s: Tensor,
        z: Tensor,
        x: Tensor,
        features: Features,
        mask: Tensor,
        place: Place,
        reuse: bool,
    ) -> tuple[Tensor, Tensor]:
        """Return tokens and pair tile after the module's own Pairformer."""
        module, mesh = self.module, place.mesh
        s_inputs = module.s_inputs_norm(s_inputs)
        z = self.pairs(z, s_inputs, x, features, place, reuse)
        if not module.no_update_s:
            s = module.s_norm(s)
        if module.add_s_input_to_s:
            s = s + module.s_input_to_s(s_inputs)
        pair_mask = mask[mesh.rows(len(mask)), None] * mask[mesh.columns(len(mask))]
        for layer in self.layers:
            s, z = layer(s, z, mask, pair_mask, place)
        return s, z


def _aligned(
    heads: ConfidenceHeads,
    z: Tensor,
    frames: Tensor,
    tokens: Tokens,
    chains: Chains,
    place: Place,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the tile of the aligned error, and the TM scores by name."""
    of_token, kinds = chains.of_token.to(z.device), chains.kinds.to(z.device)
    members = nn.functional.one_hot(of_token, len(kinds)).float() * tokens.mask[:, None]
    head = _head(heads, "pae", tokens)
    error = _centres(head)
    values = torch.stack([error, tm_function(error, tokens.mask.sum())], dim=1)
    sums, pae = aligned_error(head, z, values, members, place)
    scores = tm_scores(sums, members, frames, of_token, kinds)._asdict()
    return pae, {"pair_chains_iptm": scores.pop("pairs"), **scores}


def _plddt(heads: ConfidenceHeads, s: Tensor, x: Tensor, tokens: Tokens, place: Place) -> dict[str, Tensor]:
    """Return pLDDT per token and its means over the complex and the interface."""
    plddt = compute_aggregated_metric(heads.to_plddt_logits(s))
    ligand = tokens.mol_type == const.chain_type_ids["NONPOLYMER"]
    touching = interface_tokens(x, tokens.asym_id, place)
    weight = torch.where(touching > 0, _WEIGHTS["interface"], _WEIGHTS["other"])
    weight = torch.where(ligand, _WEIGHTS["ligand"], weight) * tokens.mask
    return {
        "plddt": plddt,
        "complex_plddt": (plddt * tokens.mask).sum() / tokens.mask.sum(),
        "complex_iplddt": (plddt * weight).sum() / weight.sum(),
    }


def _head(heads: ConfidenceHeads, error: str, tokens: Tokens) -> PairHead:
    """Return the head of `pae` or `pde`."""
    if not heads.use_separate_heads:
        return PairHead(getattr(heads, f"to_{error}_logits"))
    intra, inter = (getattr(heads, f"to_{error}_{where}_logits") for where in ("intra", "inter"))
    return PairHead(intra, inter, tokens.asym_id)


def _centres(head: PairHead) -> Tensor:
    """Return the centres of the bins of a head for errors, in ångströms."""
    n_bins = head.intra.out_features
    return (torch.arange(n_bins, device=head.intra.weight.device) + 0.5) * (MAX_ERROR / n_bins)

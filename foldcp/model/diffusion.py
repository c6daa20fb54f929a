"""Diffusion on a mesh: what all steps read, made once, and one denoising step.

Coordinates are whole on every rank, for they are few. Each rank embeds its own atom windows, updates its own
share of the tokens and attends on its own pair tile; one sum over the ranks makes the new coordinates whole.
"""

from dataclasses import dataclass

import torch
from boltz.model.models.boltz2 import Boltz2
from boltz.model.modules.diffusionv2 import AtomDiffusion
from torch import Tensor, nn

from foldcp.features import Features
from foldcp.layers.atom_encoder import AtomAttentionDecoder, AtomAttentionEncoder, AtomEmbedding
from foldcp.layers.evaluation import check_eval
from foldcp.layers.token_transformer import TokenTransformer
from foldcp.mesh import Place
from foldcp.ops.atom_windows import AtomShare
from foldcp.ops.pair_bias import PairBias
from foldcp.ops.pair_bias_attention import whole_tokens
from foldcp.ops.pair_conditioning import pair_conditioning
from foldcp.ops.relative_position import relative_position
from foldcp.ops.single_conditioning import embed_single, single_conditioning
from foldcp.ops.whole import whole


@dataclass(frozen=True)
class Conditioning:
    """What every step of one complex's diffusion reads on a rank.

    Attributes
    ----------
    single
        The part of the own tokens' condition that does not depend on the noise level (n, 2 D_s).
    q, c
        Queries and condition of the own atoms (a, D_a).
    encoder_bias, decoder_bias
        Bias of the own atom windows (w, 32, 128, L·H), for all layers.
    token_bias
        Bias of the token transformer on the own pair tile.
    share
        The own atom windows.
    token_mask, atom_mask
        Masks (N,) and (A,), whole.
    """

    single: Tensor
    q: Tensor
    c: Tensor
    encoder_bias: Tensor
    decoder_bias: Tensor
    token_bias: PairBias
    share: AtomShare
    token_mask: Tensor
    atom_mask: Tensor


class DiffusionConditioning(nn.Module):
    """`boltz.model.modules.diffusion_conditioning.DiffusionConditioning` on a mesh.

    Parameters
    ----------
    model : Boltz2
        The serial model, in evaluation mode.
    """

    def __init__(self, model: Boltz2) -> None:
        super().__init__()
        self.layer = model.diffusion_conditioning
        self.positions = model.rel_pos
        self.single = model.structure_module.score_model.single_conditioner
        self.atoms = AtomEmbedding(self.layer.atom_encoder)

    def forward(
        self, s_inputs: Tensor, s: Tensor, z: Tensor, features: Features, share: AtomShare, place: Place
    ) -> Conditioning:
        """Return what all steps read. Half the budget is for the token bias that stays stored.

        Parameters
        ----------
        s_inputs, s : Tensor
            Tokens (N, D_s) of the input embedder and of the trunk, whole on every rank.
        z : Tensor
            Pair tile (I, J, D) of the trunk; it stays as it is.
        features : Features
            Features of the complex.
        share : AtomShare
            This rank's atom windows.
        place : Place
            Mesh, N and budget.
        """
        check_eval(self.layer)
        layer, budget = self.layer, place.budget
        pairs = self._pairs(z, features, place)
        to_atom_bias = [*layer.atom_enc_proj_z, *layer.atom_dec_proj_z]
        q, c, atom_bias = self.atoms(
            share, place, s=s, z=pairs, project=lambda p: torch.cat([to(p) for to in to_atom_bias], dim=-1)
        )
        n_encoder = sum(linear.out_features for _, linear in layer.atom_enc_proj_z)
        to_token_bias = [(norm, linear) for norm, linear in layer.token_trans_proj_z]
        mine = place.mesh.flat(place.n_tokens)
        with torch.autocast(z.device.type, enabled=False):
            single = embed_single(self.single, s[mine].float(), s_inputs[mine].float())
        return Conditioning(
            single=single,
            q=q,
            c=c,
            encoder_bias=atom_bias[..., :n_encoder],
            decoder_bias=atom_bias[..., n_encoder:],
            token_bias=PairBias(to_token_bias, pairs, budget, stored_bytes=budget.bytes // 2),
            share=share,
            token_mask=features.tokens.mask.to(z.device),
            atom_mask=features.atoms.mask.to(z.device),
        )

    def _pairs(self, z: Tensor, features: Features, place: Place) -> Tensor:
        """Return the conditioned pair tile (I, J, D)."""
        cyclic = any(features.tokens.cyclic_period.tolist())
        tokens = features.tokens.to(z.device)
        first, columns = place.mesh.rows(place.n_tokens).start, place.mesh.columns(place.n_tokens)

        def positions(rows: slice) -> Tensor:
            of_complex = slice(first + rows.start, first + rows.stop)
            return relative_position(self.positions, tokens, of_complex, columns, cyclic)

        return pair_conditioning(self.layer.pairwise_conditioner, z, positions, place.budget)


class Denoiser(nn.Module):
    """`AtomDiffusion.preconditioned_network_forward` on a mesh.

    Parameters
    ----------
    layer : AtomDiffusion
        The serial structure module, in evaluation mode.
    """

    def __init__(self, layer: AtomDiffusion) -> None:
        super().__init__()
        self.layer = layer
        self.encoder = AtomAttentionEncoder(layer.score_model.atom_attention_encoder)
        self.transformer = TokenTransformer(layer.score_model.token_transformer)
        self.decoder = AtomAttentionDecoder(layer.score_model.atom_attention_decoder)

    def forward(self, x: Tensor, sigma: float, conditioning: Conditioning, place: Place) -> Tensor:
        """Return the denoised positions `c_skip x + c_out F(c_in x, c_noise)` (B, A, 3), whole.

        The coefficients depend on sigma (Karras et al. 2022, table 1). All in fp32, as in the serial model.

        Parameters
        ----------
        x : Tensor
            Noisy positions (B, A, 3) of B samples, whole on every rank.
        sigma : float
            Noise level, the same for all samples.
        conditioning : Conditioning
            What all steps read.
        place : Place
            Mesh, N and budget.
        """
        layer, level = self.layer, torch.full((1,), sigma, device=x.device)
        with torch.autocast(x.device.type, enabled=False):
            update = self._update(layer.c_in(level) * x, layer.c_noise(level), conditioning, place)
            return layer.c_skip(level) * x + layer.c_out(level) * update

    def _update(self, x: Tensor, time: Tensor, given: Conditioning, place: Place) -> Tensor:
        """Return the network's answer (B, A, 3) to scaled positions, whole."""
        score, mesh, n_tokens = self.layer.score_model, place.mesh, place.n_tokens
        own = given.share.own
        tokens, q = self.encoder(given.q, given.c, given.encoder_bias, given.share, place, r=x[:, own])
        # The noise level is the same for all samples, and so is the condition.
        s = single_conditioning(score.single_conditioner, given.single, time, place.budget)[None]
        a = tokens[:, mesh.flat(n_tokens)] + score.s_to_a_linear(s)
        del tokens
        a = score.a_norm(self.transformer(a, s, given.token_bias, given.token_mask, place))
        a = whole_tokens(a, n_tokens, mesh, dim=1)
        update = self.decoder(a, q, given.c, given.decoder_bias, given.share, place)
        return whole(update, own, x.shape[1], mesh, dim=1)

"""A seeded, random, much reduced Boltz-2, as a checkpoint of the real class in the real format.

A network to be trained starts with many parameters at zero, which switch off whole branches until training
moves them. Left so in a random network, most of the code would multiply by nothing, and a defect in it could
not show. So every parameter is drawn, from one seeded generator of our own: Boltz's initialisation also draws
from numpy's global state.
"""

from pathlib import Path
from typing import Any

from foldcp.demo import initialisation
from foldcp.demo.arguments import DIFFUSION, MSA, PAIRFORMER, STEERING
from foldcp.demo.sizes import SIZES, Sizes
from foldcp.tables.files import atomic_write


def checkpoint_path(cache: Path, sizes: Sizes = SIZES) -> Path:
    """Return where the demo checkpoint of this recipe lies in a cache folder."""
    return cache / "demo" / f"boltz2-demo-{sizes.sha256()[:12]}.ckpt"


def build_checkpoint(cache: Path, sizes: Sizes = SIZES) -> Path:
    """Build the demo checkpoint, unless it is there already.

    Parameters
    ----------
    cache
        Cache folder.
    sizes
        Recipe; the file's name carries its hash, so that a changed recipe never finds an old file.

    Returns
    -------
    Path
        A Lightning checkpoint that `boltz.model.models.boltz2.Boltz2.load_from_checkpoint` reads.
    """
    path = checkpoint_path(cache, sizes)
    if path.exists():
        return path
    import torch
    from boltz.model.models.boltz2 import Boltz2

    hyperparameters = _hyperparameters(sizes)
    with torch.random.fork_rng(devices=[]), initialisation.skipped():
        model = Boltz2(**hyperparameters)
    _draw_parameters(model, sizes.seed)
    contents = {
        # The format's version, not the installed one: the same recipe shall give the same bytes everywhere.
        "pytorch-lightning_version": "2.5.0",
        "epoch": 0,
        "global_step": 0,
        "loops": {},
        "state_dict": model.state_dict(),
        "hyper_parameters": hyperparameters,
        "hparams_name": "kwargs",
    }
    with atomic_write(path) as handle:
        torch.save(contents, handle)
    return path


def _draw_parameters(model: Any, seed: int) -> None:
    import torch

    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for _, parameter in sorted(model.named_parameters()):
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.ndim >= 2:
                # Unit variance in, unit variance out.
                parameter.copy_(noise / parameter.shape[-1] ** 0.5)
            else:
                # Norms start at one, biases at zero; both stay near it, none stays on it.
                first = parameter.flatten()[0].clone()
                constant = bool((parameter == first).all())
                parameter.copy_(0.1 * noise + (first if constant else 0))


def _hyperparameters(sizes: Sizes) -> dict[str, Any]:
    return {
        "atom_s": sizes.atom_s,
        "atom_z": sizes.atom_z,
        "token_s": sizes.token_s,
        "token_z": sizes.token_z,
        "num_bins": 64,
        "atom_feature_dim": 388,
        "embedder_args": {
            "atom_encoder_depth": sizes.atom_blocks,
            "atom_encoder_heads": 4,
            "add_mol_type_feat": True,
            "add_method_conditioning": True,
            "add_modified_flag": True,
            "add_cyclic_flag": True,
        },
        **_trunk(sizes),
        **_heads(sizes),
        "diffusion_process_args": dict(DIFFUSION),
        "diffusion_loss_args": {},
        "steering_args": dict(STEERING),
        "conditioning_cutoff_min": 4.0,
        "conditioning_cutoff_max": 20.0,
        "fix_sym_check": True,
        "cyclic_pos_enc": True,
        "bond_type_feature": True,
        "validate_structure": False,
        **_training(),
    }


def _pair_attention(sizes: Sizes) -> dict[str, int]:
    return {"pairwise_head_width": sizes.pair_head_width, "pairwise_num_heads": sizes.pair_heads}


def _trunk(sizes: Sizes) -> dict[str, Any]:
    stack = {"num_blocks": sizes.trunk_blocks, "num_heads": sizes.single_heads, **_pair_attention(sizes)}
    msa = {"msa_s": sizes.msa_s, "msa_blocks": sizes.msa_blocks, **_pair_attention(sizes)}
    template = {"template_dim": sizes.template_dim, "template_blocks": sizes.template_blocks}
    return {
        "pairformer_args": PAIRFORMER | stack,
        "msa_args": MSA | msa,
        "template_args": template | _pair_attention(sizes),
        "use_templates": True,
        "use_templates_v2": True,
    }


def _heads(sizes: Sizes) -> dict[str, Any]:
    stack = {"num_blocks": sizes.confidence_blocks, "num_heads": sizes.single_heads}
    return {
        "score_model_args": {
            "sigma_data": 16,
            "dim_fourier": sizes.fourier_dim,
            "atom_encoder_depth": sizes.atom_blocks,
            "atom_encoder_heads": 4,
            "token_transformer_depth": sizes.diffusion_blocks,
            "token_transformer_heads": sizes.diffusion_heads,
            "atom_decoder_depth": sizes.atom_blocks,
            "atom_decoder_heads": 4,
            "conditioning_transition_layers": 2,
            "transformer_post_ln": False,
            "activation_checkpointing": False,
        },
        "confidence_prediction": True,
        "token_level_confidence": True,
        "alpha_pae": 1.0,
        "predict_bfactor": True,
        "confidence_model_args": {
            "num_dist_bins": 64,
            "max_dist": 22,
            "add_s_to_z_prod": True,
            "add_s_input_to_s": True,
            "add_z_input_to_z": True,
            "confidence_args": {
                "num_plddt_bins": 50,
                "num_pde_bins": 64,
                "num_pae_bins": 64,
                "use_separate_heads": True,
            },
            "pairformer_args": {"dropout": 0.0, "v2": True} | stack | _pair_attention(sizes),
        },
    }


def _training() -> dict[str, Any]:
    from omegaconf import OmegaConf

    # Never used for prediction, but Boltz reads it on loading, both as attributes and as items.
    training = {
        "recycling_steps": 3,
        "sampling_steps": 20,
        "diffusion_multiplicity": 16,
        "diffusion_samples": 1,
        "max_lr": 1.8e-3,
        "base_lr": 0.0,
        "weight_decay": 0.0,
        "lr_scheduler": "af3",
    }
    validation = {"recycling_steps": 3, "sampling_steps": 200, "diffusion_samples": 5}
    return {"training_args": OmegaConf.create(training), "validation_args": OmegaConf.create(validation)}

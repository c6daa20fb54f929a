"""The arguments that Boltz's command line gives every checkpoint of Boltz-2, whatever is written in it.

They are copies of the defaults of four classes in `boltz.main` 2.2.1, for to import that module takes seconds
of every rank (numba, scikit-learn, pandas, the mmCIF writer). A test holds them to the originals.
"""

from typing import Any

DIFFUSION: dict[str, Any] = {
    "gamma_0": 0.8,
    "gamma_min": 1.0,
    "noise_scale": 1.003,
    "rho": 7,
    "step_scale": 1.5,
    "sigma_min": 0.0001,
    "sigma_max": 160.0,
    "sigma_data": 16.0,
    "P_mean": -1.2,
    "P_std": 1.5,
    "coordinate_augmentation": True,
    "alignment_reverse_diff": True,
    "synchronize_sigmas": True,
}
STEERING: dict[str, Any] = {
    "fk_steering": False,
    "num_particles": 3,
    "fk_lambda": 4.0,
    "fk_resampling_interval": 3,
    "physical_guidance_update": False,
    "contact_guidance_update": True,
    "num_gd_steps": 20,
}
PAIRFORMER: dict[str, Any] = {
    "num_blocks": 64,
    "num_heads": 16,
    "dropout": 0.0,
    "activation_checkpointing": False,
    "offload_to_cpu": False,
    "v2": True,
}
MSA: dict[str, Any] = {
    "msa_s": 64,
    "msa_blocks": 4,
    "msa_dropout": 0.0,
    "z_dropout": 0.0,
    "use_paired_feature": True,
    "pairwise_head_width": 32,
    "pairwise_num_heads": 4,
    "activation_checkpointing": False,
    "offload_to_cpu": False,
    "subsample_msa": False,
    "num_subsampled_msa": 1024,
}

"""The oracle: the unchanged serial Boltz-2, in process, fp32, reseeded right before it samples."""

import torch

SCORES = ("plddt", "complex_plddt", "complex_iplddt", "complex_pde", "complex_ipde", "ptm", "iptm")
SCORES += ("ligand_iptm", "protein_iptm")


def serial(model, batch, seed, recycles, steps):
    """Return what `Boltz2.forward` makes of a dense batch, for one sample drawn with `seed`."""
    hook = model.diffusion_conditioning.register_forward_hook(lambda *_: torch.manual_seed(seed) and None)
    try:
        with torch.no_grad():
            out = model(
                dict(batch),
                recycling_steps=recycles,
                num_sampling_steps=steps,
                diffusion_samples=1,
                run_confidence_sequentially=True,
            )
    finally:
        hook.remove()
    pairs = out["pair_chains_iptm"]
    return {
        "coordinates": out["sample_atom_coords"][0],
        "pae": out["pae"][0],
        "pde": out["pde"][0],
        "b_factors": out["pbfactor"][0],
        "pair_chains_iptm": torch.tensor([[v[0].item() for v in row.values()] for row in pairs.values()]),
        **{name: out[name][0] for name in SCORES},
    }

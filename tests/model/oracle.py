"""The oracle: the unchanged serial Boltz-2, in process, fp32, reseeded right before it samples."""

import contextlib

import torch

SCORES = ("plddt", "complex_plddt", "complex_iplddt", "complex_pde", "complex_ipde", "ptm", "iptm")
SCORES += ("ligand_iptm", "protein_iptm")


@contextlib.contextmanager
def mixed_as_on_a_gpu():
    """Run the serial model in bf16-mixed on a CPU as on a GPU.

    It switches autocast off by `autocast("cuda", enabled=False)` where it wants fp32, which a CPU ignores.
    """
    original = torch.autocast

    def on_this_device(device_type, *args, **kwargs):
        return original("cpu" if device_type == "cuda" else device_type, *args, **kwargs)

    torch.autocast = torch.amp.autocast = on_this_device
    try:
        with original("cpu", torch.bfloat16):
            yield
    finally:
        torch.autocast = torch.amp.autocast = original


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

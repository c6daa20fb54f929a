"""The serial Boltz-2 on one device, unchanged but for one thing: every sample has a seed of its own.

Boltz draws all samples together from the global generator, after the trunk has consumed an amount of it that
depends on the input. `seeded_sampling` draws them one at a time, each after seeding, through Boltz's own
sampler. Everything else is Boltz's forward pass with the arguments of its command line.
"""

import contextlib
import importlib.util
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from boltz.main import Boltz2DiffusionParams, BoltzSteeringParams, MSAModuleArgs, PairformerArgsV2
from boltz.model.models.boltz2 import Boltz2

from foldcp.errors import InputError, MissingError
from foldcp.predict import seeds
from foldcp.predict.engine import Folded
from foldcp.predict.features import Features
from foldcp.predict.settings import Settings

_SCORES = [
    "confidence_score",
    "ptm",
    "iptm",
    "ligand_iptm",
    "protein_iptm",
    "complex_plddt",
    "complex_iplddt",
    "complex_pde",
    "complex_ipde",
]
_TRUNK_SIZES = {"num_blocks", "num_heads", "pairwise_head_width", "pairwise_num_heads"}
_MSA_SIZES = {"msa_s", "msa_blocks", "pairwise_head_width", "pairwise_num_heads"}


class SerialEngine:
    """Boltz-2 on one device.

    Parameters
    ----------
    checkpoint
        Lightning checkpoint of `Boltz2`. It is unpickled, which runs code: load only files you trust.
    settings
        Device, precision and threads.
    """

    name = "serial"

    def __init__(self, checkpoint: Path, settings: Settings) -> None:
        self.device = _device(settings.device)
        self.device_name = torch.cuda.get_device_name(self.device) if self.device != "cpu" else "cpu"
        if settings.threads is not None:
            torch.set_num_threads(settings.threads)
        torch.set_float32_matmul_precision("highest")
        kernels = settings.precision != "fp32" and _has_kernels(self.device)
        self.model = _load(checkpoint, kernels).to(self.device)

    def fold(self, features: Features, sample_seeds: Sequence[int], settings: Settings) -> Folded:
        """Fold one complex, one sample per seed, each independent of the others.

        Parameters
        ----------
        features
            Features of the complex.
        sample_seeds
            Seed of each sample.
        settings
            Precision, recycles and steps.
        """
        batch = {name: value.to(self.device) for name, value in features.batch.items()}
        kind = self.device.partition(":")[0]
        mixed = torch.autocast(kind, dtype=torch.bfloat16, enabled=settings.precision == "bf16-mixed")
        with torch.no_grad(), mixed, seeded_sampling(self.model.structure_module, sample_seeds):
            out = self.model(
                batch,
                recycling_steps=settings.recycles,
                num_sampling_steps=settings.steps,
                diffusion_samples=len(sample_seeds),
                max_parallel_samples=1,
                run_confidence_sequentially=True,
            )
        return _folded(out, batch["atom_pad_mask"][0].bool(), settings.pae)


@contextlib.contextmanager
def seeded_sampling(module: Any, sample_seeds: Sequence[int]) -> Iterator[None]:
    """Let a Boltz-2 structure module draw sample k alone, right after seeding with `sample_seeds[k]`."""
    original: Callable[..., dict[str, Any]] = module.sample

    def sample(*, multiplicity: int, max_parallel_samples: int, **inputs: Any) -> dict[str, Any]:
        drawn = []
        for seed in sample_seeds:
            seeds.set_global(seed)
            drawn.append(original(multiplicity=1, max_parallel_samples=1, **inputs)["sample_atom_coords"])
        return {"sample_atom_coords": torch.cat(drawn)}

    module.sample = sample
    try:
        yield
    finally:
        del module.sample


def _device(name: str) -> str:
    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return "cpu"
    if not torch.cuda.is_available():
        raise MissingError("torch sees no GPU for device 'cuda'; use device cpu, or run `foldcp doctor`")
    return f"cuda:{torch.cuda.current_device()}"


def _has_kernels(device: str) -> bool:
    # Boltz's own condition, and the package that it imports without asking.
    if device == "cpu" or torch.cuda.get_device_capability(device)[0] < 8:
        return False
    return importlib.util.find_spec("cuequivariance_torch") is not None


def _load(checkpoint: Path, kernels: bool) -> Any:
    try:
        saved = torch.load(checkpoint, map_location="cpu", weights_only=False, mmap=True)
        sizes = saved["hyper_parameters"]
        # As Boltz's command line does: its own arguments win over the checkpoint's. Only the sizes, which it
        # fixes to those of the released model, are the checkpoint's.
        model = Boltz2.load_from_checkpoint(
            checkpoint,
            strict=True,
            map_location="cpu",
            diffusion_process_args=asdict(Boltz2DiffusionParams()),
            ema=False,
            use_kernels=kernels,
            pairformer_args=asdict(PairformerArgsV2()) | _only(sizes["pairformer_args"], _TRUNK_SIZES),
            msa_args=asdict(MSAModuleArgs()) | _only(sizes["msa_args"], _MSA_SIZES),
            steering_args=asdict(BoltzSteeringParams()),
        )
    except (OSError, MemoryError):
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise InputError(f"{checkpoint} is not a Boltz-2 checkpoint: {reason}") from error
    return model.eval()


def _only(values: Any, names: set[str]) -> dict[str, Any]:
    return {name: values[name] for name in names if name in values}


def _folded(out: dict[str, Any], atoms: torch.Tensor, with_errors: bool) -> Folded:
    count = len(out["sample_atom_coords"])
    return Folded(
        coordinates=_array(out["sample_atom_coords"][:, atoms]),
        confidence=[_confidence(out, number) for number in range(count)],
        plddt=_array(out["plddt"]),
        pae=_array(out["pae"]) if with_errors else None,
        pde=_array(out["pde"]) if with_errors else None,
    )


def _array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.float().cpu().numpy()


def _confidence(out: dict[str, Any], sample: int) -> dict[str, Any]:
    """Return what Boltz writes into `confidence_*.json` for one sample."""
    iptm = out["iptm"][sample]
    # One chain has no interface: its score takes the pTM.
    partner = out["ptm"][sample] if torch.allclose(iptm, torch.zeros_like(iptm)) else iptm
    score = (4 * out["complex_plddt"][sample] + partner) / 5
    pairs = {
        int(first): {int(second): value[sample].item() for second, value in row.items()}
        for first, row in out["pair_chains_iptm"].items()
    }
    return {
        **{name: (score if name == "confidence_score" else out[name][sample]).item() for name in _SCORES},
        "chains_ptm": {chain: pairs[chain][chain] for chain in pairs},
        "pair_chains_iptm": pairs,
    }

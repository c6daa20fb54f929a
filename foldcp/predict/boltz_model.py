"""The serial Boltz-2 module, from its checkpoint: what every rank reads its weights from."""

from pathlib import Path
from typing import Any

import torch
from boltz.model.models.boltz2 import Boltz2

from foldcp.demo import initialisation
from foldcp.demo.arguments import DIFFUSION, MSA, PAIRFORMER, STEERING
from foldcp.errors import InputError

_TRUNK_SIZES = {"num_blocks", "num_heads", "pairwise_head_width", "pairwise_num_heads"}
_MSA_SIZES = {"msa_s", "msa_blocks", "pairwise_head_width", "pairwise_num_heads"}


def load_model(checkpoint: Path) -> Any:
    """Return the `Boltz2` of a Lightning checkpoint on the host, in evaluation mode.

    Parameters
    ----------
    checkpoint
        The file. It is unpickled, which runs code: load only files you trust.

    Raises
    ------
    InputError
        If the file is no Boltz-2 checkpoint.
    """
    try:
        saved = torch.load(checkpoint, map_location="cpu", weights_only=False, mmap=True)
        sizes = saved["hyper_parameters"]
        # As Boltz's command line does: its own arguments win over the checkpoint's. Only the sizes, which it
        # fixes to those of the released model, are the checkpoint's.
        with initialisation.skipped():
            model = Boltz2.load_from_checkpoint(
                checkpoint,
                strict=True,
                map_location="cpu",
                diffusion_process_args=dict(DIFFUSION),
                ema=False,
                use_kernels=False,
                pairformer_args=PAIRFORMER | _only(sizes["pairformer_args"], _TRUNK_SIZES),
                msa_args=MSA | _only(sizes["msa_args"], _MSA_SIZES),
                steering_args=dict(STEERING),
            )
    except (OSError, MemoryError):
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise InputError(f"{checkpoint} is not a Boltz-2 checkpoint: {reason}") from error
    return model.eval()


def _only(values: Any, names: set[str]) -> dict[str, Any]:
    return {name: values[name] for name in names if name in values}

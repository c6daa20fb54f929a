"""A Boltz-2 as far as memory goes: the real class and sizes, parameters without numbers."""

from dataclasses import dataclass, replace
from typing import Any

import torch

from foldcp.demo import initialisation
from foldcp.demo.model import _hyperparameters
from foldcp.demo.sizes import Sizes
from foldcp.trace.fake_gpu import GPU

_TRACED = {
    "trunk_blocks": "pairformer_module.layers",
    "msa_blocks": "msa_module.layers",
    "confidence_blocks": "confidence_module.pairformer_stack.layers",
}
"""Stacks whose blocks overwrite their input, of which two blocks are traced: the second finds what the first
has left, and the others are the same again. The token transformer keeps all its layers: each has a bias of
its own, and all of them may be stored at once."""


@dataclass(frozen=True)
class FakeModel:
    """A model on the fake GPU, and the bytes that its weights take, those of untraced blocks included."""

    module: Any
    weights_bytes: int


def fake_model(sizes: Sizes) -> FakeModel:
    """Build a Boltz-2 on the fake GPU; call it inside `fake_gpu()`."""
    from boltz.model.models.boltz2 import Boltz2

    traced = replace(sizes, **{name: min(2, getattr(sizes, name)) for name in _TRACED})
    with torch.device(GPU), initialisation.skipped():
        model = Boltz2(**_hyperparameters(traced)).eval()
    model.steering_args = dict.fromkeys(model.steering_args, False)
    weights = _bytes(model)
    for name, path in _TRACED.items():
        left_out = getattr(sizes, name) - getattr(traced, name)
        weights += left_out * _bytes(model.get_submodule(path)[0])
    return FakeModel(model, weights)


def _bytes(module: Any) -> int:
    return sum(tensor.nbytes for tensor in (*module.parameters(), *module.buffers()))

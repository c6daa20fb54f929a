"""Peak of the tensor bytes that a piece of code allocates, by watching every operation."""

from typing import Any

import torch
import torch.utils._pytree as pytree
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode


class LiveBytes(TorchDispatchMode):
    """Count the bytes of tensors made inside the `with` block that are alive, and remember the peak.

    Tensors that existed before (inputs, weights) do not count, however often they are viewed. Scratch memory
    inside one kernel is not seen. It works the same on fake tensors, for which nothing is allocated.

    Examples
    --------
    >>> with LiveBytes() as live:
    ...     y = torch.zeros(256) + 1
    >>> live.peak
    2048
    """

    def __init__(self) -> None:
        super().__init__()
        self.peak = 0
        self.at_peak: list[tuple[int, str]] = []
        """Bytes and maker of each tensor that was alive at the peak, largest first."""
        self._alive: dict[int, tuple[StorageWeakRef, int, str]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = {_key(x) for x in pytree.tree_leaves((args, kwargs)) if isinstance(x, Tensor)}
        result = func(*args, **(kwargs or {}))
        self._sweep()
        for tensor in pytree.tree_leaves(result):
            if isinstance(tensor, Tensor) and _key(tensor) not in given and _key(tensor) not in self._alive:
                storage = tensor.untyped_storage()
                label = f"{func} {tuple(tensor.shape)}"
                self._alive[_key(tensor)] = (StorageWeakRef(storage), storage.nbytes(), label)
        total = sum(n_bytes for _, n_bytes, _ in self._alive.values())
        if total > self.peak:
            self.peak = total
            self.at_peak = sorted(((n, label) for _, n, label in self._alive.values()), reverse=True)
        return result

    def _sweep(self) -> None:
        for key in [key for key, (ref, _, _) in self._alive.items() if ref.expired()]:
            del self._alive[key]


def _key(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata


def peak_live_bytes(call: Any, *args: Any, **kwargs: Any) -> tuple[Any, int]:
    """Run `call(*args, **kwargs)` without gradients; return its result and its peak of live bytes."""
    with torch.no_grad(), LiveBytes() as live:
        result = call(*args, **kwargs)
    return result, live.peak

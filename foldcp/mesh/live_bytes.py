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

    Parameters
    ----------
    device : str, optional
        Count tensors on this kind of device only; default: all.

    Examples
    --------
    >>> with LiveBytes() as live:
    ...     y = torch.zeros(256) + 1
    >>> live.peak
    2048
    """

    def __init__(self, device: str | None = None) -> None:
        super().__init__()
        self.device = device
        self.peak = 0
        self.paused = False
        """While true, what is made is not counted, neither now nor later."""
        self.stage = ""
        """What is running, if somebody says."""
        self.peaks: dict[str, int] = {}
        """Peak of each stage, in the order in which they first ran."""
        self.at_peak: list[tuple[int, str]] = []
        """Bytes and maker of each tensor that was alive at the peak, largest first."""
        self._alive: dict[int, tuple[StorageWeakRef, int, str]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        # `prim`: a question about a fake tensor, asked as often as the operations.
        if self.paused or func.namespace == "prim":
            return func(*args, **(kwargs or {}))
        given = {_key(x) for x in pytree.tree_leaves((args, kwargs)) if isinstance(x, Tensor)}
        result = func(*args, **(kwargs or {}))
        self._sweep()
        for tensor in pytree.tree_leaves(result):
            if self._counts(tensor) and _key(tensor) not in given and _key(tensor) not in self._alive:
                storage = tensor.untyped_storage()
                label = f"{func} {tuple(tensor.shape)}"
                self._alive[_key(tensor)] = (StorageWeakRef(storage), storage.nbytes(), label)
        total = self._total()
        self.peaks[self.stage] = max(total, self.peaks.get(self.stage, 0))
        if total > self.peak:
            self.peak = total
            self.at_peak = sorted(((n, label) for _, n, label in self._alive.values()), reverse=True)
        return result

    def now(self) -> int:
        """Return the bytes that are alive."""
        self._sweep()
        return self._total()

    def _total(self) -> int:
        return sum(n_bytes for _, n_bytes, _ in self._alive.values())

    def _counts(self, x: Any) -> bool:
        return isinstance(x, Tensor) and self.device in (None, x.device.type)

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

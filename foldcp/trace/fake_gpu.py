"""A GPU that is not there: tensors on device `cuda` have a shape and a type, and no memory.

Torch's `FakeTensorMode` alone would make every tensor fake, those of the host too, and index lists are worked
out on the host from real numbers. Here only what lies on `cuda` is fake; the host is as always. The device is
called `cuda`, so that the code traced takes the branches, kernels and autocast rules that it takes on a GPU.
"""

import ctypes
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from foldcp.errors import MissingError

GPU = torch.device("cuda", 0)
_CUDA, _META = 1, 14
"""Numbers of the devices in torch's table of device guards (`c10::DeviceType`)."""
_GUARDS = "_ZN3c104impl26device_guard_impl_registryE"


@contextmanager
def fake_gpu() -> Iterator[None]:
    """Let device `cuda` be a fake one inside, whether or not this machine or this build of torch has any.

    Raises
    ------
    MissingError
        If this build of torch cannot be taught to (its library has no table of device guards).
    """
    with ExitStack() as stack:
        if torch.version.cuda is None:
            stack.enter_context(_guard_for_cuda())
        # `torch.tensor(numbers, device=...)` first makes a tensor on the host, then a visible copy.
        stack.callback(torch._C._set_only_lift_cpu_tensors, torch._C._only_lift_cpu_tensors())
        torch._C._set_only_lift_cpu_tensors(True)
        # A GPU's driver must not be woken, and autocast must not say that there is no GPU.
        stack.enter_context(patch("torch.cuda._lazy_init"))
        stack.enter_context(patch("torch.cuda.amp.common.amp_definitely_not_available", lambda: False))
        stack.enter_context(patch("torch.cuda.is_bf16_supported", lambda *_: True))
        stack.enter_context(patch("torch.cuda.get_device_capability", lambda *_: (8, 0)))
        stack.enter_context(_OnlyOnGpu())
        yield


class _OnlyOnGpu(TorchDispatchMode):
    """Run operations on `cuda` tensors as fake ones, and all others for real."""

    def __init__(self) -> None:
        super().__init__()
        self.fake = FakeTensorMode(allow_non_fake_inputs=True)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.prim.device.default and isinstance(args[0], FakeTensor):
            return args[0].fake_device
        kwargs = kwargs or {}
        device = kwargs.get("device")
        # Asked for the current GPU, the guard of `meta` (below) can but answer `meta`.
        to_gpu = device is not None and torch.device(device).type in ("cuda", "meta")
        if to_gpu:
            kwargs["device"] = GPU
        if to_gpu and func is torch.ops.aten._to_copy.default and not isinstance(args[0], FakeTensor):
            return self._moved(args[0], **kwargs)
        if to_gpu or FakeTensor in types:
            with self.fake:
                return func(*args, **kwargs)
        return func(*args, **kwargs)

    def _moved(self, x: Tensor, dtype: torch.dtype | None = None, **_: Any) -> Tensor:
        """Return the fake copy of a host tensor on the GPU."""
        strides = torch.empty_like(x, device="meta").stride()  # a copy of an expanded tensor is not expanded
        with self.fake:
            return torch.empty_strided(x.shape, strides, dtype=dtype or x.dtype, device=GPU)


@contextmanager
def _guard_for_cuda() -> Iterator[None]:
    """Give a CPU build of torch a device guard for `cuda`: the one of `meta`, which does nothing.

    Indexing and `.to` ask for the guard of a tensor's device, also where the tensor is fake.
    """
    library = Path(torch.__file__).parent / "lib" / "libc10.so"
    try:
        guards = (ctypes.c_void_p * (_META + 1)).in_dll(ctypes.CDLL(str(library)), _GUARDS)
    except (OSError, ValueError) as error:
        raise MissingError(
            f"memory cannot be traced with this CPU build of torch {torch.__version__} ({error}); "
            "use torch for Linux, or a CUDA build"
        ) from None
    before = guards[_CUDA]
    guards[_CUDA] = guards[_META]
    try:
        yield
    finally:
        guards[_CUDA] = before

"""cuEquivariance's kernel for attention with a shared bias, in place of torch's, on GPUs that have it.

It is an optional, proprietary package (the extra `gpu`) with its own binaries for each generation of GPU.
So it is used only inside `allowed(True)`, only within its limits, and only once it has proved itself in this
process: a small random case, with masked keys, against the same attention written out in fp32. A kernel that
fails the proof is left alone, and stderr says why. Results differ from torch's kernels by rounding.

Source: documentation of `cuequivariance_torch.triangle_attention`, version 0.13: fp32 up to 32 channels in
steps of 4, bf16 up to 128 in steps of 8.
"""

import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor

DEVICE = "cuda"
_PACKAGE = "cuequivariance_torch"
_WIDTHS = {torch.float32: range(4, 33, 4), torch.bfloat16: range(8, 129, 8)}
_TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 2e-2}
"""Of values near 1: fp32 passes and TF32 (10 bits) does not; bf16 has 8 bits, and may round the bias too."""
_PIECES = 8
"""The kernel copies q, k and v to its own layout. An eighth at a time stays below what a budget counts."""

Kernel = Callable[..., tuple[Tensor, Tensor, Tensor]]
_allowed = False


@contextmanager
def allowed(on: bool) -> Iterator[None]:
    """Let attention inside use the kernel, where it serves, or not; outside of any such block it does not."""
    global _allowed
    before, _allowed = _allowed, on
    try:
        yield
    finally:
        _allowed = before


def serves(q: Tensor, bias: Tensor) -> bool:
    """Say whether the kernel takes queries (B, H, Q, C) with a bias (H, Q, K); the first time, try it out."""
    if not _allowed or q.device.type != DEVICE or isinstance(q, FakeTensor):
        return False
    n_rows, n_heads, _, width = q.shape
    # Indices of 32 bits, and the 65535 blocks of a launch: no more than what is known to be safe.
    indexed = max(n_rows * n_heads * max(bias.shape[1:]) * width, bias.numel()) < 2**31
    fits = width in _WIDTHS.get(q.dtype, ()) and indexed and n_rows * n_heads < 2**16
    return fits and 0 not in (q.numel(), bias.numel()) and _proven(q.device, q.dtype, width)


def attention(q: Tensor, k: Tensor, v: Tensor, bias: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
    """Return `softmax(q·k + bias) v` over the keys present, and its natural log-sum-exp.

    Parameters
    ----------
    q : Tensor
        Scaled queries (B, H, Q, C).
    k, v : Tensor
        Keys and values (B, H, K, C).
    bias : Tensor
        (H, Q, K), the same for all of the batch.
    present : Tensor
        Which keys (B, K) count. Where none does, the result is the mean of all values, as for a softmax of
        equal logits, and the log-sum-exp is not to be used.

    Returns
    -------
    tuple of Tensor
        (B, H, Q, C) in the dtype of q, and (B, H, Q) in fp32.
    """
    return _in_pieces(_load(), q, k, v, bias, present)


def _in_pieces(
    kernel: Kernel, q: Tensor, k: Tensor, v: Tensor, bias: Tensor, present: Tensor
) -> tuple[Tensor, Tensor]:
    out, lse = q.new_empty(q.shape), q.new_empty(q.shape[:-1], dtype=torch.float32)
    shared = bias.float().contiguous()[None, None]
    step = math.ceil(len(q) / _PIECES)
    # The kernel would cast operands that are in fp32 on purpose to the type of an autocast region.
    with torch.autocast(q.device.type, enabled=False):
        for a in range(0, len(q), step):
            rows = slice(a, a + step)
            operands = (x[None, rows] for x in (q, k, v))
            mask = present[None, rows, None, None]
            out_1, lse_1, _ = kernel(*operands, shared, mask=mask, scale=1.0, return_aux=True)
            some = present[rows].any(dim=1)[:, None, None, None]
            out[rows] = torch.where(some, out_1[0], v[rows].mean(dim=2, keepdim=True))
            lse[rows] = lse_1[0]
    return out, lse


def _load() -> Kernel:
    from cuequivariance_torch import triangle_attention

    kernel: Kernel = triangle_attention
    return kernel


@cache
def _proven(device: torch.device, dtype: torch.dtype, width: int) -> bool:
    """Say whether the package is there and right; where it is there and wrong, say so on stderr."""
    if find_spec(_PACKAGE) is None:
        return False
    try:
        fault = _fault(_load(), device, dtype, width)
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # whatever a foreign binary raises on a GPU or driver that it does not know
        fault = f"{type(error).__name__}: {error}"
    if fault:
        print(
            f"foldcp: the cuEquivariance kernel is not used for {width} channels in {dtype} on {device}, "
            f"torch's is: {fault}",
            file=sys.stderr,
        )
    return fault is None


def _fault(kernel: Kernel, device: torch.device, dtype: torch.dtype, width: int) -> str | None:
    """Return what is wrong with the kernel's answer to a small random case; None if nothing is."""
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator).to(device, dtype)

    n_rows, n_heads, n_queries, n_keys = 10, 2, 67, 203  # several pieces and tiles, none of them full
    q = normal(n_rows, n_heads, n_queries, width) / math.sqrt(width)
    k, v = (normal(n_rows, n_heads, n_keys, width) for _ in range(2))
    bias = normal(n_heads, n_queries, n_keys)
    present = (torch.rand(n_rows, n_keys, generator=generator) < 0.7).to(device)
    present[0], present[1] = True, False
    out, lse = _in_pieces(kernel, q, k, v, bias, present)
    right, right_lse = _written_out(q, k, v, bias, present)
    for name, got, expected in (("values", out, right), ("log-sum-exp", lse[present.any(1)], right_lse)):
        error = (got.float() - expected).abs().max().item()
        if not error <= _TOLERANCE[dtype]:  # NaN is a fault, too
            return f"in a trial its {name} were wrong by {error:.2g}, where {_TOLERANCE[dtype]:g} is rounding"
    return None


def _written_out(q: Tensor, k: Tensor, v: Tensor, bias: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
    """Return the attention in fp32 by its definition, and the log-sum-exp of rows that have a key."""
    with torch.autocast(q.device.type, enabled=False):
        logits = q.float() @ k.float().mT + bias.float()
        logits = logits.masked_fill(~present[:, None, None], -1e9)
        return logits.softmax(-1) @ v.float(), logits[present.any(1)].logsumexp(-1)

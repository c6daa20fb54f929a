"""Attention over keys that arrive in chunks: partial results that know how to merge.

Each chunk gives `(out, max, sum)` in fp32: the weighted values and the sum of weights, both relative to the
largest logit. Two of them merge exactly:

    m = max(m₁, m₂);  wᵢ = exp(mᵢ - m);  sum = Σ wᵢ sumᵢ;  out = Σ wᵢ outᵢ;  result = out / sum.

The maximum is kept beside the sum, for a plain log-sum-exp loses it where all keys are masked: in fp32 `-1e9
+ log n` is `-1e9` for every n, and chunks of unequal length would weigh the same.

Source: Milakov & Gimelshein 2018 (online softmax); Dao et al. 2022 (blockwise attention).
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import linear, pad

from foldcp.ops import kernels
from foldcp.ops.precision import working_dtype


def spare(dtype: torch.dtype) -> int:
    """Return the spare channels of each head, zero in q, k and v, where the mask rides.

    16 bytes of them: the kernels want rows aligned to that.
    """
    return 16 // dtype.itemsize


class Partial(NamedTuple):
    """Attention over some of the keys: `out` (…, Q, D), `max` and `sum` (…, Q)."""

    out: Tensor
    max: Tensor
    sum: Tensor

    def result(self) -> Tensor:
        """Return the attention: values averaged with softmax weights."""
        return (
            self.out / self.sum[..., None] if torch.is_grad_enabled() else self.out.div_(self.sum[..., None])
        )


def merge(past: Partial | None, now: Partial) -> Partial:
    """Return the attention over the keys of both; `past` (None: no keys yet) is overwritten at inference."""
    if past is None:
        return now
    top = torch.maximum(past.max, now.max)
    w_past, w_now = (past.max - top).exp(), (now.max - top).exp()
    total = past.sum * w_past + now.sum * w_now
    w_past, w_now = w_past[..., None], w_now[..., None]
    if torch.is_grad_enabled():
        return Partial(past.out * w_past + now.out * w_now, top, total)
    return Partial(past.out.mul_(w_past).addcmul_(now.out, w_now), top, total)


def project_heads(x: Tensor, weight: Tensor, n_heads: int, scale: float = 1.0) -> Tensor:
    """Project channels to heads with spare zero channels each: (B, K, D) to (B, H, K, C + spare)."""
    per_head = pad(weight.unflatten(0, (n_heads, -1)) * scale, (0, 0, 0, spare(working_dtype(weight))))
    return linear(x, per_head.flatten(0, 1)).unflatten(-1, (n_heads, -1)).transpose(1, 2)


def attend(q: Tensor, k: Tensor, v: Tensor, bias: Tensor, mask: Tensor, inf: float) -> Partial:
    """Return the partial attention `softmax(q·k + bias + inf (mask - 1)) v` over the keys given.

    Parameters
    ----------
    q : Tensor
        Scaled queries (B, H, Q, C + spare) of `project_heads`; the spare channels are overwritten.
    k, v : Tensor
        Keys and values (B, H, K, C + spare), likewise.
    bias : Tensor
        (H, Q, K), the same for all of the batch.
    mask : Tensor
        Keys (B, K): 1 is present, 0 masked.
    inf : float
        What a masked key's logit loses, the serial layer's own number.

    Returns
    -------
    Partial
        With `out` (B, H, Q, C), without the spare channels.
    """
    if fused(q):
        return _fused(q, k, v, bias, mask, inf)
    logits = (q @ k.transpose(-1, -2)).float() + bias + (inf * (mask - 1))[:, None, None, :]
    return softmax_partial(logits, v[..., : -spare(v.dtype)].float())


def softmax_partial(logits: Tensor, v: Tensor) -> Partial:
    """Return the partial attention of explicit logits (…, Q, K) over values (…, K, D)."""
    top = logits.amax(dim=-1)
    weights = (logits - top[..., None]).exp_()
    return Partial(weights @ v, top, weights.sum(dim=-1))


def fused(q: Tensor) -> bool:
    """Say whether a kernel that returns the log-sum-exp serves: on a CPU or a GPU, without gradients.

    The kernels' own backward leaves out the gradient of the log-sum-exp, which the merge needs.
    """
    kernels = {"cpu", "cuda"} if q.dtype in (torch.float32, torch.bfloat16) else set()
    return q.device.type in kernels and not torch.is_grad_enabled()


def _fused(q: Tensor, k: Tensor, v: Tensor, bias: Tensor, mask: Tensor, inf: float) -> Partial:
    """Return `attend` by a kernel, which never stores logits."""
    first = -spare(q.dtype)
    if kernels.serves(q[..., :first], bias):
        out, lse = kernels.attention(q[..., :first], k[..., :first], v[..., :first], bias, mask != 0)
    else:
        out, lse = _by_torch(q, k, v, bias, inf * (mask - 1))
    present = mask.any(dim=-1)[:, None, None]
    top = torch.where(present, lse, -inf)
    total = torch.where(present, 1.0, float(k.shape[2])).expand_as(top)
    return Partial(out.float() * total[..., None], top, total)


def _by_torch(q: Tensor, k: Tensor, v: Tensor, bias: Tensor, masked: Tensor) -> tuple[Tensor, Tensor]:
    """Return values and log-sum-exp by a kernel of torch, which takes one bias.

    Bias plus mask would be (B, H, Q, K), as large as the logits. So the mask rides in a channel of its own:
    q gets 1 there and k gets `masked` (B, K), which adds the same number to the same logit.
    """
    first = -spare(q.dtype)
    q[..., first] = 1
    k[..., first] = masked[:, None, :]
    kernel = _on_cpu if q.device.type == "cpu" else _on_gpu
    out, lse = kernel(q, k, v, bias)
    return out[..., :first], lse


def _on_cpu(q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    kernel = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    shared = bias.to(q.dtype).contiguous().expand(len(q), -1, -1, -1)
    out, lse = kernel(q, k, v, attn_mask=shared, scale=1.0)
    return out, lse


def _on_gpu(q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    # The kernel wants rows of the bias to start at multiples of 16 bytes, and rounds the queries of its
    # log-sum-exp up to its own block.
    keys = k.shape[2]
    aligned = bias.new_empty(*bias.shape[:2], -(-keys // 16) * 16, dtype=q.dtype)[..., :keys].copy_(bias)
    kernel = torch.ops.aten._scaled_dot_product_efficient_attention
    out, lse, _, _ = kernel(q, k, v, aligned.expand(len(q), -1, -1, -1), True, scale=1.0)
    return out, lse[..., : q.shape[2]]

"""cuEquivariance's kernel behind `attend`: how it is called, when it goes unused; on a GPU the real one.

Without a GPU the package does not even load (it links to the driver), so most tests put a function with its
documented meaning in its place, on the CPU: any boolean mask, a logit of -1e9 where that is False.
"""

import math
from functools import partial

import pytest
import torch
from boltz.model.layers.triangular_attention.attention import (
    TriangleAttentionEndingNode,
    TriangleAttentionStartingNode,
)
from ops.cases import D, N, build, pair_inputs
from torch._subclasses.fake_tensor import FakeTensorMode

from foldcp.mesh import Budget, Mesh, Place
from foldcp.ops import kernels, triangle_attention

calls = []


def documented(q, k, v, bias, mask, scale, return_aux, *, lse_base=math.e, hidden=-1e9, wrong=None):
    """What the package documents; `wrong` and the other numbers make it another function."""
    assert return_aux and scale == 1.0
    assert q.shape[-1] == v.shape[-1] and mask.shape == (*k.shape[:2], 1, 1, k.shape[3])
    assert bias.shape == (1, 1, *q.shape[2:4], k.shape[3]) and bias.is_contiguous()
    calls.append(q.shape[1])
    if wrong == "scale":
        q = q / math.sqrt(q.shape[-1])
    logits = q.float() @ k.float().mT + bias * (wrong != "bias")
    logits = logits.masked_fill(~mask, hidden)
    out, lse = logits.softmax(-1) @ v.float(), logits.logsumexp(-1) / math.log(lse_base)
    if wrong == "empty rows":
        out, lse = (torch.where(mask.any(-1, keepdim=True), x, torch.nan) for x in (out, lse[..., None]))
        lse = lse[..., 0]
    if wrong == "raises":
        raise RuntimeError("no kernel image is available for execution on the device")
    return out.to(q.dtype), lse, logits.amax(-1)


@pytest.fixture
def put(monkeypatch):
    """Put a function in the place of the package, and the CPU in that of a GPU."""

    def put(kernel):
        monkeypatch.setattr(kernels, "find_spec", lambda name: object())
        monkeypatch.setattr(kernels, "_load", lambda: kernel)

    monkeypatch.setattr(kernels, "DEVICE", "cpu")
    kernels._proven.cache_clear()
    calls.clear()
    yield put
    kernels._proven.cache_clear()


def folded(kind=TriangleAttentionStartingNode, width=8, on=True):
    """Return the relative error of triangle attention on one rank against the serial layer."""
    layer, (z, mask) = build(kind, D, width, 3), pair_inputs()
    with torch.no_grad(), kernels.allowed(on):
        expected = z + layer(z[None], mask[None])[0]
        got = triangle_attention(layer, z.clone(), mask, Place(Mesh.create(1, 1), N, Budget(10**7)))
    return ((got - expected).abs().max() / expected.abs().max()).item()


@pytest.mark.parametrize("kind", [TriangleAttentionStartingNode, TriangleAttentionEndingNode])
@pytest.mark.parametrize("wrong", [None, "empty rows"])  # NaN where no key is present is allowed
def test_with_the_kernel_equal_to_serial(put, kind, wrong, capsys):
    put(partial(documented, wrong=wrong))
    assert folded(kind) < 5e-6
    assert len(calls) > kernels._PIECES  # beyond those of the trial
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("kernel", "fault"),
    [
        (partial(documented, lse_base=2), "its log-sum-exp were wrong by"),
        (partial(documented, wrong="bias"), "its values were wrong by"),
        (partial(documented, wrong="scale"), "its values were wrong by"),
        (partial(documented, hidden=-1.0), "its values were wrong by"),
        (partial(documented, hidden=math.nan), "its values were wrong by nan"),
        (partial(documented, wrong="raises"), "RuntimeError: no kernel image is available"),
    ],
)
def test_a_wrong_kernel_goes_unused_and_is_said_so_once(put, kernel, fault, capsys):
    put(kernel)
    assert folded() < 5e-6
    said = capsys.readouterr().err
    assert said.count("foldcp: the cuEquivariance kernel is not used") == 1
    assert "8 channels in torch.float32 on cpu" in said and fault in said
    used = len(calls)
    assert folded() < 5e-6
    assert len(calls) == used and capsys.readouterr().err == ""


def test_running_out_of_memory_in_the_trial_is_no_verdict_about_the_kernel(put):
    def full(*_, **__):
        raise torch.OutOfMemoryError

    put(full)
    with pytest.raises(torch.OutOfMemoryError):
        folded()


def test_unused_unless_allowed_and_within_its_limits(put):
    put(documented)
    assert folded(on=False) < 5e-6
    assert folded(width=6) < 5e-6  # no multiple of 4
    assert folded(width=36) < 5e-6
    assert calls == []


@pytest.mark.parametrize(
    ("rows", "heads", "tokens", "width", "dtype"),
    [
        (1, 4, 30_000, 32, torch.bfloat16),  # a bias of 3.6e9 numbers
        (20_000, 4, 100, 32, torch.bfloat16),  # 80 000 blocks of a launch
        (4, 4, 100, 48, torch.float32),
        (4, 4, 100, 12, torch.bfloat16),
        (4, 4, 100, 16, torch.float64),
        (4, 4, 0, 16, torch.float32),
    ],
)
def test_limits(put, rows, heads, tokens, width, dtype):
    put(documented)
    one = torch.empty(1, dtype=dtype)
    q, bias = one.expand(rows, heads, tokens, width), one.expand(heads, tokens, tokens)
    with kernels.allowed(True):
        assert not kernels.serves(q, bias)
        assert kernels.serves(one.expand(4, 4, 100, 16), one.expand(4, 100, 100)) or dtype == torch.float64


def test_an_autocast_region_does_not_reach_the_kernel(put):
    """It would cast fp32 operands; and the trial would compare with products in bf16."""

    def noticing(q, *args, **kwargs):
        assert not torch.is_autocast_enabled("cpu")
        return documented(q, *args, **kwargs)

    put(noticing)
    with torch.autocast("cpu", torch.bfloat16):
        assert folded() < 2e-2  # bf16, by the outer region
    assert calls


def test_allowed_ends_with_its_block(put):
    put(documented)
    q, bias = torch.zeros(1, 1, 4, 8), torch.zeros(1, 4, 4)
    with pytest.raises(ZeroDivisionError), kernels.allowed(True):
        assert kernels.serves(q, bias)
        raise ZeroDivisionError
    assert not kernels.serves(q, bias)


def test_a_trace_of_memory_on_fake_tensors_does_not_reach_for_the_kernel(put):
    put(documented)
    with FakeTensorMode(), kernels.allowed(True):
        assert not kernels.serves(torch.empty(1, 1, 4, 8), torch.empty(1, 4, 4))
    with kernels.allowed(True):
        assert kernels.serves(torch.empty(1, 1, 4, 8), torch.empty(1, 4, 4))  # no trial has failed meanwhile


def test_without_the_package_nothing_is_said(put, monkeypatch, capsys):
    monkeypatch.setattr(kernels, "find_spec", lambda name: None)
    assert folded() < 5e-6
    assert capsys.readouterr().err == ""


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_the_real_kernel_proves_itself(dtype):
    if not torch.cuda.is_available():
        pytest.skip("torch sees no GPU, and the package loads only with a GPU's driver")
    pytest.importorskip("cuequivariance_torch", reason="the extra gpu is not installed")
    assert kernels._fault(kernels._load(), torch.device("cuda"), dtype, 32) is None

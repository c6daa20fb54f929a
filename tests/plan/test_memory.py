"""The memory model against what serial Boltz-2 was measured to need."""

from dataclasses import replace

import pytest

from foldcp.plan.gpus import get_gpu
from foldcp.plan.memory import COEFFICIENTS, peak_bytes, stage_bytes
from foldcp.plan.mesh import Mesh
from foldcp.plan.workload import Size, Workload

BF16 = Workload()


def _ceiling(workload: Workload) -> int:
    limit = get_gpu("h100-80gb").usable_bytes
    return max(n for n in range(1000, 5000, 10) if peak_bytes(Size(n, 8 * n), workload, Mesh()) <= limit)


def test_serial_ceiling_on_80_gb_is_the_observed_one():
    assert 2000 <= _ceiling(replace(BF16, precision="fp32")) < _ceiling(BF16) <= 3500


def test_pair_cost_is_five_to_thirteen_kilobytes():
    for precision, low, high in (("bf16-mixed", 6e3, 9e3), ("fp32", 9e3, 13e3)):
        workload = replace(BF16, precision=precision)
        per_pair = (
            peak_bytes(Size(4000, 0), workload, Mesh()) - peak_bytes(Size(2000, 0), workload, Mesh())
        ) / (4000**2 - 2000**2)
        assert low < per_pair < high


@pytest.mark.parametrize("mesh", [Mesh(1, 2), Mesh(2, 2), Mesh(2, 3)])
def test_pairs_are_tiled(mesh):
    size = Size(6000, 0)
    whole, tiled = (peak_bytes(size, BF16, m) - peak_bytes(Size(6, 0), BF16, m) for m in (Mesh(), mesh))
    assert tiled == pytest.approx(whole / mesh.ranks, rel=1e-2)


def test_uneven_blocks_are_rounded_up():
    assert peak_bytes(Size(1001, 0), BF16, Mesh(2, 2)) > peak_bytes(Size(1000, 0), BF16, Mesh(2, 2))
    assert peak_bytes(Size(1001, 0), BF16, Mesh(1, 2)) > peak_bytes(Size(1000, 0), BF16, Mesh(1, 2))


@pytest.mark.parametrize(
    ("more", "what"),
    [(Size(2000, 16000, 8192), "alignment"), (Size(2000, 10**7), "atoms"), (Size(3000, 16000), "tokens")],
)
def test_peak_grows_with(more, what):
    assert peak_bytes(more, BF16, Mesh()) > peak_bytes(Size(2000, 16000), BF16, Mesh()), what


def test_samples_cost_logits():
    size = Size(2000, 16000)
    five = peak_bytes(size, replace(BF16, samples=5), Mesh())
    assert five - peak_bytes(size, BF16, Mesh()) == 4 * 512 * 2000**2


def test_alignment_rows_over_boltz_limit_cost_nothing():
    assert peak_bytes(Size(500, 4000, 8192), BF16, Mesh()) == peak_bytes(
        Size(500, 4000, 99_999), BF16, Mesh()
    )


def test_every_precision_and_stage():
    stages = stage_bytes(Size(500, 4000, 100), BF16, Mesh())
    assert list(stages) == ["template", "msa", "pairformer", "conditioning", "diffusion", "confidence"]
    assert set(COEFFICIENTS) == {"fp32", "bf16-mixed", "bf16"}

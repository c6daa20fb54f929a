"""The plan's memory model: traced coefficients, and what a rank holds."""

from dataclasses import replace

import pytest

from foldcp.plan.gpus import get_gpu
from foldcp.plan.memory import MAX_MSA_ROWS, coefficients, held, peak_bytes, stage_bytes
from foldcp.plan.mesh import Mesh, squarest
from foldcp.plan.time import predicted_seconds
from foldcp.plan.workload import Size, Workload

MIXED = Workload()
LIMIT = get_gpu("h100-80gb").usable_bytes


def _fits(n: int, workload: Workload, mesh: Mesh) -> bool:
    return peak_bytes(Size(n, 8 * n, 1024), workload, mesh) <= LIMIT


def test_what_the_issue_asks_of_gpus_of_80_gb():
    assert _fits(6500, MIXED, Mesh())
    assert not _fits(9000, MIXED, Mesh())
    assert _fits(32_768, MIXED, squarest(64))


def test_bytes_per_pair_of_each_precision():
    per_pair = {}
    for precision in ("fp32", "bf16-mixed", "bf16"):
        workload = replace(MIXED, precision=precision)
        small, large = (peak_bytes(Size(n, 8 * n, 1024), workload, Mesh()) for n in (4000, 8000))
        per_pair[precision] = (large - small) / (8000**2 - 4000**2)
    assert per_pair["bf16"] < per_pair["bf16-mixed"] < per_pair["fp32"]
    assert per_pair["bf16-mixed"] <= 1800
    assert per_pair["bf16"] <= 1100  # the goal is 1000 without the alignment of 1024 rows


def test_a_larger_budget_takes_more():
    size = Size(4000, 32_000, 1024)
    peaks = [
        peak_bytes(size, replace(MIXED, budget=budget), Mesh()) for budget in ("small", "medium", "large")
    ]
    assert peaks == sorted(set(peaks))


@pytest.mark.parametrize("mesh", [Mesh(1, 2), Mesh(2, 2), Mesh(2, 3)])
def test_pairs_alignment_and_atoms_are_tiled(mesh):
    size = Size(6000, 48_000, 1200)
    whole, tiled = held(size, 1, Mesh()), held(size, 1, mesh)
    assert tiled["pairs_on_mesh"] * mesh.ranks == pytest.approx(whole["pairs_alone"], rel=1e-2)
    assert tiled["pairs_alone"] == whole["pairs_on_mesh"] == 0
    assert tiled["alignment_on_mesh"] * mesh.ranks == pytest.approx(whole["alignment_alone"], rel=1e-2)
    assert tiled["alignment_alone"] == whole["alignment_on_mesh"] == 0
    assert tiled["atoms"] * mesh.ranks == pytest.approx(whole["atoms"], rel=1e-2)
    for kind in ("tokens", "coordinates"):
        assert tiled[kind] == whole[kind]


def test_uneven_blocks_are_rounded_up():
    assert held(Size(1001, 0), 1, Mesh(2, 2))["pairs_on_mesh"] == 501**2
    assert held(Size(1001, 0), 1, Mesh(1, 2))["pairs_on_mesh"] == 1001 * 501
    assert held(Size(10, 33), 1, Mesh(1, 2))["atoms"] == 32


@pytest.mark.parametrize(
    ("more", "what"),
    [(Size(2000, 16000, 8192), "alignment"), (Size(2000, 10**7), "atoms"), (Size(3000, 16000), "tokens")],
)
def test_peak_grows_with(more, what):
    assert peak_bytes(more, MIXED, Mesh()) > peak_bytes(Size(2000, 16000), MIXED, Mesh()), what


def test_samples_cost_something():
    size = Size(2000, 16000)
    assert peak_bytes(size, replace(MIXED, samples=5), Mesh()) >= peak_bytes(size, MIXED, Mesh())
    assert held(size, 5, Mesh())["pairs_if_several"] == 2000**2
    assert held(size, 1, Mesh())["pairs_if_several"] == 0


def test_alignment_rows_over_boltz_limit_cost_nothing():
    from boltz.data import const

    assert const.max_msa_seqs == MAX_MSA_ROWS
    below, at, above = (
        peak_bytes(Size(500, 4000, MAX_MSA_ROWS + more), MIXED, Mesh()) for more in (-1, 0, 99)
    )
    assert below < at == above
    seconds = [
        predicted_seconds(Size(500, 4000, MAX_MSA_ROWS + more), MIXED, Mesh(), get_gpu("h100-80gb"))
        for more in (-1, 0, 99)
    ]
    assert seconds[0] < seconds[1] == seconds[2]


def test_every_precision_budget_and_stage():
    stages = coefficients()["stages"]
    assert set(stages) == {"fp32", "bf16-mixed", "bf16"}
    assert all(set(budgets) == {"small", "medium", "large"} for budgets in stages.values())
    names = {"templates", "alignment", "pairformer", "conditioning", "diffusion", "confidence"}
    assert names <= set(stage_bytes(Size(500, 4000, 100), MIXED, Mesh()))

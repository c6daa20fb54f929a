"""The fit of the plan's coefficients, and the committed ones against a fresh trace."""

from dataclasses import replace

import pytest

from foldcp.plan.depth import at_most, rows_that_fit
from foldcp.plan.gpus import get_gpu
from foldcp.plan.memory import MAX_MSA_ROWS, peak_bytes
from foldcp.plan.mesh import Mesh
from foldcp.plan.workload import Size, Workload
from foldcp.trace import Case, Stage, Traced, trace
from foldcp.trace.fit import POINTS, amounts, fit, predicted

PLANTED = {
    "alignment": {
        "pairs_alone": 1500.0,
        "pairs_on_mesh": 1400.0,
        "alignment_alone": 600.0,
        "alignment_on_mesh": 700.0,
        "rank": 3e6,
    },
    "diffusion": {"pairs_alone": 900.0, "pairs_on_mesh": 950.0, "pairs_if_several": 70.0, "atoms": 9000.0},
}


def planted(case):
    of = amounts(case)
    stages = {name: sum(x * of[kind] for kind, x in stage.items()) for name, stage in PLANTED.items()}
    return Traced(case, 0, tuple(Stage(name, 0, int(peak)) for name, peak in stages.items()), ())


def test_fit_recovers_what_was_planted():
    table = fit(planted(Case(**point)) for point in POINTS)
    for name, stage in PLANTED.items():
        for kind, x in stage.items():
            assert table[name][kind] == pytest.approx(x, rel=0.05), (name, kind)
    unseen = Case(n_tokens=2222, n_atoms=20_000, n_sequences=333, n_samples=4, mesh=(1, 2))
    assert predicted(table, unseen) == pytest.approx(planted(unseen).activations, rel=0.01)


def test_the_peak_planned_for_a_cut_alignment_is_the_one_traced():
    size, gpu = Size(6400, 51_200, MAX_MSA_ROWS), get_gpu("h100-80gb")
    rows = rows_that_fit(size, Workload(), Mesh(), gpu.usable_bytes)
    assert 2048 < rows < MAX_MSA_ROWS
    traced = trace(Case(size.tokens, size.atoms, rows))
    assert peak_bytes(at_most(size, rows), Workload(), Mesh()) == pytest.approx(traced.total, rel=0.05)
    assert traced.total == pytest.approx(gpu.usable_bytes, rel=0.05)


@pytest.mark.parametrize(
    ("precision", "case"),
    [
        ("bf16-mixed", Case(n_tokens=2500, n_atoms=20_000, n_sequences=700, mesh=(1, 2))),
        ("fp32", Case(n_tokens=1800, n_atoms=16_000, n_sequences=1500, n_samples=3)),
        ("bf16-mixed", Case(n_tokens=1200, n_atoms=9_600, n_sequences=16_384)),
        ("bf16-mixed", Case(n_tokens=3600, n_atoms=28_800, n_sequences=14_000, mesh=(2, 3))),
    ],
)
def test_committed_coefficients_are_those_of_this_code(precision, case):
    """If this fails after a change of the model's code: python -m foldcp.trace --write."""
    traced = trace(replace(case, precision=precision))
    workload = Workload(samples=case.n_samples, precision=precision)
    size = Size(case.n_tokens, case.n_atoms, case.n_sequences)
    assert peak_bytes(size, workload, Mesh(*case.mesh)) == pytest.approx(traced.total, rel=0.05)

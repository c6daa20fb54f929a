"""Whole inference on every mesh against the unchanged serial Boltz-2: structures, scores, errors."""

import functools

import pytest
import torch
from model import oracle
from model.cases import compact_of, complex_batch, tiny_model

from foldcp.errors import UsageError
from foldcp.mesh import Mesh
from foldcp.model.fold import Boltz2OnMesh, Options
from foldcp.ops import kernels

MESHES = [(1, 1), (1, 2), (2, 1), (2, 2), (1, 3), (2, 3), (3, 2)]
SEED, STEPS = 11, 20
ANGSTROM = 1e-3
"""fp32 rounding through 20 steps; what is seen is 3e-5 Å on coordinates of up to 40 Å."""
SCORE = 1e-4
"""The issue's limit; what is seen is 2e-7 on scores, 3e-5 Å on predicted errors of up to 32 Å."""
CASES = {
    "everything": {},
    "no template, one sequence": {"n_templates": 0, "n_sequences": 1, "seed": 1, "contacts": False},
}


@functools.cache
def expected(case):
    return oracle.serial(tiny_model(), complex_batch(**CASES[case]), SEED, 1, STEPS)


def folded(mesh, case, breakage=None, **options):
    """Return the largest difference of coordinates, and of scores and errors, from the oracle's."""
    model, truth = tiny_model(), options.pop("truth")
    features = compact_of(complex_batch(**CASES[case]))
    seed = SEED + (breakage == "seed")
    if breakage == "weight" and mesh.everyone.index == mesh.size - 1:
        layer = model.structure_module.score_model.token_transformer.layers[1].adaln.s_scale
        kept, layer.weight.data = layer.weight.data, layer.weight.data + 0.05
    rows = {}
    try:
        predicted = Boltz2OnMesh(model, mesh).fold(
            features,
            [seed],
            Options(recycles=1, steps=STEPS, **options),
            errors=lambda kind, sample, _, block: rows.setdefault(kind, []).append(block),
        )
    finally:
        if breakage == "weight" and mesh.everyone.index == mesh.size - 1:
            layer.weight.data = kept
    got = vars(predicted.confidence[0]) | {kind: torch.cat(blocks) for kind, blocks in rows.items()}
    got["b_factors"] = predicted.b_factors
    names = ["pair_chains_iptm", "pae", "pde", "b_factors", *oracle.SCORES]
    scores = max((got[name] - truth[name]).abs().max().item() for name in names)
    return (predicted.coordinates[0] - truth["coordinates"]).abs().max().item(), scores


@pytest.mark.parametrize(
    ("shape", "case"),
    [(shape, "everything") for shape in MESHES] + [((2, 3), "no template, one sequence")],
    ids=str,
)
def test_structures_and_scores_equal_those_of_serial_boltz(pool, shape, case):
    for coordinates, scores in pool.run(functools.partial(folded, truth=expected(case)), shape, case):
        assert coordinates < ANGSTROM
        assert scores < SCORE


@pytest.mark.parametrize("breakage", ["seed", "weight"])
def test_another_seed_or_one_other_weight_is_noticed(pool, breakage):
    truth = expected("everything")
    results = pool.run(functools.partial(folded, truth=truth, breakage=breakage), (2, 2), "everything")
    assert min(coordinates for coordinates, _ in results) > 10 * ANGSTROM
    assert min(scores for _, scores in results) > 10 * SCORE


def two_samples(mesh, budget):
    model, features = tiny_model(), compact_of(complex_batch())
    options = Options(recycles=0, steps=4, budget=budget)
    both = Boltz2OnMesh(model, mesh).fold(features, [3, 5], options)
    alone = Boltz2OnMesh(model, mesh).fold(features, [5], options)
    return [
        (both.coordinates[1] - alone.coordinates[0]).abs().max().item(),
        (both.confidence[1].plddt - alone.confidence[0].plddt).abs().max().item(),
    ]


@pytest.mark.parametrize("budget", ["small", "large"])
def test_a_sample_is_the_same_alone_and_beside_others(pool, budget):
    for coordinates, plddt in pool.run(two_samples, (1, 2), budget):
        assert coordinates < ANGSTROM
        assert plddt < SCORE


@pytest.mark.parametrize("wanted", [True, False])
def test_kernels_are_allowed_where_the_options_say_so(monkeypatch, wanted):
    seen = set()
    monkeypatch.setattr(kernels, "serves", lambda q, bias: seen.add(kernels._allowed))
    options = Options(recycles=0, steps=2, kernels=wanted)
    Boltz2OnMesh(tiny_model(), Mesh.create(1, 1)).fold(compact_of(complex_batch()), [3], options)
    assert seen == {wanted}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"affinity_prediction": True}, "affinity"),
        ({"steering_args": {"fk_steering": True}}, "steering by potentials"),
        ({"steering_args": {"physical_guidance_update": True}}, "steering by potentials"),
    ],
)
def test_what_a_mesh_does_not_do_is_said(monkeypatch, change, said):
    model = tiny_model()
    for name, value in change.items():
        monkeypatch.setattr(model, name, value)
    with pytest.raises(UsageError, match="not supported on a mesh yet") as error:
        Boltz2OnMesh(model, Mesh.create(1, 1))
    assert said in str(error.value)

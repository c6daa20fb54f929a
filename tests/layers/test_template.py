"""The template module on tiles against both versions of the serial one."""

import pytest
import torch
from boltz.model.modules.trunkv2 import TemplateModule as SerialV1
from boltz.model.modules.trunkv2 import TemplateV2Module as SerialV2
from model.cases import compact_of, complex_batch
from ops.cases import build, normal, own, random_mask, tile

from foldcp.layers.template import TemplateModule
from foldcp.mesh import Mesh, Place, peak_live_bytes

D, C = 16, 8
TOLERANCE = 1e-5
"""fp32 rounding through two blocks of five layers, and the mean over templates."""


def serial_layer(kind):
    return build(kind, D, C, 2, pairwise_head_width=8, pairwise_num_heads=3)


def inputs(n_templates, seed=0):
    batch = complex_batch(n_templates=n_templates, seed=seed)
    n = batch["asym_id"].shape[1]
    # A batch of templates is as long as the most of any complex has; the rest is empty.
    if n_templates > 1:
        batch["template_mask"][0, 1] = 0
    return batch, normal(n, n, D, seed=1), random_mask(n, n, seed=2)


def error(mesh, kind, n_templates, breakage=None):
    layer, (batch, z, mask) = serial_layer(kind), inputs(n_templates)
    features = compact_of(batch)
    with torch.no_grad():
        expected = tile(z + layer(z[None], batch, mask[None])[0], mesh)
        if breakage and mesh.everyone.index == mesh.size - 1:
            getattr(features.templates, breakage).zero_()
        place = Place.create(mesh, len(z), "small")
        got = TemplateModule(layer)(own(z, mesh), features, own(mask, mesh), place)
    return ((got - expected).abs().max() / expected.abs().max()).item()


@pytest.mark.parametrize("kind", [SerialV2, SerialV1])
@pytest.mark.parametrize("shape", [(1, 1), (2, 3)], ids=str)
@pytest.mark.parametrize("n_templates", [1, 3])
def test_equal_to_serial(pool, kind, shape, n_templates):
    assert max(pool.run(error, shape, kind, n_templates)) < TOLERANCE


FEATURES = ["res_type", "cb", "ca", "mask_cb", "frame_rot", "frame_t", "mask_frame", "visibility"]


@pytest.mark.parametrize("name", FEATURES)
def test_each_feature_counts(pool, name):
    assert max(pool.run(error, (1, 2), SerialV2, 3, name)) > 1e-4


@pytest.mark.parametrize("kind", [SerialV2, SerialV1])
def test_without_a_template_boltz_adds_exactly_zero_and_the_mesh_nothing(kind):
    layer, (batch, z, mask) = serial_layer(kind), inputs(0)
    with torch.no_grad():
        assert torch.equal(layer(z[None], batch, mask[None])[0], torch.zeros_like(z))
        place, before = Place.create(Mesh.create(1, 1), len(z), "small"), z.clone()
        brick = TemplateModule(layer)
        got, peak = peak_live_bytes(brick, z, compact_of(batch), mask, place)
    assert torch.equal(got, before)
    assert peak == 0


def peak_per_pair(mesh, n_templates):
    layer = build(SerialV2, 128, 64, 1)
    batch = complex_batch(((89, 0, 0, "PROTEIN"), (66, 1, 0, "PROTEIN")), n_templates=n_templates)
    features, n = compact_of(batch), 155
    z, ones = normal(n, n, 128, seed=1), torch.ones(n, n)
    place = Place.create(mesh, n, "small")
    z, ones = own(z, mesh), own(ones, mesh)
    peak = peak_live_bytes(TemplateModule(layer), z, features, ones, place)[1]
    return peak / ones.numel()


@pytest.mark.parametrize("shape", [(1, 1), (2, 2)], ids=str)
@pytest.mark.parametrize(("n_templates", "tiles"), [(1, 2), (2, 3), (5, 3)])
def test_memory(pool, shape, n_templates, tiles):
    """A template's tile of 256 bytes, its product, the sum if there are several; and the budget of 256."""
    assert max(pool.run(peak_per_pair, shape, n_templates)) < 256 * (tiles + 1) * 1.1

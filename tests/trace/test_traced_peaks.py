"""What is traced against what real tensors take: layers at released widths, and a whole small inference."""

import sys
from contextlib import nullcontext
from dataclasses import replace
from functools import partial

import pytest
import torch
from boltz.model.layers import pairformer
from boltz.model.modules import trunkv2
from model.cases import tiny_model, tiny_sizes

from foldcp.layers import MSALayer, PairformerLayer
from foldcp.mesh import LiveBytes, Place
from foldcp.mesh.cuts import size
from foldcp.model.fold import Boltz2OnMesh, Options
from foldcp.trace import Case, trace
from foldcp.trace.alike import alike_once
from foldcp.trace.complexes import protein_complex
from foldcp.trace.fake_gpu import GPU, fake_gpu
from foldcp.trace.fake_mesh import fake_mesh

N, S, DEEP = 128, 32, 1500
"""Tokens; rows of an alignment beside which the pairs count, and of one that outweighs them."""


def pairformer_peak(mesh, device, live):
    layer = PairformerLayer(pairformer.PairformerLayer(384, 128, 16, v2=True).eval().to(device))
    z = torch.zeros(size(mesh.rows(N)), size(mesh.columns(N)), 128, device=device)
    s, mask, pair_mask = torch.zeros(N, 384, device=device), torch.ones(N, device=device), z[..., 0] + 1
    with live:
        layer(s, z, mask, pair_mask, Place.create(mesh, N, "small"))
    return live.peak


def msa_peak(mesh, device, live, n_sequences=S):
    layer = trunkv2.MSALayer(64, 128, 0.0, 0.0, pairwise_head_width=32, pairwise_num_heads=4).eval()
    z = torch.zeros(size(mesh.rows(N)), size(mesh.columns(N)), 128, device=device)
    m = torch.zeros(size(mesh.rows(n_sequences)), size(mesh.columns(N)), 64, device=device)
    layer, masks = MSALayer(layer.to(device)), (z[..., 0] + 1, m[..., 0] + 1)
    with live:
        layer(z, m, *masks, n_sequences, Place.create(mesh, N, "small"))
    return live.peak


LAYERS = {
    "pairformer": pairformer_peak,
    "alignment": msa_peak,
    "deep alignment": partial(msa_peak, n_sequences=DEEP),
}


@torch.no_grad()
def real_peak(mesh, name):
    return LAYERS[name](mesh, "cpu", LiveBytes())


@torch.no_grad()
def traced_peak(shape, name, whole=False):
    live = LiveBytes("cuda")
    with fake_mesh(*shape) as mesh, fake_gpu(), nullcontext() if whole else alike_once(live):
        return LAYERS[name](mesh, GPU, live)


@pytest.mark.parametrize("shape", [(1, 1), (2, 2)], ids=str)
@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_takes_what_was_traced(pool, name, shape):
    """Equal here; a kernel of the GPU may pad a bias that the CPU leaves as it is."""
    real = max(pool.run(real_peak, shape, name))
    assert traced_peak(shape, name) == pytest.approx(real, rel=0.02)


@pytest.mark.parametrize("name", LAYERS)
def test_two_of_the_pieces_tell_what_all_do(name):
    assert traced_peak((1, 2), name) == traced_peak((1, 2), name, whole=True)


def test_rows_outweigh_pairs_in_a_deep_alignment():
    assert traced_peak((1, 1), "deep alignment") > 3 * traced_peak((1, 1), "alignment")


def test_one_tile_too_many_is_noticed(monkeypatch):
    before = traced_peak((1, 1), "pairformer")
    # The package has a function of the module's name.
    module = sys.modules["foldcp.ops.triangle_multiplication"]
    monkeypatch.setattr(module, "residual", torch.clone)
    assert traced_peak((1, 1), "pairformer") > before + 0.3 * 512 * N**2


WIDE = {
    "token_s": 64,
    "token_z": 64,
    "trunk_blocks": 3,
    "msa_blocks": 1,
    "atom_blocks": 1,
    "diffusion_blocks": 5,
}
"""A block more than is traced; pairs wide enough that they count beside the atoms."""
CASE = Case(n_tokens=120, n_atoms=800, n_sequences=24, n_samples=2, n_templates=1, precision="fp32")


@torch.no_grad()
def inference_peak(mesh):
    features = protein_complex(CASE.n_tokens, CASE.n_atoms, CASE.n_sequences, CASE.n_templates)
    options = Options(recycles=2, steps=3, budget=CASE.budget, precision=CASE.precision)
    model = Boltz2OnMesh(tiny_model(**WIDE), mesh)
    with LiveBytes() as live:
        model.fold(features, range(CASE.n_samples), options)
    return live.peak


@pytest.mark.parametrize("shape", [(1, 1), (1, 2)], ids=str)
def test_an_inference_takes_what_was_traced(pool, shape):
    real = max(pool.run(inference_peak, shape))
    traced = trace(replace(CASE, mesh=shape), tiny_sizes(**WIDE))
    names = {stage.name for stage in traced.stages}
    assert {"templates", "alignment", "alignment pairs", "pairformer", "confidence"} <= names
    assert traced.activations == pytest.approx(real, rel=0.1)

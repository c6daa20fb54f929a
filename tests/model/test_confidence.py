"""The confidence module on tiles against the serial one: every number, every tile, on every mesh."""

import dataclasses
from types import SimpleNamespace

import pytest
import torch
from boltz.model.layers.confidence_utils import compute_frame_pred
from boltz.model.modules.confidencev2 import ConfidenceModule
from boltz.model.modules.trunkv2 import DistogramModule
from model.cases import compact_of, complex_batch
from model.oracle import mixed_as_on_a_gpu
from ops.cases import normal, randomize, tile
from ops.interface_cases import difference, reference

from foldcp.demo import initialisation
from foldcp.errors import UsageError
from foldcp.layers.confidence_pairs import ConfidencePairs
from foldcp.mesh import Budget, Place, peak_live_bytes
from foldcp.model.chains import Chains
from foldcp.model.confidence import Confidence, SampleConfidence, contact_probability
from foldcp.model.frames import valid_frames

MESHES = [(1, 1), (1, 2), (2, 1), (2, 2), (1, 3), (2, 3), (3, 2)]
TOLERANCE = 1e-5
"""fp32 rounding through two Pairformer layers and the heads, relative to the largest value."""
OURS = ("chains", "interfaces")
"""What the serial module has not, or otherwise; `interfaces` has a test of its own."""
FIELDS = [field.name for field in dataclasses.fields(SampleConfidence) if field.name not in OURS]
DS, DZ = 24, 16
ADDED = dict.fromkeys(("add_s_to_z_prod", "add_s_input_to_s", "add_z_input_to_z"), True)


def serial_model(separate=True, added=ADDED, token_s=DS, token_z=DZ, heads=(4, 8, 3), blocks=2):
    """Return the two modules of a Boltz-2 that confidence needs, every parameter random."""
    single_heads, pair_width, pair_heads = heads
    with initialisation.skipped():
        module = ConfidenceModule(
            token_s,
            token_z,
            pairformer_args={
                "num_blocks": blocks,
                "num_heads": single_heads,
                "pairwise_head_width": pair_width,
                "pairwise_num_heads": pair_heads,
            },
            confidence_args={"use_separate_heads": separate},
            bond_type_feature=True,
            fix_sym_check=True,
            cyclic_pos_enc=True,
            conditioning_cutoff_min=4.0,
            conditioning_cutoff_max=20.0,
            **added,
        ).eval()
    distogram = DistogramModule(token_z, 64)
    randomize(module)
    randomize(distogram)
    for head in module.confidence_heads.children():
        head.weight.data *= 0.25  # else one bin takes nearly all of the probability
    return SimpleNamespace(confidence_module=module, distogram_module=distogram)


def inputs(seed, masks=True):
    """Return a dense batch, coordinates with degenerate frames, tokens and a whole pair representation."""
    batch = complex_batch(seed=seed, masks=masks)
    x = 6 * normal(batch["atom_pad_mask"].shape[1], 3, seed=seed + 1)
    polymer = batch["frames_idx"][0, 0]
    x[polymer[2, 2]] = 2 * x[polymer[2, 1]] - x[polymer[2, 0]]  # in line
    x[polymer[4, 2]] = x[polymer[4, 1]]  # coincident
    ligand = int(batch["atom_to_token"][0, :, 31].argmax())  # first of eleven atoms
    x[ligand + 1], x[ligand + 2] = x[ligand] + 0.5, x[ligand] + 1  # in line
    x[ligand + 5] = x[ligand + 4]  # a tie of distances
    n = batch["token_pad_mask"].shape[1]
    s_inputs, s = normal(n, DS, seed=seed + 2), normal(n, DS, seed=seed + 3)
    return batch, x, s_inputs, s, normal(n, n, DZ, seed=seed + 4)


def serial_confidence(model, batch, x, s_inputs, s, z):
    """Return what the serial modules say, under the names of `SampleConfidence`."""
    pdistogram = model.distogram_module(z[None])[:, :, :, 0]
    out = model.confidence_module(s_inputs[None], s[None], z[None], x[None], batch, pdistogram)
    pairs = out["pair_chains_iptm"]
    table = torch.stack([torch.cat(list(row.values())) for row in pairs.values()])
    found = {name: out[name][0] for name in FIELDS if name != "pair_chains_iptm"}
    contact = torch.softmax(pdistogram, dim=-1)[0, ..., :20].sum(dim=-1)
    return {**found, "pair_chains_iptm": table, "contact": contact}, list(pairs)


def mesh_confidence(mesh, model, batch, x, s_inputs, s, z, level="small", reuse=False, features=None):
    """Return the same from the mesh; pae, pde and contact are this rank's tiles."""
    features = features or compact_of(batch)
    place = Place.create(mesh, len(z), level)
    mine = tile(z, mesh).clone()
    contact = contact_probability(model.distogram_module, mine, place)
    confidence = Confidence(model)
    got = confidence(s_inputs, s, mine, x, features, place, contact, reuse=reuse, keep_errors=True)
    assert reuse or torch.equal(mine, tile(z, mesh))  # other samples need it
    values = {name: getattr(got, name) for name in FIELDS}
    return values | {"contact": contact}, got.chains


def relative(got, expected):
    assert got.shape == expected.shape
    return ((got - expected).abs().max() / expected.abs().max().clamp(min=1e-6)).item()


@torch.no_grad()
def errors(mesh, seed, breakage=None, masks=True, options=None, **how):
    """Return the relative error of each number and tile."""
    model, given = serial_model(**(options or {})), inputs(seed, masks)
    expected, ids = serial_confidence(model, *given)
    features = compact_of(given[0])
    last = mesh.everyone.index == mesh.size - 1
    if breakage == "chain" and last:
        features.tokens.asym_id[40] = 0
    if breakage == "atom" and last:
        features.tokens.rep_atom[40] -= 1
    if breakage == "head" and last:
        model.confidence_module.confidence_heads.to_pde_inter_logits.weight.data *= 2
    got, chains = mesh_confidence(mesh, model, *given, features=features, **how)
    assert chains == ids
    for name in ("pae", "pde", "contact"):
        expected[name] = tile(expected[name], mesh)
    return {name: relative(got[name], expected[name]) for name in expected}


def worst(results):
    return max(max(result.values()) for result in results)


@pytest.mark.parametrize("shape", MESHES, ids=str)
def test_every_number_equals_serial(pool, shape):
    for seed, masks in ((0, True), (10, False)):
        assert worst(pool.run(errors, shape, seed, None, masks)) < TOLERANCE


@pytest.mark.parametrize("options", [{"separate": False}, {"added": dict.fromkeys(ADDED, False)}], ids=str)
def test_variants_of_the_module(pool, options):
    assert worst(pool.run(errors, (2, 3), 20, None, True, options)) < TOLERANCE


def reused(mesh, seed):
    return errors(mesh, seed, masks=False, level="large", reuse=True)


def test_the_tile_may_be_overwritten_and_the_budget_large(pool):
    assert worst(pool.run(reused, (2, 2), 30)) < TOLERANCE


@pytest.mark.parametrize(
    ("breakage", "name"), [("chain", "pae"), ("atom", "pde"), ("head", "complex_ipde")], ids=str
)
def test_a_defect_on_one_rank_is_noticed(pool, breakage, name):
    assert max(result[name] for result in pool.run(errors, (2, 2), 0, breakage)) > 10 * TOLERANCE


@torch.no_grad()
def interface_difference(mesh, seed, breakage=None):
    """Return how far each interface score is from its definition, read on the serial module's errors."""
    model, given = serial_model(), inputs(seed)
    batch, x = given[:2]
    features, names = compact_of(batch), ("protein", "dna", "rna", "ligand")
    tokens = features.tokens
    case = SimpleNamespace(
        chain=tokens.asym_id.numpy(),
        kinds=tuple(names[int(tokens.mol_type[tokens.asym_id == c][0])] for c in tokens.asym_id.unique()),
        counted=((tokens.contact_atom >= 0) & (tokens.mask > 0)).numpy(),
        contact=x[tokens.contact_atom.clamp(min=0)].double().numpy(),
        pae=serial_confidence(model, *given)[0]["pae"].numpy(),
    )
    if breakage == "atom" and mesh.everyone.index == mesh.size - 1:
        features.tokens.contact_atom[:] = features.tokens.rep_atom
    place, mine = Place.create(mesh, len(case.chain), "small"), tile(given[-1], mesh).clone()
    contact = contact_probability(model.distogram_module, mine, place)
    confidence = Confidence(model)(*given[2:4], mine, x, features, place, contact)
    assert confidence.pae is None  # not asked for
    return difference(confidence.interfaces, reference(case))


@pytest.mark.parametrize("shape", MESHES, ids=str)
def test_interface_scores_are_those_of_the_errors(pool, shape):
    assert worst(pool.run(interface_difference, shape, 40)) < 10 * TOLERANCE


def test_contacts_at_another_atom_are_noticed(pool):
    assert worst(pool.run(interface_difference, (2, 2), 40, "atom")) > 100 * TOLERANCE


@torch.no_grad()
def bf16_errors(mesh, stored):
    """Return norms of the error against fp32 in bf16: of the mesh, and of the serial module."""
    model, (batch, x, s_inputs, s, z) = serial_model(), inputs(10, masks=False)
    exact, _ = serial_confidence(model, batch, x, s_inputs, s, z)
    with mixed_as_on_a_gpu():
        serial, _ = serial_confidence(model, batch, x, s_inputs, s, z)
    with torch.autocast("cpu", torch.bfloat16):
        got, _ = mesh_confidence(mesh, model, batch, x, s_inputs, s, z.to(stored))
    ours, theirs = {}, {}
    for name in ("plddt", "pae", "pde", "contact"):
        cut = tile if exact[name].ndim == 2 else lambda y, _: y
        ours[name] = (got[name] - cut(exact[name], mesh)).norm().item()
        theirs[name] = cut(serial[name] - exact[name], mesh).norm().item()
    return ours, theirs


@pytest.mark.parametrize("stored", [torch.float32, torch.bfloat16], ids=str)
def test_bf16_loses_no_more_than_serial(pool, stored):
    for ours, theirs in pool.run(bf16_errors, (2, 2), stored):
        assert all(0 < ours[name] < 1.5 * theirs[name] for name in ours), (ours, theirs)


def frame_masks(seed, masks=True):
    batch, x, *_ = inputs(seed, masks)
    expected = compute_frame_pred(x[None], batch["frames_idx"], batch, 1, inference=True)[1]
    features = compact_of(batch)
    ligands = Chains.create(features).ligands
    # One row of distances at a time.
    return valid_frames(x, features.tokens, ligands, Budget(1)), expected[0, 0], ligands


@pytest.mark.parametrize("masks", [True, False])
def test_valid_frames_are_exactly_the_serial_ones(masks):
    for seed in range(20):
        got, expected, ligands = frame_masks(seed, masks)
        assert torch.equal(got, expected)
        # The serial model counts unmasked tokens, and with masks may find no ligand; one atom has no frame.
        assert len(ligands) == 1 or masks
        assert 0 < got.sum() < len(got)


def test_frames_of_ligands_follow_the_structure():
    """Twin: with the frames of the features, which ligands have no use for, the mask is another."""
    batch, x, *_ = inputs(0, masks=False)
    tokens = compact_of(batch).tokens
    assert not torch.equal(valid_frames(x, tokens, [], Budget(1)), frame_masks(0, masks=False)[0])


def test_confidence_per_atom_is_refused():
    model = serial_model()
    model.confidence_module.token_level_confidence = False
    with pytest.raises(UsageError, match="per token"):
        Confidence(model)


def peaks(mesh, n):
    """Return the peak of each part at the released widths, in bytes per pair above its inputs."""
    model = serial_model(token_s=384, token_z=128, heads=(16, 32, 4), blocks=1)
    lengths = (n - n // 2 - 12, n // 2, 12)
    chains = [(length, k, 0, "NONPOLYMER" if k == 2 else "PROTEIN") for k, length in enumerate(lengths)]
    features = compact_of(complex_batch(chains, masks=False))
    place, z = Place.create(mesh, n, "small"), tile(normal(n, n, 128, seed=1), mesh).clone()
    s, x = normal(n, 384, seed=2), 10 * normal(features.n_atoms, 3, seed=3)
    bytes_of = {}
    contact, bytes_of["contact"] = peak_live_bytes(contact_probability, model.distogram_module, z, place)
    _, bytes_of["start"] = peak_live_bytes(
        ConfidencePairs(model.confidence_module), z, s, x[features.tokens.rep_atom], features, place, False
    )
    given = (s, s, z, x, features, place, contact)
    _, bytes_of["all"] = peak_live_bytes(Confidence(model), *given, keep_errors=True)
    pairs = z.shape[0] * z.shape[1]
    return {name: peak / pairs for name, peak in bytes_of.items()}


@pytest.mark.parametrize("shape", [(1, 1), (2, 2)], ids=str)
def test_memory(pool, shape):
    """A new tile (512), triangle multiplication's product (512), and the small budget (256) are the limit.

    100 are for tokens and copies of weights, which do not shrink with N².
    """
    measured = pool.run(peaks, shape, 128)
    assert max(peak["contact"] for peak in measured) <= 256
    assert max(peak["start"] for peak in measured) <= 512 + 256
    assert max(peak["all"] for peak in measured) <= 512 + 512 + 256 + 100

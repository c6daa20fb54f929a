"""Whole inference at the released widths and a small depth: a mesh against serial Boltz.

python -m benchmarks.inference --tokens 256 --meshes 1x1 1x2 2x2 --budgets small medium

Two random protein chains without alignment or template, one sample. All weights are random. The error is that
of coordinates, pLDDT and chain-pair ipTM; serial is reseeded right before it samples.
"""

import random
import sys
import tempfile
from pathlib import Path

from boltz.model.models.boltz2 import Boltz2
from torch import nn

# The oracle of the tests: Boltz's own featurizer and forward pass.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from features.upstream import arguments, dense_batch
from model import oracle

from benchmarks import layers
from benchmarks.layers import HEADS, MSA_S, TOKEN_S, TOKEN_Z, Arrays, Case, Inputs
from foldcp.demo.model import _draw_parameters, _hyperparameters
from foldcp.demo.sizes import Sizes
from foldcp.features.featurize import featurize
from foldcp.mesh import Mesh
from foldcp.model.fold import Boltz2OnMesh, Options

SEED, RECYCLES, STEPS = 11, 0, 5
WIDTHS = Sizes(
    token_s=TOKEN_S,
    token_z=TOKEN_Z,
    atom_s=128,
    atom_z=16,
    atom_blocks=3,
    trunk_blocks=2,
    msa_blocks=1,
    confidence_blocks=1,
    template_blocks=1,
    single_heads=HEADS,
    pair_heads=4,
    pair_head_width=32,
    msa_s=MSA_S,
    template_dim=64,
    diffusion_blocks=4,
    diffusion_heads=16,
    fourier_dim=256,
)


def build() -> nn.Module:
    model = Boltz2(**_hyperparameters(WIDTHS))
    model.steering_args = dict.fromkeys(model.steering_args, False)
    _draw_parameters(model, WIDTHS.seed)
    return model.eval()


def inputs(n: int) -> Inputs:
    with tempfile.TemporaryDirectory() as folder:
        parsed = arguments(_document(Path(folder), n), Path(folder))
        return {"dense": dense_batch(*parsed, SEED), "features": featurize(*parsed, SEED)}


def _document(folder: Path, n: int) -> Path:
    draw = random.Random(n)
    chains = ["".join(draw.choices("ACDEFGHIKLMNPQRSTVWY", k=k)) for k in (n // 2, n - n // 2)]
    lines = [
        f"  - protein: {{id: {c}, sequence: {s}, msa: empty}}" for c, s in zip("AB", chains, strict=True)
    ]
    path = folder / "two_chains.yaml"
    path.write_text("\n".join(["version: 1", "sequences:", *lines, ""]))
    return path


def serial(model: nn.Module, x: Inputs) -> Arrays:
    out = oracle.serial(model, x["dense"], SEED, RECYCLES, STEPS)
    return {name: out[name] for name in ("coordinates", "plddt", "pair_chains_iptm")}


def on_mesh(model: nn.Module, x: Inputs, mesh: Mesh, budget: str) -> Arrays:
    options = Options(RECYCLES, STEPS, budget)
    predicted = Boltz2OnMesh(model, mesh).fold(x["features"], [SEED], options)
    (sample,) = predicted.confidence
    pairs = sample.pair_chains_iptm
    return {"coordinates": predicted.coordinates[0], "plddt": sample.plddt, "pair_chains_iptm": pairs}


CASE = Case(
    "Whole inference",
    build,
    inputs,
    serial,
    on_mesh,
    whole=frozenset({"dense", "features"}),
    tokens=256,
    meshes=("1x1", "1x2", "2x2"),
    repeats=1,
)


def run() -> str:
    return layers.measure(CASE)


if __name__ == "__main__":
    print(layers.measure(CASE, sys.argv[1:]))

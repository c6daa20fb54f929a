"""MSA layer with 128 sequences at the released widths: a mesh against serial Boltz.

python -m benchmarks.msa_layer --tokens 512 --meshes 1x1 2x2 --budgets small medium large
"""

import sys

import torch
from boltz.model.modules.trunkv2 import MSALayer as SerialLayer
from torch import nn

from benchmarks import layers
from benchmarks.layers import MSA_S, SEQUENCES, TOKEN_Z, Arrays, Case
from foldcp.layers import MSALayer
from foldcp.mesh import Mesh, Place


def build() -> nn.Module:
    return layers.randomized(SerialLayer(MSA_S, TOKEN_Z, msa_dropout=0.15, z_dropout=0.25))


def inputs(n: int) -> Arrays:
    arrays = layers.random_arrays(n, {"z": (n, n, TOKEN_Z), "m": (SEQUENCES, n, MSA_S)})
    generator = torch.Generator().manual_seed(2)
    return arrays | {"msa_mask": (torch.rand(SEQUENCES, n, generator=generator) < 0.9).float()}


def serial(layer: nn.Module, x: Arrays) -> Arrays:
    arguments = (x[name][None] for name in ("z", "m", "pair_mask", "msa_mask"))
    z, m = layer(*arguments, *_chunks(len(x["z"])))
    return {"z": z[0], "m": m[0]}


def _chunks(n_tokens: int) -> tuple[bool, int | None, int | None, int | None, int]:
    """Return Boltz's chunking of averaging, the two transitions, the outer product and triangle attention."""
    return (True, 64, 32, 4, 128) if layers.chunked(n_tokens) else (False, None, None, None, 512)


def on_mesh(layer: nn.Module, x: Arrays, mesh: Mesh, budget: str) -> Arrays:
    place = Place.create(mesh, len(x["mask"]), budget)
    z, m = MSALayer(layer)(x["z"], x["m"], x["pair_mask"], x["msa_mask"], SEQUENCES, place)
    return {"z": z, "m": m}


CASE = Case("MSA layer", build, inputs, serial, on_mesh, whole=frozenset({"mask"}))


def run() -> str:
    return layers.measure(CASE)


if __name__ == "__main__":
    print(layers.measure(CASE, sys.argv[1:]))

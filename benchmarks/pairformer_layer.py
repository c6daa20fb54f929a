"""Pairformer layer at the released widths: a mesh against serial Boltz.

python -m benchmarks.pairformer_layer --tokens 512 --meshes 1x1 2x2 --budgets small medium large
"""

import sys

from boltz.model.layers.pairformer import PairformerLayer as SerialLayer
from torch import nn

from benchmarks import layers
from benchmarks.layers import HEADS, TOKEN_S, TOKEN_Z, Arrays, Case
from foldcp.layers import PairformerLayer
from foldcp.mesh import Mesh, Place


def build() -> nn.Module:
    return layers.randomized(SerialLayer(TOKEN_S, TOKEN_Z, HEADS, v2=True))


def inputs(n: int) -> Arrays:
    return layers.random_arrays(n, {"s": (n, TOKEN_S), "z": (n, n, TOKEN_Z)})


def serial(layer: nn.Module, x: Arrays) -> Arrays:
    chunk = 128 if layers.chunked(len(x["s"])) else 512
    arguments = (x[name][None] for name in ("s", "z", "mask", "pair_mask"))
    s, z = layer(*arguments, chunk_size_tri_attn=chunk)
    return {"s": s[0], "z": z[0]}


def on_mesh(layer: nn.Module, x: Arrays, mesh: Mesh, budget: str) -> Arrays:
    place = Place.create(mesh, len(x["mask"]), budget)
    s, z = PairformerLayer(layer)(x["s"], x["z"], x["mask"], x["pair_mask"], place)
    return {"s": s, "z": z}


CASE = Case("Pairformer layer", build, inputs, serial, on_mesh, whole=frozenset({"s", "mask"}))


def run() -> str:
    return layers.measure(CASE)


if __name__ == "__main__":
    print(layers.measure(CASE, sys.argv[1:]))

"""Outer product mean of 128 sequences at the released widths: a mesh against serial Boltz.

python -m benchmarks.outer_product_mean --tokens 512 --meshes 1x1 2x2 --budgets small medium large
"""

import sys

from boltz.model.layers.outer_product_mean import OuterProductMean
from torch import nn

from benchmarks import layers, msa_layer
from benchmarks.layers import MSA_S, SEQUENCES, TOKEN_Z, Arrays, Case
from foldcp.mesh import Mesh, Place
from foldcp.ops import outer_product_mean

HIDDEN = 32


def build() -> nn.Module:
    return layers.randomized(OuterProductMean(MSA_S, HIDDEN, TOKEN_Z))


def serial(layer: nn.Module, x: Arrays) -> Arrays:
    chunk = 4 if layers.chunked(len(x["z"])) else None
    return {"z": x["z"] + layer(x["m"][None], x["msa_mask"][None], chunk)[0]}


def on_mesh(layer: nn.Module, x: Arrays, mesh: Mesh, budget: str) -> Arrays:
    place = Place.create(mesh, len(x["mask"]), budget)
    return {"z": outer_product_mean(layer, x["m"], x["msa_mask"], x["z"], SEQUENCES, place)}


CASE = Case("Outer product mean", build, msa_layer.inputs, serial, on_mesh, whole=frozenset({"mask"}))


def run() -> str:
    return layers.measure(CASE)


if __name__ == "__main__":
    print(layers.measure(CASE, sys.argv[1:]))

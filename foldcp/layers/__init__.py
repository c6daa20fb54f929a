"""Bricks: one per serial layer, each holding the untouched serial layer and running it on tiles.

A brick has no parameters of its own and no equation: it says which operation of `foldcp.ops` stands for which
sublayer, in the serial order.
"""

from foldcp.layers.msa import MSALayer
from foldcp.layers.pair_stack import PairStack
from foldcp.layers.pairformer import PairformerLayer

__all__ = ["MSALayer", "PairStack", "PairformerLayer"]

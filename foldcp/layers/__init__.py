"""Bricks: one per serial layer, each holding the untouched serial layer and running it on tiles.

A brick has no parameters of its own and no equation: it says which operation of `foldcp.ops` stands for which
sublayer, in the serial order.
"""

from foldcp.layers.atom_encoder import AtomAttentionDecoder, AtomAttentionEncoder, AtomEmbedding
from foldcp.layers.confidence_pairs import ConfidencePairs
from foldcp.layers.input_embedder import InputEmbedder
from foldcp.layers.msa import MSALayer
from foldcp.layers.msa_module import MSAModule
from foldcp.layers.pair_init import PairInit
from foldcp.layers.pair_stack import PairStack
from foldcp.layers.pairformer import PairformerLayer
from foldcp.layers.template import TemplateModule
from foldcp.layers.token_transformer import TokenTransformer

__all__ = [
    "AtomAttentionDecoder",
    "AtomAttentionEncoder",
    "AtomEmbedding",
    "ConfidencePairs",
    "InputEmbedder",
    "MSALayer",
    "MSAModule",
    "PairInit",
    "PairStack",
    "PairformerLayer",
    "TemplateModule",
    "TokenTransformer",
]

"""What the model reads of one complex, as indices: O(A + N·S) numbers, no N² and no A×N array anywhere.

Boltz parses and tokenizes; `featurize` then builds `Features`, of which each rank expands its own tiles.
"""

from foldcp.features.compact import Alignment, Atoms, Features, PairFeatures, Templates, Tokens

__all__ = ["Alignment", "Atoms", "Features", "PairFeatures", "Templates", "Tokens"]

"""Boltz-2 wired from bricks: trunk, diffusion, confidence.

Where things live (p × q ranks; N tokens, A atoms, S sequences):

==========================================  ================================================================
pair representation, masks, biases, errors  this rank's tile `[R_r, C_c]`, never more
tokens between blocks (s, s_inputs)         whole on every rank: N numbers per channel
tokens inside a block                       the share `mesh.flat(N)`; queries of R_r, keys of C_c
alignment                                   sequences over mesh rows, tokens over mesh columns
atoms and their windows                     the share `mesh.flat(A, unit=32)`, and 48 more on either side
coordinates, noise                          whole on every rank; each rank updates its own atoms
scores                                      sums over tiles: N × chains
==========================================  ================================================================

Usage, on every rank::

    mesh = Mesh.create(2, 3)
    predicted = parallelize(model, mesh).fold(features, seeds, Options())
"""

from foldcp.model.fold import Boltz2OnMesh, Options, Prediction

parallelize = Boltz2OnMesh
"""Spread a serial `Boltz2` over a mesh."""

__all__ = ["Boltz2OnMesh", "Options", "Prediction", "parallelize"]

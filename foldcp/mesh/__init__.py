"""The mesh of ranks and the few verbs by which tiles on it meet.

Everything non-local in the model is one of these: `transpose`, `panels`, `all_reduce`, `halo`. Each
differentiates: the adjoint stands beside the forward movement. "Axis" is a direction of the mesh or of the
data as a whole; "dim" is a dimension of one tensor.

Letters of dimensions, which end the names of tensors where it helps (`z_IJD`):

====  =============================================================
I, J  tokens of the row block R_r and of the column block C_c
K     the contracted axis; k: one chunk of it
D     channels; G: a group of them
H     heads
S     sequences of the alignment
A     atoms
N     all tokens
====  =============================================================
"""

from foldcp.mesh.budget import Budget
from foldcp.mesh.errors import MeshError
from foldcp.mesh.halo import halo
from foldcp.mesh.live_bytes import LiveBytes, peak_live_bytes
from foldcp.mesh.mesh import Mesh
from foldcp.mesh.panels import panels
from foldcp.mesh.place import Place
from foldcp.mesh.reduce import all_reduce
from foldcp.mesh.tally import Tally
from foldcp.mesh.transpose import transpose

__all__ = [
    "Budget",
    "LiveBytes",
    "Mesh",
    "MeshError",
    "Place",
    "Tally",
    "all_reduce",
    "halo",
    "panels",
    "peak_live_bytes",
    "transpose",
]

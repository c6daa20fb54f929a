"""The error of the mesh: every rank raises it, so that none waits for the others."""

from foldcp.errors import FoldcpError


class MeshError(FoldcpError):
    """The mesh is not what it should be, or its ranks do not agree on a call."""

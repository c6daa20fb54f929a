"""The handshake that opens each verb: ranks that disagree all raise the same error, and none hangs.

A broadcast whose receiver expects another dtype or shape hangs or corrupts memory. So each verb first
compares a digest of its call over the whole mesh, one all-reduce of a few integers on host memory.
"""

from hashlib import blake2b

import torch
import torch.distributed as dist

from foldcp.mesh.errors import MeshError
from foldcp.mesh.mesh import Mesh

_NEUTRAL = torch.iinfo(torch.int64).min


def agree(
    mesh: Mesh, verb: str, everyone: object, row: object = (), column: object = (), problem: str = ""
) -> None:
    """Compare this rank's description of a call with that of the other ranks.

    Parameters
    ----------
    mesh : Mesh
        The mesh.
    verb : str
        Name of the call, for the message.
    everyone, row, column : object
        What must be equal on all ranks, on the ranks of a mesh row, and on those of a mesh column. Their
        `repr` is compared and shown.
    problem : str
        Something that this rank alone knows to be wrong; any rank's problem is an error on all.

    Raises
    ------
    MeshError
        On every rank, with the description of each. Where handshakes are spared (`Handshakes`), on the rank
        with the problem alone.
    """
    if mesh.control is None or not mesh.handshakes.wanted:
        if problem:
            raise MeshError(f"{verb}: {problem}")
        return
    lines = {0: everyone, 1 + mesh.r: row, 1 + mesh.p + mesh.c: column}
    digests = torch.full((2, 1 + mesh.p + mesh.q), _NEUTRAL)
    for place, description in lines.items():
        digest = _digest(verb, description, (problem, mesh.everyone.index) if problem else None)
        digests[:, place] = torch.tensor([digest, -digest])
    dist.all_reduce(digests, op=dist.ReduceOp.MAX, group=mesh.control)
    if not torch.equal(digests[0], -digests[1]):
        _complain(
            mesh, f"{verb}({everyone}, row: {row}, column: {column})" + (f": {problem}" if problem else "")
        )


def _digest(*parts: object) -> int:
    return int.from_bytes(blake2b(repr(parts).encode(), digest_size=7).digest(), "big")


def _complain(mesh: Mesh, mine: str) -> None:
    """Raise the error that shows what each rank called."""
    said: list[str] = [""] * mesh.size
    dist.all_gather_object(said, mine, group=mesh.control)
    listing = "\n".join(
        f"  rank {rank}: {call}" for rank, call in zip(mesh.everyone.ranks, said, strict=True)
    )
    raise MeshError(
        f"the ranks of the {mesh.p}x{mesh.q} mesh do not agree on a call. Dtypes, channel counts and axis "
        f"lengths must be equal on all ranks, and each tile must have the size of its block:\n{listing}"
    )

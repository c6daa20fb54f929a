"""Point-to-point messages, all at once: what `transpose` and `halo` are made of."""

import torch.distributed as dist
from torch import Tensor

from foldcp.mesh.mesh import Mesh


def exchange(
    mesh: Mesh, verb: str, sends: list[tuple[int, Tensor]], receives: list[tuple[int, Tensor]]
) -> None:
    """Send contiguous tensors to ranks and fill contiguous buffers from ranks; return when all have arrived.

    Ranks are those of torch's default group. Empty tensors and messages to oneself must not be passed.
    """
    group = mesh.everyone.group
    calls = [dist.P2POp(dist.isend, tensor, rank, group) for rank, tensor in sends]
    calls += [dist.P2POp(dist.irecv, buffer, rank, group) for rank, buffer in receives]
    if calls:
        for work in dist.batch_isend_irecv(calls):
            work.wait()
    mesh.tally.add(verb, len(sends), sum(tensor.nbytes for _, tensor in sends))

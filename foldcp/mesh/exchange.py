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
    arriving = [(rank, _for_transport(buffer, group)) for rank, buffer in receives]
    calls = [dist.P2POp(dist.isend, _for_transport(tensor, group), rank, group) for rank, tensor in sends]
    calls += [dist.P2POp(dist.irecv, buffer, rank, group) for rank, buffer in arriving]
    if calls:
        for work in dist.batch_isend_irecv(calls):
            work.wait()
    for (_, buffer), (_, arrived) in zip(receives, arriving, strict=True):
        if arrived is not buffer:
            buffer.copy_(arrived)
    mesh.tally.add(verb, len(sends), sum(tensor.nbytes for _, tensor in sends))


def _for_transport(x: Tensor, group: dist.ProcessGroup | None) -> Tensor:
    """Return x where the group can send it from: gloo, with which ranks share a GPU, sends from the host."""
    on_host = x.device.type == "cuda" and dist.get_backend(group) == "gloo"
    return x.cpu() if on_host else x

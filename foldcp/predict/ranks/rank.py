"""What runs in the process of one rank: ``python -m foldcp.predict.ranks.rank PIPE RANK``.

A rank lives as long as its keeper's end of the pipe. A rank that fails says so and then waits for its keeper
to kill it: if it went away, the others would fail too, for want of it, and hide the cause.
"""

import contextlib
import os
import pickle
import re
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from foldcp.errors import FoldcpError, MissingError
from foldcp.predict import memory
from foldcp.predict.child import BEATS, Parent, picklable
from foldcp.predict.outcomes import NumericalError, Outcome, cause_of, classify, one_line
from foldcp.predict.ranks import keys
from foldcp.predict.ranks.messages import START, Failure, Order, Ready, Result, Said, Seat, Work

if TYPE_CHECKING:
    from torch.distributed import TCPStore

    from foldcp.mesh import Mesh

_FOREVER = timedelta(days=365)
_LOST_PEER = ("gloo", "nccl", "connection closed by peer", "connection reset by peer", "broken pipe")


class Rank:
    """A rank of a mesh: this process.

    Parameters
    ----------
    keeper
        The process that started it.
    rank
        The rank.
    """

    def __init__(self, keeper: Parent, rank: int) -> None:
        self._keeper, self.rank = keeper, rank
        self._device = "cpu"

    def live(self) -> None:
        """Build the work and do it for every job, until the keeper ends this process."""
        try:
            order, seat = pickle.loads(self._keeper.receive())
            self._serve(order, seat)
        except BaseException as error:
            self._keeper.send(self._failure(error))
            threading.Event().wait()

    def _serve(self, order: Order, seat: Seat) -> None:
        self._device = _claim_device(order.device, seat.local)
        # From here on: importing torch and starting CUDA hold Python's lock for long.
        self._keeper.beat(order.silence / BEATS)
        _in_background(_end_with_generation, seat)
        memory.reset_peak(self._device)
        store = _connect(seat)
        mesh = _join(order, seat, self._device)
        work = order.build(mesh, self._device, *order.args)
        places = _gather(memory.Place.of(self._device), mesh)
        if self.rank == 0:
            self._keeper.send(Ready(self._device.partition(":")[0], _device_name(self._device), places))
        turn = 0
        while True:
            turn += 1
            # Not by a message of the process group: between two jobs any time may pass.
            store.wait([keys.job(seat.generation, turn)], _FOREVER)
            self._work(work, mesh)

    def _work(self, work: Work, mesh: "Mesh") -> None:
        memory.reset_peak(self._device)
        say = self._say if self.rank == 0 else _say_nothing
        # Not named while pickled: the bytes would stay beside what they make.
        job = pickle.loads(_share(self._keeper.receive() if self.rank == 0 else b"", mesh))
        result = work(job, say)
        peaks = _gather(memory.peak_bytes(self._device), mesh)
        if self.rank == 0:
            self._keeper.send(Result(result, peaks))

    def _say(self, text: str) -> None:
        self._keeper.send(Said(text))

    def _failure(self, error: BaseException) -> Failure:
        outcome, message = classify(error)
        peak = None
        with contextlib.suppress(Exception):  # a broken CUDA context answers nothing
            peak = memory.peak_bytes(self._device)
        mendable = isinstance(error, FoldcpError) and not isinstance(error, NumericalError)
        known = mendable or outcome in (Outcome.OOM, Outcome.NUMERICAL)
        lost = not known and _lost_peer(error)
        return Failure(
            self.rank,
            outcome,
            one_line(error, 160) if outcome is Outcome.OOM else message,
            _cause_of_loss(error) if lost else cause_of(error),
            peak,
            consequence=lost,
            error=picklable(error) if mendable else None,
            trace="" if known else "".join(traceback.format_exception(error)),
        )


def _claim_device(device: str, local: int) -> str:
    import torch

    if device == "cpu" or (device == "auto" and not torch.cuda.is_available()):
        return "cpu"
    if not torch.cuda.is_available():
        raise MissingError("torch sees no GPU for device 'cuda'; use device cpu, or run `foldcp doctor`")
    # With more ranks than GPUs they share them. A process that sees only some GPUs counts among those.
    index = local % torch.cuda.device_count()
    torch.cuda.set_device(index)
    return f"cuda:{index}"


def _device_name(device: str) -> str:
    import torch

    return "cpu" if device == "cpu" else torch.cuda.get_device_name(device)


def _in_background(task: Callable[..., None], *arguments: Any) -> None:
    threading.Thread(target=task, args=arguments, daemon=True, name=task.__name__).start()


def _end_with_generation(seat: Seat) -> None:
    """End this process when the driver ends the generation: a keeper that hangs cannot kill its ranks."""
    with contextlib.suppress(Exception):  # the store is gone, and the driver with it
        _connect(seat).wait([keys.stop(seat.generation)], _FOREVER)
    os._exit(1)


def _connect(seat: Seat) -> "TCPStore":
    from torch.distributed import TCPStore

    return TCPStore(seat.host, seat.port, is_master=False, wait_for_workers=False)


def _join(order: Order, seat: Seat, device: str) -> "Mesh":
    import torch.distributed as dist

    from foldcp.mesh import Mesh

    if order.size > 1:
        store = dist.PrefixStore(keys.ranks(seat.generation), _connect(seat))
        store.set_timeout(START)
        dist.init_process_group(
            _backend(store, device, seat.rank, order.size),
            store=store,
            rank=seat.rank,
            world_size=order.size,
            timeout=order.patience,
        )
    return Mesh.create(*order.shape, timeout=order.patience)


def _backend(store: Any, device: str, rank: int, size: int) -> str:
    """Return nccl if every rank has a GPU of its own, else gloo: NCCL refuses two ranks on one GPU."""
    import torch

    gpu = ""
    if device != "cpu":
        gpu = f"{socket.gethostname()}/{torch.cuda.get_device_properties(device).uuid}"
    store.set(f"gpu/{rank}", gpu)
    gpus = {store.get(f"gpu/{other}").decode() for other in range(size)}
    return "nccl" if "" not in gpus and len(gpus) == size else "gloo"


def _share(job: bytes, mesh: "Mesh") -> Any:
    """Return the bytes of rank 0 on every rank."""
    if mesh.control is None:
        return job
    import torch
    import torch.distributed as dist

    length = torch.tensor([len(job)])
    dist.broadcast(length, mesh.everyone.ranks[0], group=mesh.control)
    # Through a bytearray: torch warns of buffers that it must not write to.
    content = torch.frombuffer(bytearray(job) or bytearray(int(length)), dtype=torch.uint8)
    dist.broadcast(content, mesh.everyone.ranks[0], group=mesh.control)
    return content.numpy()


def _gather(mine: Any, mesh: "Mesh") -> list[Any]:
    """Return what each rank has brought, once all have."""
    if mesh.control is None:
        return [mine]
    import torch.distributed as dist

    all_of_them = [None] * mesh.size
    dist.all_gather_object(all_of_them, mine, group=mesh.control)
    return all_of_them


def _lost_peer(error: BaseException) -> bool:
    # Gloo raises a plain RuntimeError whose words are all there is to go by.
    import torch.distributed as dist

    words = str(error).lower()
    return isinstance(error, dist.DistError) or (
        isinstance(error, RuntimeError) and any(w in words for w in _LOST_PEER)
    )


def _cause_of_loss(error: BaseException) -> str:
    """Return what became of the other rank: it was lost, or waited for in vain though its process lives."""
    return "hung" if re.search("timed out|timeout", str(error), re.IGNORECASE) else "node_failure"


def _say_nothing(text: str) -> None:
    """Stand in for `say` on ranks other than 0."""


def main() -> None:
    """Be the rank that the command line names."""
    Rank(Parent.from_arguments(), int(sys.argv[2])).live()


if __name__ == "__main__":
    main()

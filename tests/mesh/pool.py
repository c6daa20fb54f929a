"""Long-lived gloo workers: a fresh spawn costs seconds per test, a pool costs them once.

`Pool.run(function, (p, q), *args)` calls `function(mesh, *args)` on every rank of a p×q mesh and returns the
results in flat rank order. The function must live at the top of a module.
"""

import os
import pickle
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import Any

SIZE = 6
PATIENCE_S = 120


@dataclass
class Failure:
    """What a rank raised."""

    kind: str
    message: str
    trace: str


class Pool:
    def __init__(self) -> None:
        context = get_context("spawn")
        self._folder = tempfile.TemporaryDirectory()
        self._turn = 0
        self._last_of: dict[int, tuple[tuple[int, int], int]] = {}
        self._pipes: list[Connection] = []
        self._workers = []
        for rank in range(SIZE):
            ours, theirs = context.Pipe()
            worker = context.Process(target=_work, args=(rank, self._folder.name, theirs), daemon=True)
            worker.start()
            self._pipes.append(ours)
            self._workers.append(worker)

    def attempt(self, function: Callable[..., Any], shape: tuple[int, int], *args: Any) -> list[Any]:
        """Return each rank's result, or its `Failure`."""
        size = shape[0] * shape[1]
        job = pickle.dumps((function, shape, self._group_of(shape), args))
        for pipe in self._pipes[:size]:
            pipe.send_bytes(job)
        waiting = dict(enumerate(self._pipes[:size]))
        results: dict[int, Any] = {}
        deadline = time.monotonic() + PATIENCE_S
        while waiting and time.monotonic() < deadline:
            ready = wait(list(waiting.values()), timeout=1)
            for rank in [rank for rank, pipe in waiting.items() if pipe in ready]:
                results[rank] = pickle.loads(waiting.pop(rank).recv_bytes())
        if waiting:
            self.close()
            traces = [result.trace for result in results.values() if isinstance(result, Failure)]
            raise TimeoutError(
                f"ranks {list(waiting)} did not answer within {PATIENCE_S} s\n" + "\n".join(traces)
            )
        return [results[rank] for rank in range(size)]

    def _group_of(self, shape: tuple[int, int]) -> int:
        """Return the number of the process group of this call: a new one unless its ranks are still in it."""
        ranks = range(shape[0] * shape[1])
        if any(self._last_of.get(rank) != (shape, self._turn) for rank in ranks):
            self._turn += 1
        self._last_of.update(dict.fromkeys(ranks, (shape, self._turn)))
        return self._turn

    def run(self, function: Callable[..., Any], shape: tuple[int, int], *args: Any) -> list[Any]:
        """Return each rank's result; raise if any rank failed."""
        results = self.attempt(function, shape, *args)
        failures = [result for result in results if isinstance(result, Failure)]
        if failures:
            raise AssertionError("\n".join(failure.trace for failure in failures))
        return results

    def close(self) -> None:
        for worker in self._workers:
            worker.kill()
            worker.join()
        self._folder.cleanup()


def _work(rank: int, folder: str, pipe: Connection) -> None:
    os.environ["OMP_NUM_THREADS"] = "1"
    import torch

    torch.set_num_threads(1)
    current, joined = None, 0
    while True:
        try:
            function, shape, turn, args = pickle.loads(pipe.recv_bytes())
        except EOFError:
            return
        try:
            if turn != joined:
                current, joined = _mesh(rank, shape, f"{folder}/{turn}"), turn
            current.tally.clear()
            result = function(current, *args)
        except Exception as error:
            result = Failure(type(error).__name__, str(error), traceback.format_exc())
        pipe.send_bytes(pickle.dumps(result))


def _mesh(rank: int, shape: tuple[int, int], store: str) -> Any:
    """Join a process group of just the ranks of the mesh: milliseconds, once torch is loaded."""
    import torch.distributed as dist

    from foldcp.mesh import Mesh

    if dist.is_initialized():
        dist.destroy_process_group()
    dist.init_process_group(
        "gloo",
        init_method=f"file://{store}",
        rank=rank,
        world_size=shape[0] * shape[1],
        timeout=timedelta(seconds=PATIENCE_S),
    )
    return Mesh.create(*shape)

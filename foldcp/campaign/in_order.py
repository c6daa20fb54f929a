"""A function over many items by several processes, results in the order of the items."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import TypeVar

from foldcp.errors import MissingError

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD = 2
"""Items in work or done for each process before the oldest result is taken: memory holds no more of them."""


def in_order(function: Callable[[Item], Result], items: Sequence[Item], jobs: int) -> Iterator[Result]:
    """Yield `function(item)` for each item, in order.

    Parameters
    ----------
    function
        A function of a module, for it is sent to other processes by name.
    items
        Arguments; they and the results can be pickled.
    jobs
        Processes; with one, or few items, everything happens in this process.

    Raises
    ------
    MissingError
        If a process dies, as it does where memory runs out.
    """
    workers = min(jobs, len(items) // FEW)
    if workers < 2:
        yield from map(function, items)
        return
    # Not forked: this process has threads (Arrow's).
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        waiting: deque[Future[Result]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) > AHEAD * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool as error:
            raise MissingError(
                "a process that reads predictions was killed, most likely for want of memory; use fewer "
                "processes (--jobs, --cores), or allow more memory"
            ) from error
        finally:
            for future in waiting:
                future.cancel()


FEW = 8
"""Items for which a process is worth its start, about a second."""

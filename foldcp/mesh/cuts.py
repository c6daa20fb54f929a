"""How an axis of tokens, sequences or atoms is cut over ranks and into chunks.

All cuts of one axis are nested: block `i` of `n` ends at `floor(i · length / n)`, so a boundary of a coarse
cut is also a boundary of every finer cut whose count is a multiple. Cuts over p rows, over q columns and into
lcm(p, q) chunks therefore agree with each other for any length, with blocks that differ by at most one.
"""

from itertools import pairwise
from math import lcm


def bounds(length: int, parts: int) -> list[int]:
    """Return the `parts + 1` boundaries of an even cut of `range(length)`."""
    return [index * length // parts for index in range(parts + 1)]


def blocks(length: int, parts: int) -> list[slice]:
    """Return the `parts` consecutive slices of an even cut; some are empty if `parts > length`."""
    return [slice(start, stop) for start, stop in pairwise(bounds(length, parts))]


def block(length: int, parts: int, index: int) -> slice:
    """Return block `index` of an even cut into `parts`."""
    return slice(index * length // parts, (index + 1) * length // parts)


def size(cut: slice) -> int:
    """Return how many items a block holds."""
    return cut.stop - cut.start


def chunks(length: int, p: int, q: int, width: int | None = None) -> list[slice]:
    """Return the chunks in which a contracted axis travels over a p×q mesh.

    Parameters
    ----------
    length : int
        Items on the axis.
    p, q : int
        Rows and columns of the mesh: no chunk crosses a boundary of either cut, so each has one owner.
    width : int, optional
        Most items in a chunk; by default the lcm(p, q) chunks are as wide as they come.
    """
    pieces = []
    for base in blocks(length, lcm(p, q)):
        parts = 1 if width is None else max(1, -(-size(base) // width))
        pieces += [slice(base.start + cut.start, base.start + cut.stop) for cut in blocks(size(base), parts)]
    return [piece for piece in pieces if size(piece)]


def owner(length: int, parts: int, chunk: slice) -> int:
    """Return which of `parts` blocks holds the whole of `chunk`."""
    return next(i for i, cut in enumerate(blocks(length, parts)) if cut.start <= chunk.start < cut.stop)


def overlap(first: slice, second: slice) -> slice:
    """Return the common part of two slices, empty where they do not meet."""
    start = max(first.start, second.start)
    return slice(start, max(start, min(first.stop, second.stop)))


def shift(cut: slice, origin: int) -> slice:
    """Return `cut` counted from `origin` instead of 0."""
    return slice(cut.start - origin, cut.stop - origin)

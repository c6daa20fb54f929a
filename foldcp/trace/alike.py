"""Pieces of work that are all alike: a trace looks at two of them and passes over the rest.

A large tile is worked off in up to thousands of pieces that take the same operations in the same memory. Two
of them show the peak, for what the first leaves alive is there when the second runs; the rest runs as one
piece that is not counted. Layers of the token transformer overwrite their input: those between the ends are
left out.
"""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

from torch import nn

from foldcp.mesh import Budget, LiveBytes
from foldcp.mesh.cuts import blocks, size

_LOOPS_WITH_MESSAGES = (
    "triangle_attention",
    "outer_product_mean",
    "pair_averaging",
    "pair_bias_attention",
)
"""Operations whose blocks of rows are alike too, beside those of `Budget.pieces`."""


@contextmanager
def alike_once(live: LiveBytes) -> Iterator[None]:
    """Let loops over pieces see two pieces that `live` counts, and the rest as one that it does not."""
    pieces = Budget.pieces

    def few_pieces(budget: Budget, length: int, bytes_each: int) -> list[slice]:
        return _Few(pieces(budget, length, bytes_each), live)

    def few_blocks(length: int, parts: int) -> list[slice]:
        return _Few(blocks(length, parts), live)

    with ExitStack() as stack:
        stack.enter_context(patch.object(Budget, "pieces", few_pieces))
        for name in _LOOPS_WITH_MESSAGES:
            stack.enter_context(patch(f"foldcp.ops.{name}.blocks", few_blocks))
        stack.enter_context(patch("foldcp.layers.token_transformer.enumerate", _few_layers, create=True))
        yield


def _few_layers(layers: Iterable[nn.Module]) -> list[tuple[int, nn.Module]]:
    """Return two layers of each end with their numbers: first come those whose bias a budget stores."""
    numbered = list(enumerate(layers))
    return numbered if len(numbered) < 4 else numbered[:2] + numbered[-2:]


class _Few(list[slice]):
    """The pieces of an even cut, which iterates over two largest ones and then over all the rest at once."""

    def __init__(self, pieces: list[slice], live: LiveBytes) -> None:
        super().__init__(pieces)
        self._live = live

    def __iter__(self) -> Iterator[slice]:
        everyone = list(super().__iter__())
        if len(everyone) < 4:
            yield from everyone
        elif self._live.paused:
            yield slice(everyone[0].start, everyone[-1].stop)
        else:
            yield from self._two_and_the_rest(everyone)

    def _two_and_the_rest(self, everyone: list[slice]) -> Iterator[slice]:
        largest = max(map(size, everyone))
        yield slice(0, largest)
        yield slice(largest, 2 * largest)
        self._live.paused = True
        try:
            yield slice(2 * largest, everyone[-1].stop)
        finally:
            self._live.paused = False

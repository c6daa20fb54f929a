"""Cuts are complete, even and nested for any length."""

from hypothesis import given
from hypothesis import strategies as st

from foldcp.mesh.cuts import blocks, chunks, owner, size

LENGTHS, PARTS = st.integers(1, 300), st.integers(1, 9)


@given(LENGTHS, PARTS)
def test_blocks_cover_the_axis_evenly(length, parts):
    cut = blocks(length, parts)
    assert [i for block in cut for i in range(block.start, block.stop)] == list(range(length))
    assert max(map(size, cut)) - min(map(size, cut)) <= 1


@given(LENGTHS, PARTS, PARTS, st.one_of(st.none(), st.integers(1, 40)))
def test_each_chunk_has_one_owner_on_either_axis(length, p, q, width):
    parts = chunks(length, p, q, width)
    assert sum(map(size, parts)) == length
    assert width is None or max(map(size, parts)) <= width
    for chunk in parts:
        for n in (p, q):
            home = blocks(length, n)[owner(length, n, chunk)]
            assert home.start <= chunk.start < chunk.stop <= home.stop

"""Every verb and its adjoint, in fp64, against the whole matrix; then misuse."""

import numpy as np
import pytest
import torch
from mesh.pool import Failure

from foldcp.mesh import LiveBytes, all_reduce, halo, panels, transpose
from foldcp.mesh.mesh import flat_block

MESHES = [(1, 1), (1, 2), (2, 1), (2, 2), (1, 3), (2, 3), (3, 2)]
N, M, D = 13, 11, 3  # prime, so that no mesh divides them


def whole(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def tile(x, mesh):
    return x[mesh.rows(x.shape[0]), mesh.columns(x.shape[1])]


def leaf(x):
    return x.clone().requires_grad_()


def check_transpose(mesh, shape, dims):
    matrix, weight = whole(*shape, D), whole(*shape[::-1], D, seed=1)
    x = leaf(tile(matrix, mesh).movedim((0, 1), dims))
    y = transpose(x, mesh, shape, dims)
    assert torch.equal(y.movedim(dims, (0, 1)), tile(matrix.transpose(0, 1), mesh))
    (y.movedim(dims, (0, 1)) * tile(weight, mesh)).sum().backward()
    assert torch.equal(x.grad.movedim(dims, (0, 1)), tile(weight.transpose(0, 1), mesh))


@pytest.mark.parametrize("shape", MESHES)
@pytest.mark.parametrize("matrix", [(N, N), (N, M), (M, 2)])
def test_transpose_and_its_adjoint_are_exact(pool, shape, matrix):
    for dims in [(0, 1), (1, 2), (0, 2)]:
        pool.run(check_transpose, shape, matrix, dims)


def product(mesh, width):
    """`o_ij = Σ_k a_ik b_kj` on tiles, with the gradients of both operands, and the whole answer."""
    a, b, weight = whole(N, M), whole(M, N, seed=1), whole(N, N, seed=2)
    mine_a, mine_b = leaf(tile(a, mesh)), leaf(tile(b, mesh))
    o = 0
    for a_Ik, b_kJ in panels(mesh, M, rows=[(mine_a, 1)], columns=[(mine_b, 0)], width=width):
        o = o + a_Ik @ b_kJ
    (o * tile(weight, mesh)).sum().backward()
    got = (o.detach(), mine_a.grad, mine_b.grad)
    expected = tuple(tile(x, mesh) for x in (a @ b, weight @ b.T, a.T @ weight))
    return [((x - y).abs().max() / y.abs().max()).item() for x, y in zip(got, expected, strict=True)]


@pytest.mark.parametrize("shape", MESHES)
@pytest.mark.parametrize("width", [None, 1])
def test_panels_give_the_product_and_both_gradients(pool, shape, width):
    # fp64 rounding of sums of 11 terms; a missing or doubled chunk is of order 1.
    assert max(max(errors) for errors in pool.run(product, shape, width)) < 1e-14


def numerical_gradient(mesh):
    """Central differences of the whole loss in one element of one rank's tile, against the adjoint."""
    a, b, weight = whole(N, M), whole(M, N, seed=1), tile(whole(N, N, seed=2), mesh)

    def loss(mine_a):
        o = sum(
            (torch.tanh(x @ y) for x, y in panels(mesh, M, rows=[(mine_a, 1)], columns=[(tile(b, mesh), 0)])),
            torch.zeros(()),
        )
        return all_reduce((transpose(o, mesh, (N, N)) * weight).pow(2).sum(), mesh, "everyone")

    mine, step = leaf(tile(a, mesh)), 1e-6
    (loss(mine) / mesh.size).backward()  # the sum's adjoint adds the same loss once per rank
    bump = torch.zeros_like(mine)
    if mesh.everyone.index == mesh.size - 1:
        bump[-1, -1] = step
    with torch.no_grad():
        slope = (loss(mine + bump) - loss(mine - bump)) / (2 * step)
    return mine.grad[-1, -1].item(), slope.item()


def test_adjoints_agree_with_differences(pool):
    analytic, slope = pool.run(numerical_gradient, (2, 3))[-1]
    assert abs(slope) > 0.1
    assert analytic == pytest.approx(slope, rel=1e-7)


def in_flight(mesh):
    """The most bytes alive while chunks pass: the used, the arriving, and the caller's last one."""
    x = torch.zeros(8, mesh.columns(64).stop - mesh.columns(64).start)
    with torch.no_grad(), LiveBytes() as live:
        for (chunk,) in panels(mesh, 64, rows=[(x, 1)], width=4):
            assert chunk.shape == (8, 4)
    return live.peak, mesh.tally.messages["panels"], mesh.tally.bytes["panels"]


def test_panels_never_hold_the_whole_panel(pool):
    chunk = 8 * 4 * 4
    for peak, messages, n_bytes in pool.run(in_flight, (1, 2)):
        # One more than are in use: gloo's thread may let go of a chunk a moment after it has arrived. The
        # whole panel would be 16.
        assert chunk <= peak <= 4 * chunk
        assert (messages, n_bytes) == (8, 8 * chunk)


def reductions(mesh):
    errors = []
    line = {
        "row": (slice(mesh.r, mesh.r + 1), slice(None)),
        "column": (slice(None), slice(mesh.c, mesh.c + 1)),
    }
    line["everyone"] = (slice(None), slice(None))
    values, weights = whole(mesh.p, mesh.q, 5), whole(mesh.p, mesh.q, 5, seed=1)
    for over, place in line.items():
        for op in ("sum", "max"):
            x, dense = leaf(values[mesh.r, mesh.c]), leaf(values)
            y, group = all_reduce(x, mesh, over, op), dense[place].flatten(0, 1)
            expected = group.sum(0) if op == "sum" else group.amax(0)
            (y * weights[mesh.r, mesh.c]).sum().backward()
            (expected * weights[place].flatten(0, 1).sum(0)).sum().backward()
            errors += [(y - expected).abs().max(), (x.grad - dense.grad[mesh.r, mesh.c]).abs().max()]
    return max(errors).item()


@pytest.mark.parametrize("shape", MESHES)
def test_reductions_and_their_adjoints(pool, shape):
    assert max(pool.run(reductions, shape)) < 1e-14


def check_halo(mesh, length, before, after, unit):
    atoms, weights = whole(length, 2), whole(mesh.size, 200, 2, seed=1)
    cuts = [flat_block(length, mesh.size, index, unit) for index in range(mesh.size)]
    x, dense = leaf(atoms[mesh.flat(length, unit)]), leaf(atoms)
    padded = torch.cat([dense.new_zeros(before, 2), dense, dense.new_zeros(after, 2)])
    wide = [
        padded[cut.start : cut.stop + before + after] if cut.stop > cut.start else dense[:0] for cut in cuts
    ]
    y = halo(x, mesh, length, before, after, unit)
    assert torch.equal(y, wide[mesh.everyone.index])
    (y * weights[mesh.everyone.index, : len(y)]).sum().backward()
    sum((w * weights[i, : len(w)]).sum() for i, w in enumerate(wide)).backward()
    torch.testing.assert_close(x.grad, dense.grad[mesh.flat(length, unit)], rtol=0, atol=1e-14)


@pytest.mark.parametrize("shape", MESHES)
@pytest.mark.parametrize(("length", "before", "after", "unit"), [(67, 3, 5, 4), (13, 9, 6, 1), (5, 2, 2, 4)])
def test_halo_and_its_adjoint(pool, shape, length, before, after, unit):
    pool.run(check_halo, shape, length, before, after, unit)


def misuse(mesh, kind):
    last = mesh.everyone.index == mesh.size - 1
    x = tile(whole(N, N), mesh)
    if kind == "dtype" and last:
        x = x.float()
    if kind == "shape" and last:
        x = x[:-1]
    if kind == "length":
        return [len(a) for (a,) in panels(mesh, N + last, rows=[(x, 1)])]
    if kind == "rows":
        return [len(a) for (a,) in panels(mesh, N, rows=[(x[: len(x) - last], 1)])]
    if kind == "verb" and last:
        return all_reduce(x, mesh, "row")
    return transpose(x, mesh, (N, N))


@pytest.mark.parametrize("kind", ["dtype", "shape", "length", "rows", "verb"])
def test_misuse_is_an_error_on_every_rank_and_the_mesh_still_works(pool, kind):
    failures = pool.attempt(misuse, (2, 2), kind)
    assert all(isinstance(failure, Failure) and failure.kind == "MeshError" for failure in failures)
    assert all("rank 3" in failure.message for failure in failures)
    pool.run(misuse, (2, 2), "none")


def wrong_layout(mesh):
    """Twin of the transposition test: the local swap alone, as if every rank were on the diagonal."""
    matrix = whole(N + 1, N + 1)
    swapped = tile(matrix, mesh).transpose(0, 1)
    return torch.equal(swapped, tile(matrix.transpose(0, 1), mesh))


def test_transposing_locally_is_noticed(pool):
    assert pool.run(wrong_layout, (2, 2)) == [True, False, False, True]


def test_bytes_of_a_transpose_are_the_tiles_off_the_diagonal(pool):
    sent = pool.run(sent_by_transpose, (2, 2))
    assert np.array_equal(sent, [0, 7 * 7 * 8, 7 * 7 * 8, 0])


def sent_by_transpose(mesh):
    transpose(tile(whole(14, 14), mesh), mesh, (14, 14))
    return mesh.tally.total_bytes()


def spared(mesh, repeated):
    """How many handshakes a sequence of two calls makes, inside and after a section that may spare them."""
    x, counted = tile(whole(N, N), mesh), []
    original = torch.distributed.all_reduce

    def counting(tensor, *args, group=None, **kwargs):
        counted.append(group is mesh.control)
        return original(tensor, *args, group=group, **kwargs)

    torch.distributed.all_reduce = counting
    try:
        with mesh.handshakes.spared(repeated):
            y = transpose(transpose(x, mesh, (N, N)), mesh.T.T, (N, N))
        assert torch.equal(x, y)
        inside = sum(counted)
        transpose(x, mesh, (N, N))
        return inside, sum(counted) - inside
    finally:
        torch.distributed.all_reduce = original


def test_handshakes_are_spared_only_where_a_sequence_repeats(pool):
    assert pool.run(spared, (2, 2), True) == [(0, 1)] * 4
    assert pool.run(spared, (2, 2), False) == [(2, 1)] * 4


def sent_by_gradients(mesh):
    x = leaf(tile(whole(N, N), mesh))
    sum(a.sum() for (a,) in panels(mesh, N, rows=[(x, 1)])).backward()
    return mesh.tally.bytes["panels"] / (8 * N * (mesh.rows(N).stop - mesh.rows(N).start))


def test_gradients_of_panels_are_counted(pool):
    # Forward the owner sends each chunk to the one other rank of its row; backward the other sends it back.
    assert sum(pool.run(sent_by_gradients, (1, 2))) == 2

import pytest

from foldcp.plan.mesh import Mesh, candidates, squarest


@pytest.mark.parametrize(
    ("ranks", "mesh"), [(1, "1x1"), (2, "1x2"), (4, "2x2"), (6, "2x3"), (8, "2x4"), (16, "4x4"), (24, "4x6")]
)
def test_squarest(ranks, mesh):
    assert str(squarest(ranks)) == mesh
    assert squarest(ranks).ranks == ranks


def test_candidates_tile_nodes():
    assert [m.ranks for m in candidates(32, gpus_per_node=8)] == [1, 2, 4, 8, 16, 24, 32]
    assert [m.ranks for m in candidates(8, gpus_per_node=6)] == [1, 2, 3, 6]


def test_one_rank_is_always_allowed():
    assert candidates(1, gpus_per_node=8) == [Mesh(1, 1)]


def test_nodes():
    assert Mesh(2, 4).nodes(8) == 1
    assert Mesh(4, 4).nodes(8) == 2
    assert Mesh(1, 2).nodes(8) == 1

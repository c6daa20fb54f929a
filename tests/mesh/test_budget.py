"""The budget: never over it, never less than one unit, errors that name the choices."""

import pytest
import torch

from foldcp.errors import UsageError
from foldcp.mesh import Budget, LiveBytes, Mesh, MeshError, Place


def test_blocks_fit_the_budget():
    budget = Budget(1000)
    assert budget.blocks(length=100, bytes_each=100) == 10
    assert budget.blocks(length=100, bytes_each=100, fixed=500) == 20
    assert budget.blocks(length=7, bytes_each=10_000) == 7
    assert budget.blocks(length=0, bytes_each=10) == 1


def test_levels_are_per_pair_of_the_largest_tile():
    mesh = Mesh.create(1, 1)
    assert Budget.level("small", mesh, 10).bytes == 25_600
    with pytest.raises(UsageError, match="small, medium, large"):
        Budget.level("tiny", mesh, 10)


def test_a_mesh_needs_its_ranks():
    with pytest.raises(MeshError, match="2x2"):
        Mesh.create(2, 2)


def test_live_bytes_see_what_is_freed_and_not_what_was_there():
    x = torch.zeros(256)
    with LiveBytes() as live:
        y = x.add(1).view(16, 16).add_(1)
        del y
        z = x[:10].clone() + 1
    assert live.peak == 1024
    assert z.shape == (10,)


def test_a_place_needs_a_token_for_each_rank():
    with pytest.raises(MeshError, match="0 tokens"):
        Place(Mesh.create(1, 1), 0, Budget(1))

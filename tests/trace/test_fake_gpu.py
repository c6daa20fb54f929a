"""The fake GPU: what lies on it has no memory, the host is as always, and nothing stays behind."""

import pytest
import torch
import torch.distributed as dist

from foldcp.errors import UsageError
from foldcp.mesh import LiveBytes, all_reduce, halo, transpose
from foldcp.trace.fake_gpu import GPU, fake_gpu
from foldcp.trace.fake_mesh import fake_mesh


def test_the_gpu_is_fake_and_the_host_is_not():
    with fake_gpu():
        index = torch.arange(5)
        huge = torch.zeros(1 << 20, 1 << 20, device=GPU)
        chosen = huge[index.to(GPU), :3]
        assert (chosen.shape, chosen.device) == ((5, 3), GPU)
        assert (index + 1).tolist() == [1, 2, 3, 4, 5]
        assert torch.tensor(2.0, device="cuda").device == GPU
        assert torch.zeros(1).expand(8).to(GPU).untyped_storage().nbytes() == 32
        with pytest.raises(Exception, match="device"):
            chosen + torch.ones(5, 3)


def test_autocast_is_that_of_a_gpu():
    with fake_gpu(), torch.no_grad():
        x = torch.zeros(4, 8, device=GPU)
        with torch.autocast("cuda", torch.bfloat16):
            assert (x @ x.T).dtype is torch.bfloat16
            assert (x @ x.T).softmax(-1).dtype is torch.float32  # unlike autocast on a CPU
            with torch.autocast("cuda", enabled=False):
                assert (x @ x.T).dtype is torch.float32


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_nothing_stays_behind():
    with fake_gpu():
        torch.zeros(3, device=GPU)[:2]
    with pytest.raises((AssertionError, NotImplementedError, RuntimeError)):
        torch.zeros(3, device=GPU)


def test_live_bytes_of_the_gpu_alone():
    with fake_gpu(), LiveBytes("cuda") as live:
        torch.zeros(1000)
        kept = torch.zeros(250, device=GPU)
        torch.zeros(100, device=GPU)
    assert (live.peak, live.now(), kept.nbytes) == (1400, 1000, 1000)


def test_verbs_run_on_a_rank_of_a_fake_mesh():
    with fake_mesh(2, 3) as mesh, fake_gpu(), torch.no_grad():
        assert (mesh.r, mesh.c, mesh.rows(7), mesh.columns(7)) == (1, 2, slice(3, 7), slice(4, 7))
        tile = torch.zeros(4, 3, 5, device=GPU)
        assert transpose(tile, mesh, (7, 7)).shape == (4, 3, 5)
        assert all_reduce(tile, mesh, "row").shape == tile.shape
        assert halo(torch.zeros(2, 5, device=GPU), mesh, 9, 3, 3).shape == (8, 5)
    assert not dist.is_initialized()


@pytest.mark.parametrize(("shape", "place"), [((1, 1), (0, 0)), ((2, 2), (1, 0)), ((4, 2), (3, 1))])
def test_the_rank_looked_at(shape, place):
    with fake_mesh(*shape) as mesh:
        assert (mesh.r, mesh.c) == place
        assert mesh.grid[mesh.r][mesh.c] == mesh.everyone.index == dist.get_rank()


def no_mesh_inside_a_mesh(mesh):
    with pytest.raises(UsageError, match="process of its own"), fake_mesh(2, 2):
        pass


def test_a_rank_of_a_real_mesh_cannot_trace(pool):
    pool.run(no_mesh_inside_a_mesh, (1, 2))

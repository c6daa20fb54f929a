"""How much memory a rank can have."""

import os

import pytest

from foldcp.predict import memory
from foldcp.predict.memory import Place, host_bytes, smallest_share

GIB = 2**30
PHYSICAL = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


@pytest.fixture(autouse=True)
def groups(monkeypatch, tmp_path):
    """A process and its control groups without a limit."""
    monkeypatch.setattr(memory, "_SELF", tmp_path / "self")
    monkeypatch.setattr(memory, "_CGROUPS", tmp_path / "groups")
    (tmp_path / "self").mkdir()
    return tmp_path


def test_ranks_on_one_device_share_it_and_the_smallest_share_counts():
    a, b, small = (
        Place("n1", "gpu-a", 80 * GIB),
        Place("n1", "gpu-b", 80 * GIB),
        Place("n2", "gpu-c", 48 * GIB),
    )
    assert smallest_share([a, b]) == 80 * GIB
    assert smallest_share([a, a, small]) == 40 * GIB
    assert smallest_share([a, b, small]) == 48 * GIB
    assert smallest_share([Place("n1", "cpu", 8 * GIB), Place("n2", "cpu", 8 * GIB)]) == 8 * GIB
    assert smallest_share([Place("n1", "cpu", None)]) is None


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, PHYSICAL),
        ({"SLURM_MEM_PER_NODE": "100"}, 100 * 2**20),
        ({"SLURM_MEM_PER_CPU": "30", "SLURM_CPUS_ON_NODE": "4"}, 120 * 2**20),
        ({"SLURM_MEM_PER_NODE": "0"}, PHYSICAL),
        ({"SLURM_MEM_PER_NODE": "all"}, PHYSICAL),
        ({"SLURM_MEM_PER_NODE": "999999999999"}, PHYSICAL),
    ],
)
def test_a_job_has_what_slurm_gives_it_but_no_more_than_there_is(variables, expected):
    assert host_bytes(variables) == expected


def test_a_control_group_or_one_around_it_sets_the_limit(groups):
    inner, outer = groups / "groups/a/b", groups / "groups/a"
    inner.mkdir(parents=True)
    (groups / "self/cgroup").write_text("0::/a/b\n")
    (inner / "memory.max").write_text("max\n")
    (outer / "memory.max").write_text("5000000\n")
    assert host_bytes({}) == 5_000_000
    (inner / "memory.max").write_text("4000000\n")
    assert host_bytes({}) == 4_000_000


def test_a_control_group_of_version_1(groups):
    folder = groups / "groups/memory/job"
    folder.mkdir(parents=True)
    (folder / "memory.limit_in_bytes").write_text("3000000\n")
    (groups / "self/cgroup").write_text("4:memory:/job\n3:cpu,cpuacct:/job\n")
    assert host_bytes({}) == 3_000_000

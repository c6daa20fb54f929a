"""Memory of one rank: the measured peak of one complex, and how much there is. Imports no torch on a CPU."""

import contextlib
import os
import re
import socket
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_SELF = Path("/proc/self")
_CGROUPS = Path("/sys/fs/cgroup")
_MIB = 2**20


def reset_peak(device: str) -> None:
    """Forget the peak so far: of this process on the current GPU, or of its resident memory on a CPU."""
    if device.startswith("cuda"):
        import torch

        torch.cuda.reset_peak_memory_stats()
    else:
        # Documented in proc(5): 5 resets the peak resident set size. Absent outside Linux.
        with contextlib.suppress(OSError):
            (_SELF / "clear_refs").write_text("5")


def peak_bytes(device: str) -> int | None:
    """Return the peak since :func:`reset_peak`, in bytes; None where the system does not say."""
    if device.startswith("cuda"):
        import torch

        return torch.cuda.max_memory_allocated()
    return resident_peak_bytes(_SELF)


def resident_peak_bytes(process: Path) -> int | None:
    """Return the peak of a process's resident memory, in bytes; None where the system does not say.

    `process` is its folder in /proc. The number outlives neither the process nor a reset of its peak.
    """
    with contextlib.suppress(OSError):
        if found := re.search(r"^VmHWM:\s+(\d+) kB", (process / "status").read_text(), re.MULTILINE):
            return int(found[1]) * 1024
    return None


@dataclass(frozen=True)
class Place:
    """Where a rank computes.

    Attributes
    ----------
    host
        Name of the machine.
    device
        Identity of the GPU; `cpu` for the machine's own memory.
    size
        Memory of that device in bytes; None where the system does not say.
    """

    host: str
    device: str
    size: int | None

    @classmethod
    def of(cls, device: str) -> "Place":
        """Return the place of this process on `cpu` or `cuda:3`."""
        if not device.startswith("cuda"):
            return cls(socket.gethostname(), "cpu", host_bytes(os.environ))
        import torch

        properties = torch.cuda.get_device_properties(device)
        return cls(socket.gethostname(), str(properties.uuid), properties.total_memory)


def smallest_share(places: Sequence[Place]) -> int | None:
    """Return the bytes that every rank can have, where ranks on one device share it; None if unknown."""
    ranks = Counter((place.host, place.device) for place in places)
    shares = [place.size // ranks[place.host, place.device] for place in places if place.size is not None]
    return min(shares, default=None)


def host_bytes(variables: Mapping[str, str]) -> int | None:
    """Return how much memory this job may take on this machine, in bytes: the tightest of all limits.

    Parameters
    ----------
    variables
        The environment, in which SLURM tells the job's limit.
    """
    limits = [_slurm_bytes(variables), *_cgroup_bytes()]
    with contextlib.suppress(ValueError, OSError):
        limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    return min((limit for limit in limits if limit), default=None)


def _slurm_bytes(variables: Mapping[str, str]) -> int | None:
    # In MiB, and 0 for a whole node (sbatch(1), output environment variables).
    per_cpu, cpus = variables.get("SLURM_MEM_PER_CPU"), variables.get("SLURM_CPUS_ON_NODE")
    with contextlib.suppress(ValueError):
        if node := variables.get("SLURM_MEM_PER_NODE"):
            return int(node) * _MIB
        if per_cpu and cpus:
            return int(per_cpu) * int(cpus) * _MIB
    return None


def _cgroup_bytes() -> Iterator[int]:
    """Yield the limits of the control groups around this process, versions 1 and 2."""
    with contextlib.suppress(OSError):
        for line in (_SELF / "cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers not in ("", "memory"):
                continue
            file = "memory.limit_in_bytes" if controllers else "memory.max"
            group = (_CGROUPS / controllers).joinpath(path.lstrip("/"))
            for folder in (group, *group.parents):
                with contextlib.suppress(OSError, ValueError):  # `max` is no number, and no limit
                    yield int((folder / file).read_text())

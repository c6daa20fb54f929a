"""Measured peak memory of one complex, on the device that ran it."""

import contextlib
import re
from pathlib import Path

_SELF = Path("/proc/self")


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

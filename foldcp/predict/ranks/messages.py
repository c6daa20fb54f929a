"""What keepers and ranks tell each other. Everything here is pickled."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from foldcp.errors import FoldcpError
from foldcp.predict.outcomes import Outcome

Say = Callable[[str], None]
"""Takes a line of progress."""

Work = Callable[[Any, Say], Any]
"""What a rank does: takes a job, and returns a result, of which only that of rank 0 counts."""

PATIENCE = timedelta(minutes=30)
"""How long a rank waits for a message of another: above any time that one may compute while another waits.
Dead ranks are noticed by their keepers, within a second."""


@dataclass(frozen=True)
class Order:
    """What the ranks of one generation are to be.

    Attributes
    ----------
    shape
        Rows and columns of the mesh.
    build, args
        `build(mesh, device, *args)` makes a rank's `Work`.
    device
        `auto`, `cpu` or `cuda`.
    threads
        CPU threads of each rank; None shares out the cores.
    patience
        How long a message between ranks may take.
    """

    shape: tuple[int, int]
    build: Callable[..., Work]
    args: tuple[Any, ...]
    device: str
    threads: int | None
    patience: timedelta = PATIENCE

    @property
    def size(self) -> int:
        """How many ranks the mesh has."""
        return self.shape[0] * self.shape[1]


@dataclass(frozen=True)
class Seat:
    """Which rank a process is, and where it meets the others.

    Attributes
    ----------
    rank
        The rank, row after row of the mesh.
    local
        Its number among the ranks of this machine, by which it takes its GPU.
    host, port
        Address of the store.
    generation
        Prefix of the generation's keys.
    """

    rank: int
    local: int
    host: str
    port: int
    generation: str


@dataclass(frozen=True)
class Ready:
    """Rank 0 says that every rank has built its work."""

    device: str
    device_name: str


@dataclass(frozen=True)
class Said:
    """A line of progress from rank 0."""

    text: str


@dataclass(frozen=True)
class Result:
    """What rank 0 returned, and the peak memory of every rank."""

    value: Any
    peaks: list[int | None]


@dataclass(frozen=True)
class Failure:
    """How a rank ended that should not have.

    Attributes
    ----------
    rank
        The rank.
    outcome, message
        The typed outcome, and one line that says why.
    peak_bytes
        Its peak memory; None where nobody saw it.
    consequence
        Whether it only lost the connection to another rank, whose failure is the cause.
    error
        The error itself, if it is one that the user can mend.
    trace
        Traceback of an error that is none of these.
    """

    rank: int
    outcome: Outcome
    message: str
    peak_bytes: int | None
    consequence: bool = False
    error: FoldcpError | None = None
    trace: str = ""


Message = Ready | Said | Result | Failure

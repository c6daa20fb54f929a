"""What keepers and ranks tell each other. Everything here is pickled."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from foldcp.errors import FoldcpError
from foldcp.predict.child import Beat
from foldcp.predict.memory import Place
from foldcp.predict.outcomes import Outcome

Say = Callable[[str], None]
"""Takes a line of progress."""

Work = Callable[[Any, Say], Any]
"""What a rank does: takes a job, and returns a result, of which only that of rank 0 counts."""

PATIENCE = timedelta(minutes=10)
"""How long a rank waits for a message of another. All ranks compute the same at the same time, so that one
waits only for what the other does alone or slower: read its weights, write the error matrices (rank 0). That
takes minutes at most. Dead ranks are noticed by their keepers within a second, stopped ones by their silence;
what is left for this limit is a deadlock among ranks whose processes are well."""

START = timedelta(minutes=10)
"""How long a rank may take to begin: on a busy filesystem, importing torch takes minutes."""

SILENCE = 45.0
"""Seconds without a word after which a rank, or a keeper, counts as hung: several times what a living one may
be kept from a beat (a call that holds Python's lock, a machine that swaps), and short enough that with the
killing nothing of a hung mesh is left after a minute."""


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
    silence
        Seconds without a word after which a rank or a keeper counts as hung.
    """

    shape: tuple[int, int]
    build: Callable[..., Work]
    args: tuple[Any, ...]
    device: str
    threads: int | None
    patience: timedelta = PATIENCE
    silence: float = SILENCE

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
    """Rank 0 says that every rank has built its work.

    Attributes
    ----------
    device, device_name
        `cpu` or `cuda`, and the model of rank 0's GPU or `cpu`.
    places
        Where each rank computes.
    """

    device: str
    device_name: str
    places: list[Place]


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
    cause
        As in :class:`foldcp.predict.outcomes.RankError`.
    peak_bytes
        Its peak memory; None where nobody saw it.
    consequence
        Whether it only lost the connection to another rank, whose failure is the cause.
    error
        The error itself, if it is one that the user can mend.
    trace
        Traceback of an error that is none of these.
    keeper
        The silent process that keeps the rank, if that is what failed.
    """

    rank: int
    outcome: Outcome
    message: str
    cause: str
    peak_bytes: int | None
    consequence: bool = False
    error: FoldcpError | None = None
    trace: str = ""
    keeper: int | None = None


Message = Ready | Beat | Said | Result | Failure

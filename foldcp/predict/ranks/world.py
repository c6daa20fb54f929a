"""Which processes of this program run together, as torchrun or srun has started them."""

import functools
import os
import pickle
import re
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Optional

from foldcp.errors import FoldcpError, UsageError
from foldcp.predict.ranks import keys

if TYPE_CHECKING:
    from torch.distributed import TCPStore

_FIRST_CONTACT = timedelta(minutes=10)
"""Time for all processes of a job to start: on a busy filesystem, importing torch takes minutes."""
_FAREWELL = 5.0
"""Seconds for the others to see that the work is over."""


@dataclass
class World:
    """The processes that keep ranks together, seen from one of them. Without arguments: this one alone.

    As a context manager it lasts as long as the program's work; leaving it, the driver sends the others home.

    Attributes
    ----------
    keeper, n_keepers
        Which of how many; keeper 0 is the driver.
    local
        Number among the keepers on this machine.
    host, port
        Where keeper 0 opens the store; port 0 takes any free one.
    agent
        Key under which to look up keeper 0's port in the store that torchrun itself keeps at `host`, `port`.
    """

    keeper: int = 0
    n_keepers: int = 1
    local: int = 0
    host: str = "127.0.0.1"
    port: int = 0
    agent: str | None = None
    _store: Optional["TCPStore"] = field(default=None, init=False, repr=False)
    _generation: int = field(default=0, init=False, repr=False)

    @classmethod
    @functools.cache
    def current(cls) -> "World":
        """Return the world that this process was started in, one object for all callers."""
        return cls.from_environment(os.environ)

    @classmethod
    def from_environment(cls, variables: Mapping[str, str]) -> "World":
        """Return the world that a launcher describes: torchrun, else srun (submitit's too), else alone.

        The variables of an allocation alone (sbatch without srun) start nothing, so they do not count.
        """
        launchers = {"WORLD_SIZE": _torchrun, "SLURM_STEP_NUM_TASKS": _srun}
        for size, describe in launchers.items():
            if int(variables.get(size, 1)) > 1:
                return describe(variables)
        return cls()

    @property
    def follows(self) -> bool:
        """Whether another process is the driver."""
        return self.keeper > 0

    @property
    def store(self) -> "TCPStore":
        """The store, opened by keeper 0 and found by the others.

        Raises
        ------
        FoldcpError
            If it cannot be opened or found.
        """
        if self._store is None:
            try:
                self._store = self._open()
            except RuntimeError as error:
                where = f"{self.host}:{self.port}"
                raise FoldcpError(
                    f"process {self.keeper} of {self.n_keepers} cannot meet the others at {where} "
                    f"({error}); does the name resolve? MASTER_PORT chooses another port"
                ) from error
        return self._store

    def post(self, key: str, value: object = None) -> None:
        """Put a value under a key of the store, for the other keepers and the ranks."""
        self.store.set(key, pickle.dumps(value))  # type: ignore[arg-type]  # bytes, whatever the stub says

    def has(self, key: str) -> bool:
        """Return whether a key is in the store."""
        return self.store.check([key])

    def read(self, key: str) -> Any:
        """Return what was put under a key."""
        return pickle.loads(self.store.get(key))

    def silent(self, key: Callable[[int], str], seconds: float) -> list[int]:
        """Wait until each other keeper has put its key into the store; return those that did not in time."""
        left, deadline = list(range(1, self.n_keepers)), time.monotonic() + seconds
        # Not by the store's own wait, which blocks the process and logs a time-out as a fault.
        while (left := [k for k in left if not self.has(key(k))]) and time.monotonic() < deadline:
            time.sleep(0.1)
        return left

    def next_generation(self) -> int:
        """Return the number of the mesh that starts next."""
        self._generation += 1
        return self._generation

    def share(self, shape: tuple[int, int]) -> int:
        """Return how many ranks of a mesh each keeper takes.

        Raises
        ------
        UsageError
            If they cannot be shared out evenly.
        """
        size = shape[0] * shape[1]
        if size % self.n_keepers:
            valid = ", ".join(str(n) for n in range(1, size + 1) if size % n == 0)
            raise UsageError(
                f"a {shape[0]}x{shape[1]} mesh of {size} ranks cannot be shared by the {self.n_keepers} "
                f"processes that were started; start {valid} of them (srun -n, torchrun --nproc-per-node), "
                "or choose another mesh"
            )
        return size // self.n_keepers

    def close(self) -> None:
        """Close the store; the driver first tells the others that there is no more to do."""
        if self._store is not None and self.n_keepers > 1 and not self.follows:
            self.post(keys.END)
            # Those who are gone already say no farewell; the driver ends all the same.
            self.silent(keys.farewell, _FAREWELL)
        self._store = None

    def __enter__(self) -> "World":
        if self.n_keepers > 1:
            _ = self.store  # now: the others wait for it, even if there turns out to be nothing to do
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self) -> "TCPStore":
        from torch.distributed import TCPStore

        def store(port: int, host_it: bool) -> TCPStore:
            return TCPStore(
                self.host, port, is_master=host_it, wait_for_workers=False, timeout=_FIRST_CONTACT
            )

        if self.agent is None:
            return store(self.port, not self.follows)
        # torchrun's own store would outlive a driver that dies; one that dies with it tells the others.
        agent = store(self.port, False)
        if self.follows:
            return store(int(agent.get(self.agent)), False)
        own = store(0, True)
        agent.set(self.agent, str(own.port))
        return own


def first_host(nodes: str) -> str:
    """Return the first host of a SLURM node list: ``gpu03`` for ``gpu[03-05,9],login``."""
    first = re.match(r"(?:[^,\[]|\[[^\]]*\])*", nodes)
    return re.sub(r"\[([^\],-]+)[^\]]*\]", r"\1", first[0]) if first else ""


def _torchrun(variables: Mapping[str, str]) -> World:
    run, restart = variables.get("TORCHELASTIC_RUN_ID", ""), variables.get("TORCHELASTIC_RESTART_COUNT", "0")
    has_agent = variables.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
    return World(
        keeper=_number(variables, "RANK"),
        n_keepers=_number(variables, "WORLD_SIZE"),
        local=int(variables.get("LOCAL_RANK", 0)),
        host=variables.get("MASTER_ADDR", "127.0.0.1"),
        port=_number(variables, "MASTER_PORT"),
        agent=f"foldcp/{run}/{restart}" if has_agent else None,
    )


def _srun(variables: Mapping[str, str]) -> World:
    # Equal on all tasks of a step, different for steps that run side by side, and outside the range from
    # which systems hand out ports.
    step = f"{variables.get('SLURM_JOB_ID')}.{variables.get('SLURM_STEP_ID')}"
    nodes = variables.get("SLURM_STEP_NODELIST") or variables.get("SLURM_JOB_NODELIST", "")
    return World(
        keeper=_number(variables, "SLURM_PROCID"),
        n_keepers=_number(variables, "SLURM_STEP_NUM_TASKS"),
        local=int(variables.get("SLURM_LOCALID", 0)),
        host=variables.get("MASTER_ADDR") or first_host(nodes) or "127.0.0.1",
        port=int(variables.get("MASTER_PORT") or 10_000 + zlib.crc32(step.encode()) % 20_000),
    )


def _number(variables: Mapping[str, str], name: str) -> int:
    try:
        return int(variables[name])
    except (KeyError, ValueError):
        raise UsageError(
            f"the environment speaks of several processes, but {name} is {variables.get(name)!r}; start them "
            "with torchrun or srun"
        ) from None

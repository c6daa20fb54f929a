"""A process of our own at the other end of a pipe: a fresh interpreter that lives as long as its parent.

Not by `multiprocessing`, which runs the main program's file again in each child.

On the parent's side nothing blocks: a child may be stopped, or hang, at any byte of a message. On the child's
side, a thread is the only reader of the pipe and ends the process when the parent is gone.
"""

import contextlib
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any

from foldcp.errors import FoldcpError

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
"""Ctrl-C and what SLURM sends before a job ends: for the parent to answer, not for a child to die of."""

BEATS = 9
"""Beats in the time after which silence means that a process hangs."""

Inbox = SimpleQueue[tuple["Child", bytes | None]]
"""What children have sent, and by whom; None when one has closed its pipe."""


@dataclass(frozen=True)
class Beat:
    """A process is alive."""


def picklable(error: Any) -> Any:
    """Return an error as it comes out at the other end of a pipe."""
    try:
        copy = pickle.loads(pickle.dumps(error))
    except Exception:
        kind = "" if isinstance(error, FoldcpError) else f"{type(error).__name__}: "
        return FoldcpError(f"{kind}{error}")
    return copy


class Child:
    """A child, seen from its parent.

    Parameters
    ----------
    module
        What it runs: a module that calls :meth:`Parent.from_arguments`.
    arguments
        Further command line arguments.
    variables
        Environment variables that differ from this process's own.
    inbox
        Where its messages go; several children may share one.
    """

    def __init__(self, module: str, arguments: list[str], variables: Mapping[str, str], inbox: Inbox) -> None:
        self._pipe, theirs = Pipe()
        self._outbox: SimpleQueue[bytes | None] = SimpleQueue()
        # The parent's own path of modules, so that the child finds what the parent found.
        own = {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUNBUFFERED": "1"}
        with theirs:
            self.popen = subprocess.Popen(
                [sys.executable, "-P", "-m", module, str(theirs.fileno()), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=2,  # the program's standard output is for results
                pass_fds=[theirs.fileno()],
                env={**os.environ, **own, **variables},
                start_new_session=True,  # a terminal sends Ctrl-C to all of a session's foreground processes
            )
        self._reader = threading.Thread(target=self._read, args=(inbox,), daemon=True, name=f"from {module}")
        self._writer = threading.Thread(target=self._write, daemon=True, name=f"to {module}")
        self._reader.start()
        self._writer.start()

    def send(self, content: bytes) -> None:
        """Send bytes; of a child that dies before it has them, the inbox tells."""
        self._outbox.put(content)

    def settle(self, seconds: float) -> None:
        """Wait until all that a dead child has sent is in the inbox.

        It may take forever where a child of the child holds the pipe, hence the limit.
        """
        self._reader.join(seconds)

    def end(self, seconds: float) -> None:
        """Kill it, wait for its end, and close the pipe."""
        self.popen.kill()
        # A process inside a driver call may be slow to die; there is nothing more to do about it.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.popen.wait(max(seconds, 0))
        # Both threads wake up, even where the other end is still open, and leave the pipe before it closes.
        with socket.socket(fileno=os.dup(self._pipe.fileno())) as both, contextlib.suppress(OSError):
            both.shutdown(socket.SHUT_RDWR)
        self._outbox.put(None)
        self._reader.join()
        self._writer.join()
        self._pipe.close()

    def _read(self, inbox: Inbox) -> None:
        with contextlib.suppress(EOFError, OSError):
            while True:
                inbox.put((self, self._pipe.recv_bytes()))
        inbox.put((self, None))

    def _write(self) -> None:
        with contextlib.suppress(OSError):
            while (content := self._outbox.get()) is not None:
                self._pipe.send_bytes(content)


class Parent:
    """The parent, seen from its child. The process ends when the parent does."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe, self._sending = pipe, threading.Lock()
        self._received: SimpleQueue[bytes] = SimpleQueue()
        threading.Thread(target=self._listen, daemon=True, name="parent").start()

    @classmethod
    def from_arguments(cls) -> "Parent":
        """Return the parent that started this process; its signals are no longer heeded."""
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        descriptor = int(sys.argv[1])
        os.set_inheritable(descriptor, False)
        return cls(Connection(descriptor))

    def receive(self) -> bytes:
        """Wait for bytes from the parent."""
        return self._received.get()

    def was_heard(self) -> bool:
        """Return whether the parent has sent anything that was not received; it is received now."""
        heard = False
        while not self._received.empty():
            self._received.get()
            heard = True
        return heard

    def send(self, message: Any) -> None:
        """Send the parent a message, pickled. Any thread may."""
        content = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        try:
            with self._sending:
                self._pipe.send_bytes(content)
        except (BrokenPipeError, ConnectionResetError):
            os._exit(1)

    def beat(self, seconds: float) -> None:
        """Send a beat every so often from now on, for as long as this process lives and can run Python."""

        def forever() -> None:
            while True:
                self.send(Beat())
                time.sleep(seconds)

        threading.Thread(target=forever, daemon=True, name="beat").start()

    def _listen(self) -> None:
        # Also notices the parent's end while the main thread computes.
        with contextlib.suppress(EOFError, OSError):
            while True:
                self._received.put(self._pipe.recv_bytes())
        os._exit(1)

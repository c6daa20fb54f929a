"""The errors foldcp raises on purpose, and the exit code each one maps to.

Every message says what was got, what is valid, and what to do. The command line prints it without a
traceback; anything that is not a `FoldcpError` is a defect of foldcp and keeps its traceback.
"""

import errno
from enum import IntEnum
from pathlib import Path


class ExitCode(IntEnum):
    """Exit codes of the `foldcp` command, printed by `foldcp --help`."""

    OK = 0
    FAILED = 1
    """A defect in foldcp, or at least one complex failed while the others finished."""
    USAGE = 2
    """The command line or the configuration is wrong."""
    BAD_INPUT = 3
    """An input file cannot be read as what it should be."""
    MISSING = 4
    """Something the machine needs is absent: weights, molecules, a program, a network, room on the disk."""


class FoldcpError(Exception):
    """Base of all errors that a user can cause and mend."""

    exit_code: ExitCode = ExitCode.FAILED


class UsageError(FoldcpError):
    """An option or a configuration value is not valid."""

    exit_code = ExitCode.USAGE


class InputError(FoldcpError):
    """A file is not what it should be."""

    exit_code = ExitCode.BAD_INPUT


class UnreadableError(InputError):
    """A file cannot be opened or read, which says nothing about what it holds."""


class MissingError(FoldcpError):
    """A file, program, service or device that the command needs is absent."""

    exit_code = ExitCode.MISSING


class WriteError(FoldcpError):
    """A file or folder cannot be written: no such place, no permission, or no room."""

    exit_code = ExitCode.MISSING
    cause: str | None = None
    """`disk_full` if it is, for the ledger."""

    @classmethod
    def of(cls, path: Path, error: OSError) -> "WriteError":
        """Return the error for `path` from what the operating system said."""
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            full = cls(f"{path} cannot be written: the disk is full ({error.strerror}); free some space")
            full.cause = "disk_full"
            return full
        return cls(f"{path} cannot be written: {error.strerror}; name a place where you may write")


def unknown_choice(what: str, got: object, valid: list[str]) -> UsageError:
    """Return the error for a value outside a closed list, naming what was got and what is valid."""
    return UsageError(f"unknown {what} {got!r}; valid: {', '.join(valid)}")


# torch raises a subclass of RuntimeError for CUDA memory, and a plain RuntimeError for the CPU's allocator
# and for the CUDA libraries, so their words are all there is to go by.
_MEMORY_WORDS = ("out of memory", "can't allocate memory", "cannot allocate memory", "alloc_failed")


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that memory ran out, on the GPU or on the host."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    words = str(error).lower()
    return isinstance(error, (RuntimeError, OSError)) and any(w in words for w in _MEMORY_WORDS)

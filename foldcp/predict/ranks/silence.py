"""How long nothing has been heard of a process."""

import time

_MOST_PER_LOOK = 1.0
"""Seconds that one look may add."""


class Silence:
    """How long a process has been silent while its listener listened.

    Only time between two looks that follow each other counts. A listener that was away, because it was busy
    or because the whole job was suspended, has heard nobody and must not conclude that nobody spoke.

    Parameters
    ----------
    limit
        Seconds after which a process counts as hung.
    first
        The same until it has been heard for the first time.
    """

    def __init__(self, limit: float, first: float) -> None:
        self._limit, self._allowed = limit, first
        self._seconds, self._looked = 0.0, time.monotonic()

    def end(self) -> None:
        """Begin anew, because the process was heard."""
        self._seconds, self._allowed = 0.0, self._limit

    def is_too_long(self) -> bool:
        """Look; return whether the process has been silent for too long."""
        now = time.monotonic()
        self._seconds += min(now - self._looked, _MOST_PER_LOOK)
        self._looked = now
        return self._seconds > self._allowed

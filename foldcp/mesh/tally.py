"""Own count of what a rank sends: torch's CommDebugMode does not see batched point-to-point messages."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Tally:
    """Messages and bytes sent by this rank, by verb.

    A broadcast counts one message to each receiver on its owner, an all-reduce over n ranks the
    2 (n - 1)/n of a ring. Handshakes (a few integers per verb) are not counted.
    """

    messages: Counter[str] = field(default_factory=Counter)
    bytes: Counter[str] = field(default_factory=Counter)

    def add(self, verb: str, messages: int, n_bytes: int) -> None:
        """Count `messages` of `n_bytes` altogether for `verb`."""
        self.messages[verb] += messages
        self.bytes[verb] += n_bytes

    def total_bytes(self) -> int:
        """Return the bytes sent by this rank since the last `clear`."""
        return sum(self.bytes.values())

    def clear(self) -> None:
        """Start again at zero."""
        self.messages.clear()
        self.bytes.clear()

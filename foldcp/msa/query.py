"""What an alignment is wanted of, and how a search fails."""

from typing import NamedTuple

from foldcp.errors import FoldcpError

KEY = " Key="
"""What stands before a pairing key, at the end of a header: rows of different chains with equal keys pair."""


class Query(NamedTuple):
    """One unique protein sequence."""

    sha256: str
    """Hash of the sequence."""
    sequence: str
    names: tuple[str, ...] = ()
    """What files of this sequence may be called, besides the hash: keys of its members."""
    complex_id: str | None = None
    """Complex that the alignment is for; None for all with this sequence."""

    @property
    def stem(self) -> str:
        """What the campaign calls the file: the hash, after the complex where it is of one."""
        return ".".join(filter(None, (self.complex_id, self.sha256)))


class SearchError(FoldcpError):
    """A search failed, perhaps because of one of its sequences."""

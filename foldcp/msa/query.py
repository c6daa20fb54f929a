"""What an alignment is wanted of, and how a search fails."""

from typing import NamedTuple

from foldcp.errors import FoldcpError


class Query(NamedTuple):
    """One unique protein sequence."""

    sha256: str
    """Hash of the sequence."""
    sequence: str
    names: tuple[str, ...] = ()
    """What files of this sequence may be called, besides the hash: keys of its members."""


class SearchError(FoldcpError):
    """A search failed, perhaps because of one of its sequences."""
